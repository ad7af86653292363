"""Canonical signed digits: an integer as a sum of the fewest powers of two, added or subtracted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def signed_digits(matrix: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """The digits -1, 0 and 1 of each number, of rising weight: int8 (*matrix.shape, digits).

    No two neighbours differ from zero (Reitwiesner 1960), so that a third of the digits do on average.
    """
    left, digits = np.asarray(matrix, np.int64).copy(), []
    while left.any():
        odd = left & 1
        digit = odd * (2 - (left & 3))  # 1 where the number is 1 modulo 4, -1 where it is 3
        digits.append(digit.astype(np.int8))
        left = (left - digit) >> 1
    return np.stack(digits, axis=-1) if digits else np.zeros((*left.shape, 1), np.int8)
