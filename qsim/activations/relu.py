"""The rectified linear unit, max(z, 0). Its codes reach the largest value seen in training and clip there."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from .activation import Activation, CodeScale, Reals


def _scale(bits: int, peak: float) -> CodeScale:
    """The largest code of 1.0 with which `peak` still fits: an integer, or below 1 a power of two."""
    top = (1 << bits) - 1
    if peak <= top:
        return CodeScale(top, Fraction(math.floor(top / max(peak, 1 / top))))
    return CodeScale(top, Fraction(1, 1 << math.ceil(math.log2(peak / top))))


def _forward(z: Reals) -> Reals:
    return np.maximum(z, np.zeros_like(z))  # numpy compares two arrays in vectors, but not one with a number


def _on(z: Reals) -> Reals:
    return (z > 0).astype(z.dtype)


RELU = Activation(
    name="relu",
    label="ReLU",
    forward=_forward,
    slope=lambda z, h: _on(z),
    stable_slope=_on,
    scale=_scale,
    inverse=lambda h: h,
    slope_over=lambda z, width: (1 + z / width).clip(0, 1),  # on, or within reach of being on
)
