"""Files of numbers and labels, each format one reader in a table.

A reader gives parts by split: `all` where the file does not divide its images, else `train` and `test`.
"""

from __future__ import annotations

import csv
import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError

Array = npt.NDArray[Any]
LABELS = ("label", "labels", "class", "target", "y")
INPUTS = ("codes", "inputs", "x", "images", "data")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff")
IDX_KINDS = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
SPLIT_PREFIXES = {"train": ("train",), "test": ("test", "t10k")}


@dataclass(frozen=True, eq=False)
class Part:
    """Numbers (N, …) and labels of one split, and what the file itself says of codes."""

    values: Array
    labels: Array
    scale: float | None = None
    bits: int | None = None


Parts = dict[str, Part]


def read(spec: str) -> Parts:
    """What a file, a folder, or a pair `INPUTS,LABELS` of files holds.

    Raises
    ------
    QsimError
        If it is missing, damaged, empty, of an unknown format, or lacks labels.
    """
    if "," in spec and not Path(spec).exists():
        return _pair(*(Path(part) for part in spec.split(",", 1)))
    path = Path(spec)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise QsimError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise QsimError(f"{path}: an empty file; numbers and labels are needed")
    for pattern, reader in READERS.items():
        if re.search(pattern, path.name.lower()):
            return _guarded(reader, path)
    raise QsimError(f"{path}: an unknown format; {FORMATS} can be read")


def _guarded(reader: Callable[[Path], Parts], path: Path) -> Parts:
    try:
        return reader(path)
    except QsimError:
        raise
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise QsimError(f"{path} cannot be read: {error}") from None


def _npz(path: Path) -> Parts:
    """Arrays `codes` or `inputs`, and `labels`; for splits with the endings _train and _test."""
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
        held = {name: file[name] for name in file.files}
    splits = [s for s in ("train", "test") if any(f"{name}_{s}" in held for name in INPUTS)]
    return {split or "all": _npz_part(held, f"_{split}" if split else "", path) for split in splits or [""]}


def _npz_part(held: Mapping[str, Array], ending: str, path: Path) -> Part:
    found = [name + ending for name in INPUTS if name + ending in held]
    labels = [name + ending for name in LABELS if name + ending in held]
    if not found or not labels:
        missing = f"codes{ending}" if not found else f"labels{ending}"
        raise QsimError(f"{path} holds {', '.join(held) or 'nothing'}; an array {missing!r} is needed")
    scale, bits = (held[k].item() if k in held and held[k].size == 1 else None for k in ("scale", "bits"))
    return Part(held[found[0]], held[labels[0]], scale, bits)


def _npy(path: Path) -> Parts:
    """An array whose labels lie beside it: NAME-labels.npy, NAME_labels.npy or labels.npy."""
    stem = path.name.removesuffix(".npy")
    names = (f"{stem}-labels.npy", f"{stem}_labels.npy", "labels.npy")
    beside = next((path.with_name(name) for name in names if path.with_name(name).is_file()), None)
    if beside is None:
        raise QsimError(
            f"{path} has no labels beside it ({names[0]}); or give the pair INPUTS.npy,LABELS.npy"
        )
    return _pair(path, beside)


def _pair(inputs: Path, labels: Path) -> Parts:
    arrays = []
    for path in (inputs, labels):
        if not path.is_file():
            raise QsimError(f"{path}: no such file")
        idx = "idx" in path.name.lower()
        arrays.append(idx_array(path) if idx else _array(path))
    return {"all": Part(arrays[0], arrays[1])}


def _array(path: Path) -> Array:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise QsimError(f"{path} cannot be read as an array: {error}") from None


def idx_array(path: Path) -> Array:
    """The array of an IDX file, gzipped or not, of any element type and number of dimensions."""
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise QsimError(f"{path} cannot be read: {error}") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_KINDS:
        raise QsimError(f"{path} begins with {content[:4].hex()}; an IDX header is needed")
    rank, kind = content[3], np.dtype(IDX_KINDS[content[2]])
    header = 4 + 4 * rank
    shape = np.frombuffer(content[4:header], ">u4").tolist() if len(content) >= header else []
    needed = header + int(np.prod(shape, dtype=object)) * kind.itemsize
    if len(shape) != rank or len(content) != needed:
        raise QsimError(f"{path} has {len(content):,} bytes; its header announces {needed:,}")
    return np.frombuffer(content, kind, offset=header).reshape(shape).astype(kind.newbyteorder("="))


