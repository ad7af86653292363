"""The count of changed inputs: each of them may take any code of its format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import QsimError
from ...jit.compiling import cached
from ...model.input_format import InputFormat
from ...model.model import Model
from ..draws import Keys, random_integers
from ..steps import Codes, checked_strength
from .points import Integers, Points, Reals


@dataclass(frozen=True)
class L0:
    """The codes that differ from an image in at most `radius` inputs."""

    radius: int
    form: InputFormat
    inputs: int

    name: ClassVar = "0"
    unit: ClassVar = "inputs"

    @classmethod
    def of(cls, model: Model, epsilon: float) -> L0:
        """The ball of `epsilon` changed inputs, a whole number."""
        count = checked_strength(epsilon)
        if count.denominator != 1 or count > model.inputs:
            raise QsimError(
                f"epsilon is {epsilon:g}; norm 0 counts changed inputs, a whole number up to {model.inputs}"
            )
        return cls(int(count), model.input, model.inputs)

    @property
    def span(self) -> int:
        return self.form.high - self.form.low

    @property
    def limit(self) -> int:
        return self.radius

    @property
    def typical(self) -> float:
        """How far an input typically moves, in LSBs: half the range, the moves spread over all inputs."""
        return self.span / 2 * math.sqrt(self.radius / self.inputs)

    def start(self, codes: Codes, keys: Keys) -> Reals:
        """A random point of the ball for each image, float32."""
        drawn = random_integers(keys, self.inputs, -1000, 1000).astype(np.float32)
        points = Points(codes, codes.astype(np.float32))
        self.step(points, np.arange(len(codes)), drawn, np.full(len(codes), 0.5, np.float32), 1.0)
        return points.now

    def step(self, points: Points, rows: Integers, gradient: Any, sizes: Reals, inertia: float) -> None:
        """Move points `rows` along the gradient, its largest entry by `sizes` ranges, and back into the ball.

        Of each point, the inputs that have moved furthest stay moved.
        """
        now, before, origin = points.now[rows], points.before[rows], points.origin[rows]
        slopes: Any = np.asarray(gradient, np.float32)
        largest = np.abs(slopes).max(axis=1, keepdims=True)
        slopes = slopes / np.where(largest > 0, largest, 1)
        there: Any = now + slopes * (sizes[:, None] * np.float32(self.span))
        there = now + np.float32(inertia) * (there - now) + np.float32(1 - inertia) * (now - before)
        there = there.clip(self.form.low, self.form.high)
        _keep_furthest(origin, there, self.radius)
        points.before[rows], points.now[rows] = now, there

    def snapped(self, points: Points, rows: Integers) -> Codes:
        """The nearest codes of the points `rows`: an input that has not moved stays."""
        return np.floor(points.now[rows] + np.float32(0.5)).astype(self.form.dtype)

    def distance(self, codes: Codes, moved: Codes) -> Reals:
        """How many inputs of each image were changed, float64 (N,)."""
        return (moved != codes).sum(axis=1).astype(np.float64)

    def holds(self, codes: Codes, moved: Codes) -> Any:
        """Whether each moved image is in the ball, bool (N,)."""
        return self.distance(codes, moved) <= self.radius


@cached(error_model="numpy")
def _keep_furthest(origin: Codes, points: Reals, count: int) -> None:
    """Put all inputs back but the `count` furthest from home, in each row; ties with the next go back too."""
    moves = np.empty(points.shape[1], np.float32)
    for i in range(points.shape[0]):
        for k in range(moves.size):
            moves[k] = abs(points[i, k] - np.float32(origin[i, k]))
        if count < moves.size:
            bar = np.partition(moves, moves.size - count - 1)[moves.size - count - 1]
            for k in range(moves.size):
                if moves[k] <= bar:
                    points[i, k] = origin[i, k]
