"""Adam (Kingma and Ba, 2015) for weights that live in [-1, 1] and are rounded in the forward pass.

A parameter is updated, clipped and rounded while it is in cache: in plain numpy these steps cost more
than the matrix products between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..jit.compiling import cached

Array = npt.NDArray[np.float32]
F = np.float32

MEAN_RATE, SQUARE_RATE = F(0.1), F(0.001)  # 1 - the decay rates 0.9 and 0.999
FLOOR = F(1e-7)
BLOCK = 2048  # numbers of a parameter


class Grid(NamedTuple):
    """Rounding in float32, halves up: (level * stretch - offset) / scale, where

    level = clip(floor((p + shift) * factor + 1/2), low, high).
    """

    shift: np.float32
    factor: np.float32
    low: np.float32
    high: np.float32
    stretch: np.float32
    offset: np.float32
    scale: np.float32


def grid_of(bits: int, grid: str) -> Grid:
    """The grid of `network.round_to_grid`."""
    if grid == "odd":
        top = (1 << bits) - 1
        return Grid(F(1), F(top / 2), F(0), F(top), F(2), F(top), F(top))
    half = 1 << bits - 1
    return Grid(F(0), F(half), F(-half), F(half - 1), F(1), F(0), F(half))


class Adam:
    """Trains float32 arrays in place.

    Parameters
    ----------
    parameters : contiguous float32 arrays in [-1, 1]; updated in place
    learning_rate : float
    bits : int or None
    grid : "odd" or "twos_complement"

    Attributes
    ----------
    rounded : for each parameter, the array that the forward pass uses: on the grid, or the parameter
        itself where `bits` is None. Filled again by each step.
    """

    def __init__(
        self, parameters: Sequence[Array], learning_rate: float, bits: int | None, grid: str
    ) -> None:
        self.parameters = tuple(parameters)
        self.learning_rate = learning_rate
        self.grid = None if bits is None else grid_of(bits, grid)
        self.steps = 0
        self.rounded = self.parameters if bits is None else tuple(np.empty_like(p) for p in parameters)
        self.means = tuple(np.zeros_like(p) for p in parameters)
        self.squares = tuple(np.zeros_like(p) for p in parameters)
        arrays = zip(self.parameters, self.means, self.squares, self.rounded, strict=True)
        self.flat = [[array.ravel() for array in each] for each in arrays]  # views, for all steps
        if self.grid is not None:
            for p, _, _, out in self.flat:
                round_flat(p, self.grid, out)

    def step(self, gradients: Sequence[Array]) -> None:
        """One update by the gradients of all parameters."""
        self.steps += 1
        rate = F(self.learning_rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps))
        for (p, m, v, out), g in zip(self.flat, gradients, strict=True):
            if self.grid is None:
                update(p, g.ravel(), m, v, rate)
            else:
                update_and_round(p, g.ravel(), m, v, rate, self.grid, out)


@cached(error_model="numpy")
def update(p: Array, g: Array, m: Array, v: Array, rate: np.float32) -> None:
    """One step of Adam on flat arrays, in place, clipped to [-1, 1]."""
    for i in range(p.size):
        m[i] += MEAN_RATE * (g[i] - m[i])
        v[i] += SQUARE_RATE * (g[i] * g[i] - v[i])
        moved = p[i] - rate * m[i] / (np.sqrt(v[i]) + FLOOR)
        p[i] = min(max(moved, F(-1)), F(1))


@cached(error_model="numpy")
def round_flat(p: Array, grid: Grid, out: Array) -> None:
    """out = p rounded to the grid; flat arrays."""
    for i in range(p.size):
        level = np.floor((p[i] + grid.shift) * grid.factor + F(0.5))
        level = min(max(level, grid.low), grid.high)
        out[i] = (level * grid.stretch - grid.offset) / grid.scale


@cached(error_model="numpy")
def update_and_round(
    p: Array, g: Array, m: Array, v: Array, rate: np.float32, grid: Grid, out: Array
) -> None:
    """Both for a block of numbers after another, while it is in the first cache."""
    for start in range(0, p.size, BLOCK):
        own = slice(start, start + BLOCK)
        update(p[own], g[own], m[own], v[own], rate)
        round_flat(p[own], grid, out[own])
