"""One file: a JSON header and named integer arrays, in the safetensors format, with a checksum.

safetensors holds no code, checks every offset against the file's length and is read from many
languages. The header stands in its metadata under the key `qsim`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from ..errors import QsimError

KEY = "qsim"
Tensors = Mapping[str, npt.NDArray[np.integer[Any]]]


def fingerprint(header: Mapping[str, Any], tensors: Tensors) -> str:
    """sha256, in hex, of a header and its arrays; equal for equal values, whatever their dtype."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True, allow_nan=False).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape}".encode())
        digest.update(np.ascontiguousarray(tensors[name], "<i8").tobytes())
    return digest.hexdigest()


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place only if the block succeeds."""
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
    except OSError as error:
        raise QsimError(f"{target} cannot be written: {error.strerror}") from None
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise QsimError(f"{target} cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write(path: str | PathLike[str], header: Mapping[str, Any], tensors: Tensors) -> None:
    """Write header and arrays, each in its narrowest integer type, completely or not at all."""
    narrow = {name: np.ascontiguousarray(_narrowest(array)) for name, array in tensors.items()}
    sealed = {**header, "checksum": fingerprint(header, tensors)}
    data = safetensors.numpy.save(narrow, {KEY: json.dumps(sealed, sort_keys=True)})
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _narrowest(array: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.integer[Any]]:
    for dtype in (np.int8, np.int16, np.int32):
        if np.iinfo(dtype).min <= array.min() and array.max() <= np.iinfo(dtype).max:
            return array.astype(dtype)
    return array.astype(np.int64)


def read(path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The header and the arrays of a file whose checksum holds.

    Raises
    ------
    QsimError
        If the file is missing, no such container, truncated or altered.
    """
    if os.path.isdir(path):
        raise QsimError(f"{path}: a folder; a model file is needed")
    if not os.path.isfile(path):
        raise QsimError(f"{path}: no such file")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        raise QsimError(f"{path}: not a model file, or a damaged one ({error})") from None
    if strange := [name for name, array in tensors.items() if array.dtype.kind not in "iu"]:
        raise QsimError(f"{path}: array {strange[0]} has type {tensors[strange[0]].dtype}, not integers")
    if text is None:
        raise QsimError(f"{path}: a safetensors file, but its metadata has no entry {KEY!r}")
    try:
        header = json.loads(text)
        checksum = header.pop("checksum")
        intact = checksum == fingerprint(header, tensors)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise QsimError(f"{path}: its {KEY!r} header is damaged") from None
    if not intact:
        raise QsimError(f"{path}: content and checksum differ; the file was altered or damaged")
    return header, tensors
