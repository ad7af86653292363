"""Arrays of integers, checked, and the format of an input code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import QsimError

MAX_CODE_BITS = 16


def integers(values: npt.ArrayLike, name: str, ndim: int | None = None) -> npt.NDArray[np.int64]:
    """A read-only int64 copy of `values`, refused unless it holds integers, in `ndim` dimensions if given."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise QsimError(f"{name} is ragged; a {ndim or 1}-dimensional integer array is needed") from None
    if (ndim is not None and array.ndim != ndim) or array.size == 0:
        raise QsimError(
            f"{name} has shape {array.shape}; {ndim or array.ndim} non-empty dimensions are needed"
        )
    if array.dtype.kind not in "iu" or (array.dtype == np.uint64 and array.max() >= 2**63):
        raise QsimError(f"{name} has type {array.dtype}; integers within 64 signed bits are needed")
    array = array.astype(np.int64)
    array.setflags(write=False)
    return array


@dataclass(frozen=True)
class InputFormat:
    """Two's complement or unsigned integer input codes of `bits` bits (1 to 16)."""

    bits: int
    signed: bool = False

    def __post_init__(self) -> None:
        if type(self.bits) is not int or not 1 <= self.bits <= MAX_CODE_BITS:
            raise QsimError(f"input codes of {self.bits!r} bits; 1 to {MAX_CODE_BITS} are allowed")
        if type(self.signed) is not bool:
            raise QsimError(f"input format has signed = {self.signed!r}; true or false is needed")

    @property
    def low(self) -> int:
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << self.bits - self.signed) - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """The narrowest numpy type that holds every code."""
        return np.min_scalar_type(self.low if self.signed else self.high)
