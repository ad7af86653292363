"""Rows: what each network scored at each strength, as Parquet.

A row depends on nothing but its task and the code, so equal runs leave equal files, byte for byte.

dataset, activation, bits, seed
    The network; bits 14 was trained without rounding.
variant
    `base`; `unsaturated` and `unclipped` attack the same network otherwise; the others were trained
    otherwise (`tasks.VARIANTS`).
path
    `integer`, or `shadow` for the float shadow.
clip
    Whether attacked inputs stay inside the input format.
epsilon, step
    Strength in real input units (l-infinity), and in LSBs of the input code.
images, correct, accuracy
    Test images, those still classified right, and their share.
fooled
    Images that are wrong at this or a smaller strength: on the integers at any lattice step, on the
    shadow at any strength of the sweep.
zero_gradients
    Share of images whose gradient is exactly zero in every input.
digest, spec, qsim
    The model's content digest, and the versions of the arithmetic and of the code.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from . import columns as tables
from .columns import Columns, Rows

ORDER = ("dataset", "variant", "activation", "bits", "seed", "path", "epsilon")


def write(rows: Rows, path: str | PathLike[str]) -> None:
    """Write rows, completely or not at all."""
    tables.write("rows", rows, path)


def merge(parts: Iterable[Path], path: str | PathLike[str]) -> None:
    """One sorted file of the rows of many."""
    tables.merge("rows", parts, path, ORDER)


def read(path: str | PathLike[str]) -> Columns:
    """The columns of a rows file by name, each an array of equal length."""
    return tables.columns(path, "rows")
