"""The maximum norm: every input moves by at most e LSBs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...jit.compiling import cached
from ...model.input_format import InputFormat
from ...model.model import Model
from ..draws import Keys, random_integers
from ..steps import Codes, lattice_step
from .points import Integers, Points, Reals


@dataclass(frozen=True)
class Linf:
    """The codes within `radius` LSBs of an image in every input, and within the input format."""

    radius: int
    form: InputFormat
    inputs: int

    name: ClassVar = "inf"
    unit: ClassVar = "LSB"

    @classmethod
    def of(cls, model: Model, epsilon: float) -> Linf:
        """The ball of strength `epsilon`, in input units."""
        return cls(lattice_step(model, epsilon), model.input, model.inputs)

    @property
    def limit(self) -> int:
        return self.radius

    @property
    def typical(self) -> float:
        """How far an input typically moves, in LSBs."""
        return float(self.radius)

    def start(self, codes: Codes, keys: Keys) -> Reals:
        """A random element of the ball for each image, float32."""
        moved = codes + random_integers(keys, self.inputs, -self.radius, self.radius)
        return moved.clip(self.form.low, self.form.high).astype(np.float32)

    def step(self, points: Points, rows: Integers, gradient: Any, sizes: Reals, inertia: float) -> None:
        """Move points `rows` by `sizes` radii along the gradient's signs, and back into the ball."""
        limits = self.radius, self.form.low, self.form.high
        _step(*points.arrays, rows, gradient, sizes, np.float32(inertia), limits)

    def snapped(self, points: Points, rows: Integers) -> Codes:
        """The nearest codes of the points `rows`; bounds are codes, so none leaves the ball."""
        codes = np.empty((len(rows), self.inputs), self.form.dtype)
        _snap(points.now, rows, codes)
        return codes

    def distance(self, codes: Codes, moved: Codes) -> Reals:
        """How far each image was moved, in LSBs, float64 (N,)."""
        return np.abs(moved.astype(np.int64) - codes).max(axis=1, initial=0).astype(np.float64)

    def holds(self, codes: Codes, moved: Codes) -> Any:
        """Whether each moved image is in the ball, bool (N,)."""
        return self.distance(codes, moved) <= self.radius


@cached(error_model="numpy")
def _step(
    origin: Any, now: Any, before: Any, rows: Any, gradient: Any, sizes: Any, inertia: Any, limits: Any
) -> None:
    radius, lowest, highest = limits
    for n in range(rows.size):
        i = rows[n]
        size = sizes[n] * np.float32(radius)
        for k in range(now.shape[1]):
            low = np.float32(max(np.int32(origin[i, k]) - radius, lowest))
            high = np.float32(min(np.int32(origin[i, k]) + radius, highest))
            here, slope = now[i, k], gradient[n, k]
            move = size if slope > 0 else (-size if slope < 0 else np.float32(0))
            there = here + inertia * (min(max(here + move, low), high) - here)
            if inertia != 1:  # else nobody asks where a point was
                there += (np.float32(1) - inertia) * (here - before[i, k])
                before[i, k] = here
            now[i, k] = min(max(there, low), high)


@cached(error_model="numpy")
def _snap(now: Any, rows: Any, codes: Any) -> None:
    for n in range(rows.size):
        point = now[rows[n]]
        for k in range(codes.shape[1]):
            codes[n, k] = np.int32(np.floor(point[k] + np.float32(0.5)))  # in vectors, straight to bytes not
