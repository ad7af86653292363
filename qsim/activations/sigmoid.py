"""The logistic sigmoid, 1 / (1 + exp(-z)), in codes from 0 for 0.0 to the largest for 1.0."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from .activation import Activation, CodeScale, Reals


def logistic(z: Reals) -> Reals:
    """1 / (1 + exp(-z)), without overflow."""
    half = z.dtype.type(0.5)
    return half * (np.tanh(half * z) + 1)


def stable_slope(z: Reals) -> Reals:
    """The sigmoid's derivative, positive in float64 for abs(z) up to 700."""
    small = np.exp(-np.abs(z))
    return small / (1 + small) ** 2


SIGMOID = Activation(
    name="sigmoid",
    label="sigmoid",
    forward=logistic,
    slope=lambda z, h: h * (1 - h),
    stable_slope=stable_slope,
    scale=lambda bits, peak: CodeScale((1 << bits) - 1, Fraction((1 << bits) - 1)),
    inverse=lambda h: Fraction(math.log(h / (1 - h))),
)
