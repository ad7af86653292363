"""The Euclidean norm: the squares of all moves together are bounded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from ...errors import QsimError
from ...jit.compiling import cached, part
from ...model.input_format import InputFormat
from ...model.model import Model
from ..draws import Keys, random_integers
from ..steps import Codes, checked_strength
from .points import Integers, Points, Reals


@dataclass(frozen=True)
class L2:
    """The codes whose distance from an image, squared, is at most `square` LSBs squared."""

    square: int
    form: InputFormat
    inputs: int

    name: ClassVar = "2"
    unit: ClassVar = "LSB"

    @classmethod
    def of(cls, model: Model, epsilon: float) -> L2:
        """The ball of radius `epsilon`, in input units: a whole image in [0, 1] has 28 for 784 inputs."""
        radius = checked_strength(epsilon) * Fraction(model.layers[0].codes_per_unit)
        most = model.inputs * (model.input.high - model.input.low) ** 2
        square = math.floor(radius * radius)
        if square > most:
            raise QsimError(
                f"epsilon is {epsilon:g}, {float(radius):g} LSB; no two images are more than "
                f"{math.sqrt(most):g} LSB apart"
            )
        return cls(square, model.input, model.inputs)

    @property
    def radius(self) -> float:
        return math.sqrt(self.square)

    @property
    def limit(self) -> int:
        return self.square

    @property
    def typical(self) -> float:
        """How far an input typically moves, in LSBs: all alike."""
        return math.sqrt(self.square / self.inputs)

    def start(self, codes: Codes, keys: Keys) -> Reals:
        """A random point of the ball for each image, float32."""
        drawn = random_integers(keys, self.inputs, -1000, 1000).astype(np.float32)
        points = Points(codes, codes.astype(np.float32))
        self.step(points, np.arange(len(codes)), drawn, np.ones(len(codes), np.float32), 1.0)
        return points.now

    def step(self, points: Points, rows: Integers, gradient: Any, sizes: Reals, inertia: float) -> None:
        """Move points `rows` by `sizes` radii along the gradient, and back into the ball."""
        limits = self.radius, float(self.form.low), float(self.form.high)
        _step(*points.arrays, rows, np.asarray(gradient, np.float64), sizes, inertia, limits)

    def snapped(self, points: Points, rows: Integers) -> Codes:
        """The nearest codes of the points `rows`; where they leave the ball, inputs are rounded inwards."""
        codes = np.empty((len(rows), self.inputs), self.form.dtype)
        _snap(points.origin, points.now, rows, self.square, codes)
        return codes

    def distance(self, codes: Codes, moved: Codes) -> Reals:
        """How far each image was moved, in LSBs, float64 (N,)."""
        return np.sqrt(_squares(codes, moved).astype(np.float64))

    def holds(self, codes: Codes, moved: Codes) -> Any:
        """Whether each moved image is in the ball, bool (N,)."""
        return _squares(codes, moved) <= self.square


def _squares(codes: Codes, moved: Codes) -> Integers:
    return np.square(moved.astype(np.int64) - codes).sum(axis=1)


@cached(error_model="numpy")
def _step(
    origin: Any, now: Any, before: Any, rows: Any, gradient: Any, sizes: Any, inertia: Any, limits: Any
) -> None:
    radius, lowest, highest = limits
    moves = np.empty(now.shape[1])
    for n in range(rows.size):
        i = rows[n]
        length = 0.0
        for k in range(moves.size):
            length += gradient[n, k] * gradient[n, k]
        factor = sizes[n] * radius / np.sqrt(length) if length > 0 else 0.0
        for k in range(moves.size):
            moves[k] = min(max(now[i, k] + factor * gradient[n, k], lowest), highest) - origin[i, k]
        share = _share(moves, radius)
        for k in range(moves.size):
            here = now[i, k]
            there = origin[i, k] + share * moves[k]
            there = here + inertia * (there - here) + (1 - inertia) * (here - before[i, k])
            before[i, k] = here
            moves[k] = min(max(there, lowest), highest) - origin[i, k]
        share = _share(moves, radius)
        for k in range(moves.size):
            now[i, k] = origin[i, k] + share * moves[k]


@part
def _share(moves: Any, radius: float) -> float:
    """The factor, 1 at most, that brings moves into the ball; float32 cannot round them out again."""
    total = 0.0
    for k in range(moves.size):
        total += moves[k] * moves[k]
    inner = radius * (1 - 1e-6)
    return inner / np.sqrt(total) if total > inner * inner else 1.0


@cached(error_model="numpy")
def _snap(origin: Any, now: Any, rows: Any, square: int, codes: Any) -> None:
    for n in range(rows.size):
        i = rows[n]
        total: Any = 0
        for k in range(now.shape[1]):
            code = np.int64(np.floor(now[i, k] + np.float32(0.5)))
            move = code - np.int64(origin[i, k])
            total += move * move
            codes[n, k] = code
        k = 0
        while total > square and k < now.shape[1]:
            move = np.int64(codes[n, k]) - np.int64(origin[i, k])
            if abs(move) > abs(now[i, k] - np.float32(origin[i, k])):
                codes[n, k] -= 1 if move > 0 else -1
                total -= 2 * abs(move) - 1
            k += 1
