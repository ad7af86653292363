"""The Heaviside step: 1 from 0 on. Its derivative is 0, so the sigmoid's stands in (straight-through)."""

from __future__ import annotations

from fractions import Fraction

from .activation import Activation, CodeScale, Reals
from .sigmoid import logistic, stable_slope


def _forward(z: Reals) -> Reals:
    return (z >= 0).astype(z.dtype)


def _slope(z: Reals, h: Reals) -> Reals:
    sigmoid = logistic(z)
    return sigmoid * (1 - sigmoid)


STEP = Activation(
    name="step",
    label="step",
    forward=_forward,
    slope=_slope,
    stable_slope=stable_slope,
    scale=lambda bits, peak: CodeScale(1, Fraction(1)),  # one bit, whatever is asked for
    inverse=lambda h: Fraction(0),
)
