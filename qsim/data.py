"""Data sets as integer input codes: MNIST, the 8x8 digits of scikit-learn, and two spirals.

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
SPLITS = ("train", "test")
PIXELS = InputFormat(bits=8, signed=False)
COORDINATES = InputFormat(bits=16, signed=True)

Codes = npt.NDArray[np.integer[Any]]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled input codes.

    Parameters
    ----------
    name : str
    codes : int array (N, inputs)
        Within `input`'s range.
    labels : int64 array (N,)
        0 to `classes` - 1.
    input : InputFormat
    codes_per_unit : float
        The code that stands for 1.0.
    """

    name: str
    codes: Codes
    labels: Labels
    input: InputFormat
    codes_per_unit: int

    @property
    def classes(self) -> int:
        """The largest label + 1."""
        return int(self.labels.max()) + 1


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
    prefix = "train" if _checked_split(split) == "train" else "t10k"
    images = _mnist_file(f"{prefix}-images-idx3-ubyte", (28, 28))
    labels = _mnist_file(f"{prefix}-labels-idx1-ubyte", ())
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
    "spiral-literal": _Source(lambda split: spiral(split, "literal"), COORDINATES, 1024),
}
NAMES = tuple(_SOURCES)


def load(name: str, split: str) -> Dataset:
    """A data set by name.

    Parameters
    ----------
    name : str
        One of `NAMES`: "mnist", "digits", "spiral" or "spiral-literal".
    split : "train" or "test"

    Returns
    -------
    Dataset

    Raises
    ------
    QsimError
        If name or split is unknown, or the data cannot be read or downloaded.
    """
    if name not in _SOURCES:
        raise QsimError(f"data set {name!r} is unknown; {', '.join(NAMES)} are known")
    source = _SOURCES[name]
    codes, labels = source.read(split)
    return Dataset(name, codes, labels, source.input, source.codes_per_unit)


def _checked_split(split: str) -> str:
    if split not in SPLITS:
        raise QsimError(f"split is {split!r}; 'train' or 'test' is needed")
    return split


def _mnist_file(name: str, item: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """One file of MNIST, found or downloaded, its structure and checksum verified."""
    place = folder() / "mnist"
    found = next((p for p in (place / f"{name}.gz", place / name) if p.is_file()), None)
    path = found or _download(name, place)
    content = _uncompressed(path)
    array = parse_idx(content, path, item)
    _verify(content, name, path)
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


def _verify(content: bytes, name: str, source: object) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != MNIST_SHA256[name]:
        raise QsimError(
            f"{source} is not MNIST's {name}: sha256 of its content is {found}, not {MNIST_SHA256[name]}"
        )


def _download(name: str, place: Path) -> Path:
    """Fetch one file from the first mirror that has it, check it, and only then put it in place."""
    import pooch  # only where something is missing

    logging.getLogger("pooch").setLevel(logging.WARNING)
    reasons = []
    for mirror in MIRRORS:
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place, prefix=".download-") as temporary:
                downloader = pooch.HTTPDownloader(timeout=DOWNLOAD_TIMEOUT)
                path = pooch.retrieve(
                    f"{mirror}{name}.gz", None, f"{name}.gz", temporary, downloader=downloader
                )
                _verify(_uncompressed(Path(path)), name, f"{mirror}{name}.gz")
                return Path(path).replace(place / f"{name}.gz")
        except (OSError, ValueError) as error:
            reasons.append(str(error) if isinstance(error, QsimError) else type(error).__name__)
    raise QsimError(
        f"MNIST's {name} is not in {place} and could not be downloaded ({'; '.join(reasons)}): "
        "set QSIM_DATA to a folder that holds mnist/"
    )
