"""A network as an importer reads it: one input, then matrix products with the steps that follow each.

It is the same for every file format; `freeze` turns it into a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.checks import MAX_CODE_BITS
from ..model.input_format import InputFormat
from .steps import INFINITY, Cut, Quantizer, Step

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Levels:
    """The values that a layer takes in: code c stands for zero + c * step."""

    zero: Fraction
    step: Fraction
    lowest: int
    highest: int


@dataclass(frozen=True)
class Input:
    """The network's input.

    Parameters
    ----------
    format : InputFormat
    levels : Levels
    offset : tuple of Fraction
        Added to each input's value, one for all or one each (preprocessing without a quantizer).
    steps : tuple of Step
        From the real input to the quantizer that makes the codes; none where the input are codes.
    codes_per_unit : float
        Codes that a real input of 1.0 spans, before the steps.
    """

    format: InputFormat
    levels: Levels
    offset: tuple[Fraction, ...] = (Fraction(0),)
    steps: tuple[Step, ...] = ()
    codes_per_unit: float = 1.0

    def codes(self, x: npt.NDArray[np.floating[Any]]) -> Integers:
        """The codes (N, inputs) of real inputs of that shape, made in float32 as a runtime does."""
        if not self.steps:
            return np.rint(x.astype(np.float64) * self.codes_per_unit).astype(np.int64)
        value = x.astype(np.float32)
        for step in self.steps:
            value = step.run(value)
        codes = (value.astype(np.float64) - float(self.levels.zero)) / float(self.levels.step)
        return np.rint(codes).astype(np.int64)

    def reals(self, codes: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float32]:
        """Real inputs of that shape that have these codes, in the middle of what does."""
        if not self.steps:
            return (codes / self.codes_per_unit).astype(np.float32)
        before, quantizer, after = split(self.steps)
        assert quantizer is not None
        places = []
        for start in coding(quantizer, after).start[1:]:
            cut = Cut(*quantizer.begins(start, 0))
            for step in reversed(before):
                cut = step.pull_back(cut, 0)
            places.append(float(cut.place))
        places = [p for p in places if abs(p) < INFINITY] or [0.0]
        gap = abs(places[1] - places[0]) if len(places) > 1 else 1.0
        outward = gap if places[-1] >= places[0] else -gap
        ends = [places[0] - outward, *places, places[-1] + outward]
        middles = np.array([(a + b) / 2 for a, b in pairwise(ends)], np.float32)
        return middles[(codes - self.levels.lowest).clip(0, len(middles) - 1)]


@dataclass(frozen=True, eq=False)
class Stage:
    """A matrix product and the steps after it.

    Parameters
    ----------
    name : str
        The node of the product.
    weights : int array (outputs, inputs)
    unit : tuple of Fraction (outputs,) or (1,)
        The real value of a weight's 1.
    steps : tuple of Step
    integer : bool
        Whether the runtime accumulates in integers, so that sums are exact there too.
    """

    name: str
    weights: Integers
    unit: tuple[Fraction, ...]
    steps: tuple[Step, ...]
    integer: bool = False


@dataclass(frozen=True, eq=False)
class Reading:
    """All that an importer reads from a file.

    Parameters
    ----------
    input : Input
    stages : tuple of Stage
    facts : for a model's provenance
    output : str
        The tensor in the file that holds the real logits.
    """

    input: Input
    stages: tuple[Stage, ...]
    facts: dict[str, Any]
    output: str


def split(steps: Sequence[Step]) -> tuple[list[Step], Quantizer | None, list[Step]]:
    """The steps before the last quantizer, it, and those after it."""
    for i in range(len(steps) - 1, -1, -1):
        step = steps[i]
        if isinstance(step, Quantizer):
            return list(steps[:i]), step, list(steps[i + 1 :])
    return list(steps), None, []


@dataclass(frozen=True)
class Coding:
    """A quantizer's levels after the steps that follow it: code c begins at its level start[c]."""

    levels: Levels
    start: tuple[int, ...]


def coding(quantizer: Quantizer, after: Sequence[Step]) -> Coding:
    """Codes for the values that a quantizer and the steps after it can give.

    Raises
    ------
    QsimError
        If values differ between neurons, or are no multiples of one step.
    """
    if quantizer.levels >= 1 << MAX_CODE_BITS:
        raise QsimError(
            f"{quantizer.name} has {quantizer.levels + 1} levels; at most {1 << MAX_CODE_BITS} are allowed"
        )
    if len(set(quantizer.first)) > 1 or len(set(quantizer.step)) > 1:
        raise QsimError(
            f"{quantizer.name} has a scale or zero point for each neuron; one for all is needed, "
            "for the next layer adds them up"
        )
    values: list[Fraction] = []
    start: list[int] = []
    for k in range(quantizer.levels + 1):
        value = quantizer.value(k, 0)
        for step in after:
            value = _common(step, value, quantizer.name)
        if not values or value != values[-1]:
            values.append(value)
            start.append(k)
    gaps = {b - a for a, b in pairwise(values)}
    if len(gaps) > 1:
        raise QsimError(f"{quantizer.name} is followed by steps that leave unequal gaps between its levels")
    return Coding(Levels(values[0], gaps.pop() if gaps else Fraction(1), 0, len(values) - 1), tuple(start))


def _common(step: Step, value: Fraction, name: str) -> Fraction:
    width = max((len(getattr(step, part, ())) for part in ("slope", "offset")), default=1)
    results = {step.apply(value, j) for j in range(max(width, 1))}
    if len(results) > 1:
        raise QsimError(f"{name} is followed by a scale or offset for each neuron; one for all is needed")
    return results.pop()


def beginning(quantizer: Quantizer, code: Coding, c: int, j: int) -> Cut:
    """From where on neuron j has code c (1 or more) or a higher one, at the quantizer's input."""
    return Cut(*quantizer.begins(code.start[c], j))


def lowest_integer(quantizer: Quantizer, code: Coding) -> Fraction:
    """The quantizer's own integer for code 0: the highest one, if a clip gives several that code."""
    k = code.start[1] - 1 if len(code.start) > 1 else 0
    return quantizer.first[0] / quantizer.step[0] + k
