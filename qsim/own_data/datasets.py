"""Arrays and files of a user as data sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from .coding import Coding, class_numbers, coded
from .dataset import Dataset
from .files import Part, read

TEST_SHARE = 5  # one in so many images is for testing, where a file does not say which
SPLITS = ("train", "test", "all")


def from_arrays(
    inputs: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    name: str = "own",
    scale: float | None = None,
    bits: int | None = None,
    signed: bool | None = None,
    clip: bool = False,
) -> Dataset:
    """A data set from arrays.

    Parameters
    ----------
    inputs : int or float array (N, …)
        Integers are codes. Floats become codes by x = code * scale, halves up, and need scale and bits.
    labels : array (N,) of integers from 0 or of names, or one-hot (N, classes)
    name : str
    scale, bits, signed, clip
        As in `qsim.own_data.coding.Coding`.

    Raises
    ------
    QsimError
        If shapes do not fit, floats lack a coding, or numbers lie outside of the codes and `clip` is false.
    """
    try:
        values, classes = np.asarray(inputs), np.asarray(labels)
    except ValueError:
        raise QsimError(f"{name} is ragged; arrays are needed") from None
    if values.ndim < 2 or values.size == 0:
        raise QsimError(f"{name} has inputs of shape {values.shape}; (images, inputs), not empty, is needed")
    flat = values.reshape(len(values), -1)
    numbers = class_numbers(classes, len(flat), name)
    codes, form, unit = coded(flat, Coding(scale, bits, signed, clip), name)
    return Dataset(name, codes, numbers, form, unit)


def from_file(spec: str, split: str, coding: Coding | None = None, seed: int = 0) -> Dataset:
    """One split of a file's data set.

    Parameters
    ----------
    spec : path of a file or folder, or `INPUTS,LABELS`
    split : "train", "test" or "all"
        Where the file does not divide its images, a fifth drawn by the seed is for testing.
    coding : Coding, optional
        Goes before what the file says.
    seed : of the division

    Raises
    ------
    QsimError
        As `from_arrays`, or if the file cannot be read or lacks the split.
    """
    if split not in SPLITS:
        raise QsimError(f"split is {split!r}; {', '.join(SPLITS)} are allowed")
    parts = read(spec)
    whole = parts.get("all")
    given = coding or Coding()
    if whole is not None:
        made = _coded(whole, given, spec)  # before the division: both splits have one format
        return made if split == "all" else _rows(made, _division(len(made.codes), split, seed))
    if split == "all":
        split = "test" if "test" in parts else "train"
    if split not in parts:
        raise QsimError(f"{spec} has the split {', '.join(parts)}; {split!r} is needed")
    both = {name: _coded(part, given, spec) for name, part in parts.items()}
    if len({made.input for made in both.values()}) > 1:
        raise QsimError(f"{spec}: its splits need other formats; say the input bits")
    return both[split]


def _coded(part: Part, coding: Coding, spec: str) -> Dataset:
    return from_arrays(
        part.values,
        part.labels,
        name=spec,
        scale=part.scale if coding.scale is None else coding.scale,
        bits=part.bits if coding.bits is None else coding.bits,
        signed=coding.signed,
        clip=coding.clip,
    )


def _division(count: int, split: str, seed: int) -> npt.NDArray[Any]:
    """The rows of a split, in their order."""
    order = np.random.default_rng(seed).permutation(count)
    rows = order[: count // TEST_SHARE] if split == "test" else order[count // TEST_SHARE :]
    return np.sort(rows)


def _rows(dataset: Dataset, rows: npt.NDArray[Any]) -> Dataset:
    return Dataset(
        dataset.name, dataset.codes[rows], dataset.labels[rows], dataset.input, dataset.codes_per_unit
    )
