"""Data sets as integer input codes: MNIST, Fashion-MNIST, the 8x8 digits of scikit-learn, spirals, files.

MNIST is read from IDX files, gzipped or plain, in `<data folder>/mnist/`. The data folder is the
environment variable `QSIM_DATA`, else a per-user cache; what is missing there is downloaded into it.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import math
import os
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from .errors import QsimError
from .model.input_format import InputFormat
from .own_data.coding import Coding as Coding
from .own_data.dataset import Dataset as Dataset
from .own_data.datasets import from_arrays as from_arrays
from .own_data.datasets import from_file as from_file

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
DOWNLOAD_TIMEOUT = 10.0  # seconds without an answer
MNIST_SHA256 = {  # of the uncompressed files
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FASHION_MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
FASHION_MD5 = {  # of the gzipped files, as their authors publish them
    "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
}
SPLITS = ("train", "test")
PIXELS = InputFormat(bits=8, signed=False)
COORDINATES = InputFormat(bits=16, signed=True)

Codes = npt.NDArray[np.integer[Any]]
Labels = npt.NDArray[np.int64]


def folder() -> Path:
    """The data folder: `QSIM_DATA` if set, else a per-user cache.

    Returns
    -------
    Path
    """
    return Path(os.environ.get("QSIM_DATA") or platformdirs.user_cache_path("qsim") / "data")


def mnist(split: str) -> tuple[npt.NDArray[np.uint8], Labels]:
    """MNIST's pixels, uint8 (N, 784), and labels, int64 (N,); N is 60,000 or 10,000.

    Parameters
    ----------
    split : "train" or "test"

    Returns
    -------
    codes : uint8 array (N, 784)
    labels : int64 array (N,)

    Raises
    ------
    QsimError
        If a file is damaged or is not MNIST's, or is missing and no mirror answers.
    """
    return _idx_pair("MNIST", split)


def fashion(split: str) -> tuple[npt.NDArray[np.uint8], Labels]:
    """Fashion-MNIST's pixels and labels, as `mnist` gives MNIST's; gzipped files in `fashion-mnist/`.

    Parameters
    ----------
    split : "train" or "test"

    Returns
    -------
    codes : uint8 array (N, 784)
    labels : int64 array (N,)
    """
    return _idx_pair("Fashion-MNIST", split)


def _idx_pair(family: str, split: str) -> tuple[npt.NDArray[np.uint8], Labels]:
    prefix = "train" if _checked_split(split) == "train" else "t10k"
    images = _idx_file(family, f"{prefix}-images-idx3-ubyte", (28, 28))
    labels = _idx_file(family, f"{prefix}-labels-idx1-ubyte", ())
    return images.reshape(len(images), 784), labels.astype(np.int64)


def digits(split: str) -> tuple[npt.NDArray[np.uint8], Labels]:
    """The 8x8 digits that come with scikit-learn, uint8 (N, 64) in 0 to 255; N is 1,437 or 360.

    Source values are 0 to 16; a code is value * 255 / 16, rounded half up.

    Parameters
    ----------
    split : "train" or "test"

    Returns
    -------
    codes : uint8 array (N, 64)
    labels : int64 array (N,)

    Raises
    ------
    QsimError
        If the split is unknown.
    """
    from sklearn.datasets import load_digits  # slow to import, seldom needed

    values, labels = load_digits(return_X_y=True)
    codes = np.floor(values * 255 / 16 + 0.5).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(codes))
    rows = order[360:] if _checked_split(split) == "train" else order[:360]
    return codes[rows], labels[rows].astype(np.int64)


def spiral(split: str, turns: str = "short") -> tuple[npt.NDArray[np.int16], Labels]:
    """Two spirals (equation 15): codes int16 (400, 2), 1024 to a unit; labels 0 for +, 1 for -.

    x = +-0.1 t cos t + noise, y = +-0.1 t sin t + noise, 200 points an arm.

    Parameters
    ----------
    split : "train" or "test"
    turns : "short" or "literal"
        `short` draws t from 0 to 10 and noise of standard deviation 0.03, which shows what the
        paper describes. `literal` is the paper's text, t from 0 to 100 and variance 0.03: sixteen
        turns that 400 points cannot fix.

    Returns
    -------
    codes : int16 array (400, 2)
    labels : int64 array (400,)

    Raises
    ------
    QsimError
        If the split or the number of turns is unknown.

    References
    ----------
    Gorsline, Smith and Merkel, "On the adversarial robustness of quantized neural networks", GLSVLSI 2021,
    equation 15.
    """
    if turns not in ("short", "literal"):
        raise QsimError(f"turns is {turns!r}; 'short' or 'literal' is needed")
    t_max, sigma = (10.0, 0.03) if turns == "short" else (100.0, math.sqrt(0.03))
    rng = np.random.default_rng([15, SPLITS.index(_checked_split(split))])
    labels = np.repeat(np.arange(2), 200)
    t = rng.uniform(0.0, t_max, 400)
    radius = 0.1 * t * (1 - 2 * labels)
    points = np.stack([radius * np.cos(t), radius * np.sin(t)], axis=1)
    points += rng.normal(0.0, sigma, points.shape)
    return np.floor(points * 1024 + 0.5).astype(np.int16), labels


@dataclass(frozen=True)
class _Source:
    read: Callable[[str], tuple[Codes, Labels]]
    input: InputFormat
    codes_per_unit: int


_SOURCES = {
    "mnist": _Source(mnist, PIXELS, 255),
    "digits": _Source(digits, PIXELS, 255),
    "spiral": _Source(spiral, COORDINATES, 1024),
    "fashion-mnist": _Source(fashion, PIXELS, 255),
    "spiral-literal": _Source(lambda split: spiral(split, "literal"), COORDINATES, 1024),
}
NAMES = tuple(_SOURCES)


def load(name: str, split: str, coding: Coding | None = None) -> Dataset:
    """A data set by name, or from a file, a folder or a pair of files.

    Parameters
    ----------
    name : str
        One of `NAMES`, or what `from_file` takes.
    split : "train" or "test"
        Of a file also "all".
    coding : Coding, optional
        How a file's numbers become codes.

    Returns
    -------
    Dataset

    Raises
    ------
    QsimError
        If name or split is unknown, or the data cannot be read or downloaded.
    """
    if name in _SOURCES:
        source = _SOURCES[name]
        codes, labels = source.read(split)
        return Dataset(name, codes, labels, source.input, source.codes_per_unit)
    if is_file(name):
        return from_file(name, split, coding)
    raise QsimError(f"data set {name!r} is unknown; {', '.join(NAMES)} are known, or a file or folder")


def is_file(name: str) -> bool:
    """Whether a name means a file or folder, or two files, rather than a known data set.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
    """
    return name not in _SOURCES and (any(sign in name for sign in "/,.\\") or Path(name).exists())


def _checked_split(split: str) -> str:
    if split not in SPLITS:
        raise QsimError(f"split is {split!r}; 'train' or 'test' is needed")
    return split


def _idx_file(family: str, name: str, item: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """One file of a family, found or downloaded, its structure and checksum verified."""
    place = folder() / family.lower()
    plain = family == "MNIST"  # the other family's checksums are those of gzipped files
    names = (f"{name}.gz", name) if plain else (f"{name}.gz",)
    found = next((place / n for n in names if (place / n).is_file()), None)
    path = found or _download(family, name, place)
    content = _uncompressed(path)
    array = parse_idx(content, path, item)
    _verify(family, name, path, content, path)
    return array


def _uncompressed(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise QsimError(f"{path} cannot be read: {error}") from None


def parse_idx(content: bytes, path: Path, item: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes.

    Parameters
    ----------
    content : bytes
        The file, uncompressed.
    path : Path
        Named in messages.
    item : tuple of int
        The shape of one item; () for labels, which must be 0 to 9.

    Returns
    -------
    uint8 array (N, *item)

    Raises
    ------
    QsimError
        If the header is not that of such a file, its length is not what the header says, or a label is above
        9.
    """
    header = 8 + 4 * len(item)
    if len(content) < header:
        raise QsimError(f"{path} has {len(content)} bytes; an IDX header alone has {header}")
    magic, count, *shape = np.frombuffer(content[:header], ">u4").tolist()
    if magic != 0x801 + len(item):
        raise QsimError(f"{path} begins with {magic:#010x}; IDX {0x801 + len(item):#010x} is needed")
    if tuple(shape) != item:
        raise QsimError(f"{path} holds items of shape {tuple(shape)}; {item} is needed")
    expected = header + count * math.prod(item)
    if len(content) != expected:
        raise QsimError(f"{path} has {len(content)} bytes uncompressed; its header announces {expected}")
    array = np.frombuffer(content, np.uint8, offset=header).reshape(count, *item)
    if not item and count and array.max() > 9:
        raise QsimError(f"{path} holds label {array.max()} at index {array.argmax()}; 0 to 9 are allowed")
    return array


