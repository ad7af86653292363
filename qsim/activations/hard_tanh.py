"""The hard hyperbolic tangent: z itself, clipped to -1 … 1. Codes are shifted as those of tanh."""

from __future__ import annotations

import numpy as np

from .activation import Activation, Reals
from .tanh import signed_unit_scale


def _inside(z: Reals) -> Reals:
    return (np.abs(z) < 1).astype(z.dtype)


HARD_TANH = Activation(
    name="hard_tanh",
    label="hard tanh",
    forward=lambda z: np.clip(z, -1, 1),
    slope=lambda z, h: _inside(z),
    stable_slope=_inside,
    scale=signed_unit_scale,
    inverse=lambda h: h,
)
