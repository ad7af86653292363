"""The hyperbolic tangent, from -1 to 1: codes are shifted by the code of 0.0, and -1.0 has code 0."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ..errors import QsimError
from .activation import Activation, CodeScale, Reals


def signed_unit_scale(bits: int, peak: float) -> CodeScale:
    """Codes 0 to 2 n for -1.0 to 1.0, with 0.0 at n = 2**(bits - 1) - 1; an odd number, so that 0 is exact.

    Raises
    ------
    QsimError
        If `bits` is 1: one bit holds no three codes.
    """
    if bits < 2:
        raise QsimError("hidden_bits is 1; an activation that can be negative needs at least 2, or take step")
    half = (1 << bits - 1) - 1
    return CodeScale(2 * half, Fraction(half), half)


def _stable_slope(z: Reals) -> Reals:
    """The derivative, 1 / cosh(z)**2, positive in float64 for abs(z) up to 350."""
    small = np.exp(-2 * np.abs(z))
    return 4 * small / (1 + small) ** 2


TANH = Activation(
    name="tanh",
    label="tanh",
    forward=lambda z: np.tanh(z),
    slope=lambda z, h: 1 - h * h,
    stable_slope=_stable_slope,
    scale=signed_unit_scale,
    inverse=lambda h: Fraction(math.log((1 + h) / (1 - h)) / 2),
)
