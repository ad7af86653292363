"""TFLite's fixed-point requantization: a 32-bit multiplier, a shift, and one of two roundings.

Builds of TFLite differ: the classic one rounds twice (gemmlowp), others once (TFLITE_SINGLE_ROUNDING).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
ONE = 1 << 31
Requantize = Callable[[Any, int, int], Any]


def multiplier(real: float) -> tuple[int, int]:
    """q and shift with real = q / 2**31 * 2**shift, q of 31 bits, halves up (QuantizeMultiplier)."""
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    q = math.floor(fraction * ONE + 0.5)
    if q == ONE:
        q, shift = q // 2, shift + 1
    return (q, shift) if shift >= -31 else (0, 0)


def double_rounding(acc: Integers, q: int, shift: int) -> Integers:
    """SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT, halves away from zero in the second."""
    left, right = max(shift, 0), max(-shift, 0)
    product = (acc << left) * q
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    high = np.sign(nudged) * (np.abs(nudged) >> 31)  # C's division truncates
    mask = (1 << right) - 1
    above = (high & mask) > (mask >> 1) + (high < 0)
    return (high >> right) + above


def single_rounding(acc: Integers, q: int, shift: int) -> Integers:
    """One rounding of the whole product, halves up."""
    total = 31 - shift
    return (acc * q + (1 << total - 1)) >> total


ROUNDINGS: dict[str, Requantize] = {"double": double_rounding, "single": single_rounding}
