"""Values from outside, checked: integers and arrays of integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError

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


def checked_int(value: Any, low: int, high: int, what: str) -> int:
    """`value`, refused unless it is an integer from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise QsimError(f"{what} is {value!r}; an integer from {low} to {high} is needed")
    return int(value)