def _verify(family: str, name: str, path: Path, content: bytes, source: object) -> None:
    if family == "MNIST":
        kind, needed = "sha256 of its content", MNIST_SHA256[name]
        found = hashlib.sha256(content).hexdigest()
    else:
        kind, needed = "md5", FASHION_MD5[name]
        found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    if found != needed:
        raise QsimError(f"{source} is not {family}'s {name}: {kind} is {found}, not {needed}")


def _download(family: str, name: str, place: Path) -> Path:
    """Fetch one file from the first mirror that has it, check it, and only then put it in place."""
    import pooch  # only where something is missing

    logging.getLogger("pooch").setLevel(logging.WARNING)
    reasons = []
    for mirror in MIRRORS if family == "MNIST" else FASHION_MIRRORS:
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place, prefix=".download-") as temporary:
                downloader = pooch.HTTPDownloader(timeout=DOWNLOAD_TIMEOUT)
                path = pooch.retrieve(
                    f"{mirror}{name}.gz", None, f"{name}.gz", temporary, downloader=downloader
                )
                content = _uncompressed(Path(path))
                _verify(family, name, Path(path), content, f"{mirror}{name}.gz")
                return Path(path).replace(place / f"{name}.gz")
        except (OSError, ValueError) as error:
            reasons.append(str(error) if isinstance(error, QsimError) else type(error).__name__)
    raise QsimError(
        f"{family}'s {name} is not in {place} and could not be downloaded ({'; '.join(reasons)}): "
        f"set QSIM_DATA to a folder that holds {family.lower()}/"
    )
