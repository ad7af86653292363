"""How builds of TFLite make 8-bit codes of accumulators: all multiply and round, each in its own way.

Measured at the edges of rounding, on int8 layers with one scale and with a scale for each output: nothing
differed from LiteRT 2.3 and TensorFlow 2.21 (`reference`, `xnnpack`) and from TFLite Micro of October 2026
(`micro`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import QsimError

Integers = npt.NDArray[np.int64]
ONE = 1 << 31


@dataclass(frozen=True)
class Kernels:
    """The requantization of one build.

    Parameters
    ----------
    name : str
        Of the runtime, for provenance.
    factor : function of three float32
        What an accumulator is multiplied by, from the scales of input, weight and output.
    apply : function (int array of accumulators, factor) -> int array
        Codes less the zero point, not yet limited.
    limit : float
        Factors from here on are not held.
    """

    name: str
    factor: Callable[[np.float32, np.float32, np.float32], Any]
    apply: Callable[[Integers, Any], Integers]
    limit: float


def multiplier(real: float) -> tuple[int, int]:
    """q and shift with real = q / 2**31 * 2**shift, q of 31 bits, halves up (QuantizeMultiplier)."""
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    q = math.floor(fraction * ONE + 0.5)
    if q == ONE:
        q, shift = q // 2, shift + 1
    return (q, shift) if shift >= -31 else (0, 0)


def _product(data: np.float32, weight: np.float32, result: np.float32) -> float:
    return float(data) * float(weight) / float(result)


def half_away(x: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """Doubles rounded, halves away from zero, as C's round does those that a float32 holds."""
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


def _in_double(acc: Integers, real: float) -> Integers:
    """The product in double, rounded with halves away from zero."""
    return half_away(acc * real).astype(np.int64)


def _in_float(acc: Integers, real: np.float32) -> Integers:
    """The product in float32, rounded with halves to even."""
    return np.rint(acc.astype(np.float32) * real).astype(np.int64)


def _twice(acc: Integers, parts: tuple[int, int]) -> Integers:
    """In fixed point: SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT, halves away from zero."""
    q, shift = parts
    left, right = max(shift, 0), max(-shift, 0)
    product = (acc << left) * q
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    high = np.sign(nudged) * (np.abs(nudged) >> 31)  # C's division truncates
    mask = (1 << right) - 1
    above = (high & mask) > (mask >> 1) + (high < 0)
    return (high >> right) + above


KERNELS = {
    "reference": Kernels("LiteRT, reference kernels", _product, _in_double, 256.0),
    "xnnpack": Kernels("LiteRT, XNNPACK", lambda d, w, r: d * w / r, _in_float, 256.0),
    "micro": Kernels("TFLite Micro", lambda d, w, r: multiplier(_product(d, w, r)), _twice, 2.0),
}


def kernels(name: str) -> Kernels:
    """The kernels of that name.

    Raises
    ------
    QsimError
        If there are none.
    """
    if name not in KERNELS:
        raise QsimError(f"level is {name!r}; {', '.join(KERNELS)} are allowed for TFLite")
    return KERNELS[name]
