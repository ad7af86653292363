"""What stands between a matrix product and the codes of the next layer: monotone steps, neuron by neuron.

Every step knows itself twice: as the exact function of real numbers, of which it can say where a result is
reached (`pull_back`), and as what a runtime computes in floating point (`run`). The first gives exact
thresholds, the second is probed for those of the runtime.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import QsimError

Reals = npt.NDArray[np.floating[Any]]
Run = Callable[[Reals], Reals]
INFINITY = float("inf")
DIGITS = 60  # of logarithms
MARGIN = Fraction(1, 10**40)  # an inexact place this near to an integer is not decided


@dataclass(frozen=True)
class Cut:
    """The real numbers above `place`, the place itself if `inclusive`; all others if `inverted`.

    `place` may be -inf (all numbers) or inf (none). An inexact place is known to 40 digits.
    """

    place: Fraction | float
    inclusive: bool
    inverted: bool = False
    exact: bool = True

    def holds(self, value: Fraction) -> bool:
        """Whether a number is in the set."""
        above = value > self.place or (self.inclusive and value == self.place)
        return above is not self.inverted

    def first_integer(self) -> int | float:
        """The least integer of the set with its numbers negated if it is inverted; +-inf if there is none."""
        place, inclusive = (
            (-self.place, not self.inclusive) if self.inverted else (self.place, self.inclusive)
        )
        if isinstance(place, float):
            return place
        least = -(-place.numerator // place.denominator)
        if not self.exact and min(least - place, place - (least - 1)) < MARGIN:
            raise QsimError("a threshold lies within 1e-40 of an integer; it cannot be decided exactly")
        return least + (least == place and not inclusive)


class Step(Protocol):
    """A monotone function of each element of an image; `n` elements, or one value for all."""

    @property
    def run(self) -> Run:
        """What the runtime computes, float (rows, n) to float (rows, n)."""

    def pull_back(self, cut: Cut, j: int) -> Cut:
        """The set of inputs of element j whose result is in the cut."""

    def apply(self, value: Fraction, j: int) -> Fraction:
        """The exact result of element j."""


def at(values: Sequence[Any], j: int) -> Any:
    """Element j of values that are one for each element, or one for all."""
    return values[j if len(values) > 1 else 0]


@dataclass(frozen=True)
class Affine:
    """y = slope * x + offset, each one for all elements or one each."""

    slope: tuple[Fraction, ...]
    offset: tuple[Fraction, ...]
    run: Run
    exact: bool = True

    def pull_back(self, cut: Cut, j: int) -> Cut:
        slope, offset = at(self.slope, j), at(self.offset, j)
        if slope == 0:
            constant = Cut(cut.place, cut.inclusive).holds(offset)
            return replace(cut, place=-INFINITY if constant else INFINITY)
        if isinstance(cut.place, float):
            place = cut.place if slope > 0 else -cut.place
            return replace(cut, place=place, inverted=cut.inverted is (slope > 0))
        exact = cut.exact and (self.exact or cut.place == offset)
        place = (cut.place - offset) / slope
        if slope > 0:
            return replace(cut, place=place, exact=exact)
        return Cut(place, not cut.inclusive, not cut.inverted, exact)

    def apply(self, value: Fraction, j: int) -> Fraction:
        return at(self.slope, j) * value + at(self.offset, j)


def composed(steps: Sequence[Step], elements: int) -> tuple[list[Fraction], list[Fraction]]:
    """Slopes and offsets of affine steps, one after another, by element."""
    slope, offset = [Fraction(1)] * elements, [Fraction(0)] * elements
    for step in steps:
        assert isinstance(step, Affine)
        for j in range(elements):
            slope[j], offset[j] = slope[j] * at(step.slope, j), step.apply(offset[j], j)
    return slope, offset


@dataclass(frozen=True)
class Clamp:
    """y = min(max(x, low), high); low and high may be infinite."""

    low: Fraction | float
    high: Fraction | float
    run: Run

    def pull_back(self, cut: Cut, j: int) -> Cut:
        upper = Cut(cut.place, cut.inclusive)
        if not isinstance(self.low, float) and upper.holds(self.low):
            return replace(cut, place=-INFINITY)
        if not isinstance(self.high, float) and not upper.holds(self.high):
            return replace(cut, place=INFINITY)
        return cut

    def apply(self, value: Fraction, j: int) -> Fraction:
        low = value if isinstance(self.low, float) else max(value, self.low)
        return low if isinstance(self.high, float) else min(low, self.high)


@dataclass(frozen=True)
class Curve:
    """A sigmoid, y = low + (high - low) / (1 + exp(-stretch * x)): the logistic function and tanh."""

    name: str
    low: int
    high: int
    stretch: int
    run: Run

    def pull_back(self, cut: Cut, j: int) -> Cut:
        if cut.place <= self.low:
            return replace(cut, place=-INFINITY)
        if cut.place >= self.high:
            return replace(cut, place=INFINITY)
        place = Fraction(cut.place)
        if 2 * place == self.low + self.high:
            return replace(cut, place=Fraction(0))
        odds = (place - self.low) / (self.high - place)
        return replace(cut, place=_logarithm(odds) / self.stretch, exact=False)

    def apply(self, value: Fraction, j: int) -> Fraction:
        raise QsimError(f"{self.name} follows a quantizer; its levels are then no multiples of one step")


def logistic(name: str, run: Run) -> Curve:
    """1 / (1 + exp(-x))."""
    return Curve(name, 0, 1, 1, run)


def tanh(name: str, run: Run) -> Curve:
    """tanh x."""
    return Curve(name, -1, 1, 2, run)


def _logarithm(value: Fraction) -> Fraction:
    with decimal.localcontext() as context:
        context.prec = DIGITS
        return Fraction((decimal.Decimal(value.numerator) / value.denominator).ln())


@dataclass(frozen=True)
class Quantizer:
    """A staircase: level k = 0 … levels, of value first + k * step, begins at a place of the input.

    Parameters
    ----------
    name : str
        The node.
    levels : int
        The largest k.
    first, step : tuples of Fraction, one for all elements or one each; step > 0
    begins : function of k (1 … levels) and the element
        The cut from which the level is k or more.
    run : function
        Values in the runtime's floating point.
    tensor : str
        The tensor in the file that holds the values.
    """

    name: str
    levels: int
    first: tuple[Fraction, ...]
    step: tuple[Fraction, ...]
    begins: Callable[[int, int], tuple[Fraction, bool]]
    run: Run
    tensor: str = ""

    def value(self, k: int, j: int) -> Fraction:
        """The value of level k of element j."""
        return at(self.first, j) + k * at(self.step, j)

    def pull_back(self, cut: Cut, j: int) -> Cut:
        upper = Cut(cut.place, cut.inclusive)
        if isinstance(cut.place, float):
            return cut
        guess = (cut.place - at(self.first, j)) // at(self.step, j)
        k = max(0, int(guess))
        while k <= self.levels and not upper.holds(self.value(k, j)):
            k += 1
        if k == 0 or k > self.levels:
            return replace(cut, place=INFINITY if k else -INFINITY, exact=True)
        place, inclusive = self.begins(k, j)
        return Cut(place, inclusive, cut.inverted)

    def apply(self, value: Fraction, j: int) -> Fraction:
        k = 0
        while k < self.levels and Cut(*self.begins(k + 1, j)).holds(value):
            k += 1
        return self.value(k, j)