def _idx(path: Path) -> Parts:
    """Images whose labels lie beside them under the usual name."""
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    if beside == path or not beside.is_file():
        raise QsimError(f"{path} has no labels beside it; give the pair IMAGES,LABELS")
    return _pair(path, beside)


def _csv(path: Path) -> Parts:
    """A header and rows of numbers; one column is called `label`."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        column = _label_column([name.strip().lower() for name in header], path)
        inputs, labels = [], []
        for number, row in enumerate(rows, 2):
            if not row:
                continue
            if len(row) != len(header):
                raise QsimError(f"{path}, line {number}: {len(row)} values; the header has {len(header)}")
            labels.append(row.pop(column))
            try:
                inputs.append([float(v) for v in row])
            except ValueError:
                raise QsimError(f"{path}, line {number}: {_no_number(row)!r} is no number") from None
    if not inputs:
        raise QsimError(f"{path} has a header and no rows; numbers and labels are needed")
    return {"all": Part(_integers_if_whole(np.array(inputs)), _labels(labels))}


def _label_column(names: list[str], path: Path) -> int:
    for name in LABELS:
        if name in names:
            return names.index(name)
    raise QsimError(f"{path} has columns {', '.join(names[:6]) or 'none'}; one called 'label' is needed")


def _no_number(row: list[str]) -> str:
    for value in row:
        try:
            float(value)
        except ValueError:
            return value
    return ""


def _labels(texts: list[str]) -> Array:
    """Numbers where all are, else names."""
    try:
        return np.array([int(text) for text in texts])
    except ValueError:
        return np.array([text.strip() for text in texts])


def _integers_if_whole(values: Array) -> Array:
    whole = values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.floor(values)).all()
    return values.astype(np.int64) if whole else values


def _parquet(path: Path) -> Parts:
    """Columns of numbers; one is called `label`."""
    try:
        import pyarrow.parquet as parquet
        from pyarrow import ArrowException
    except ImportError:
        raise QsimError("reading Parquet needs pyarrow: pip install 'qsim[paper]'") from None
    try:
        table = parquet.read_table(path)
    except ArrowException as error:
        raise QsimError(f"{path} cannot be read: {error}") from None
    column = _label_column([name.lower() for name in table.column_names], path)
    columns = [table.column(i).to_numpy() for i in range(table.num_columns)]
    labels = columns.pop(column)
    if not columns or not len(labels):
        raise QsimError(f"{path} has {len(columns)} columns beside the label and {len(labels)} rows")
    return {"all": Part(np.stack(columns, axis=1), labels.astype(str) if labels.dtype == object else labels)}


def _folder(path: Path) -> Parts:
    """IDX files under MNIST's names, or pictures: a folder for each class, perhaps in train/ and test/."""
    files = sorted(p for p in path.iterdir() if "idx3" in p.name)
    if files:
        return {
            split: _idx(file)["all"]
            for split, prefixes in SPLIT_PREFIXES.items()
            for file in files
            if file.name.startswith(prefixes)
        }
    splits = [split for split in SPLIT_PREFIXES if (path / split).is_dir()]
    if splits:
        return {split: _pictures(path / split) for split in splits}
    return {"all": _pictures(path)}


def _pictures(path: Path) -> Part:
    """Grey pictures of one size, uint8; classes are folders in alphabetical order."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise QsimError("reading pictures needs Pillow: pip install 'qsim[pictures]'") from None
    classes = sorted(p for p in path.iterdir() if p.is_dir())
    found = [
        (file, number)
        for number, folder in enumerate(classes)
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in PICTURES
    ]
    if not found:
        raise QsimError(f"{path} has no folders of pictures; one folder for each class is needed")
    pixels: list[Array] = []
    for file, _ in found:
        try:
            with Image.open(file) as image:
                pixels.append(np.asarray(image.convert("L")))
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise QsimError(f"{file} cannot be read as a picture: {error}") from None
        if pixels[-1].shape != pixels[0].shape:
            raise QsimError(f"{file} has {pixels[-1].shape} pixels; the first picture has {pixels[0].shape}")
    return Part(np.stack(pixels), np.array([number for _, number in found]))


READERS: dict[str, Callable[[Path], Parts]] = {  # by a pattern of the file's name
    r"idx\d-ubyte|\.idx(\.gz)?$|-idx\d": _idx,
    r"\.npz$": _npz,
    r"\.npy$": _npy,
    r"\.csv$": _csv,
    r"\.(parquet|pq)$": _parquet,
}
FORMATS = ".npz, .npy with labels, .csv, .parquet, IDX with labels, or a folder of pictures by class"
