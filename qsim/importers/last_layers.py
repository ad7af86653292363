"""The last layer: accumulators in integers whose order, ties included, is that of the real logits."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import QsimError
from ..model.layer import MAX_WEIGHT_BITS
from . import thresholds as ways
from .stages import Coding, Integers, Stage, coding, lowest_integer, split
from .steps import Affine, Curve, Cut, Quantizer, Step, composed
from .thresholds import Sums

KINDS = ("exact", "float")
Parts = tuple[Integers, Integers, None]  # weights, bias, no thresholds


def last(stage: Stage, total: Sums, thresholds: str, kind: str) -> tuple[Parts, dict[str, Any]]:
    """Weights and bias of the last layer, and what makes real logits of its accumulators.

    Parameters
    ----------
    stage : Stage
        Not quantized, or one output quantized to two levels.
    total : Sums
    thresholds : "probed" or "exact"
    kind : "exact" or "float"

    Returns
    -------
    parts, {"scale": list, "offset": list}
        A real logit is accumulator * scale + offset.
    """
    before, quantizer, after = split(stage.steps)
    steps = [total.value, *before]
    while quantizer is None and steps and isinstance(steps[-1], Curve):
        steps.pop()  # rising, so that it changes no class
    if len(stage.weights) == 1:
        return _one_output(
            stage, steps, quantizer, coding(quantizer, after) if quantizer else None, total, thresholds
        )
    if any(not isinstance(step, Affine) for step in steps):
        kinds = ", ".join(type(step).__name__ for step in steps if not isinstance(step, Affine))
        raise QsimError(
            f"{stage.name}, the last layer, is followed by {kinds}; scales and offsets are allowed"
        )
    slope, offset = composed(steps, len(stage.weights))
    unit = _common_unit(slope)
    if unit is None or _bits(stage.weights, [s / unit for s in slope]) > MAX_WEIGHT_BITS:
        if kind == "float":
            zero = np.zeros(len(slope), np.int64)
            return (stage.weights, zero, None), _reals(slope, offset)
        raise QsimError(
            f"{stage.name}, the last layer, has a scale for each output that no integers hold; "
            "a common scale is needed, or last_layer 'float', which keeps scales beside the integers"
        )
    return _ranked(stage, slope, offset, unit, kind)


def _ranked(
    stage: Stage, slope: list[Fraction], offset: list[Fraction], unit: Fraction, kind: str
) -> tuple[Parts, dict[str, Any]]:
    """Integers in the order of slope * acc + offset.

    Offsets in units are whole numbers and fractions; between equal whole sums the fraction decides. With
    D different fractions, D times the whole sum plus the fraction's rank has that order.
    """
    times = [s / unit for s in slope]
    whole = [math.floor(o / unit) for o in offset]
    rest = [o / unit - w for o, w in zip(offset, whole, strict=True)]
    ranks = {f: i for i, f in enumerate(sorted(set(rest)))}
    d = len(ranks)
    if _bits(stage.weights, [t * d for t in times]) > MAX_WEIGHT_BITS and kind == "float":
        return (stage.weights, np.zeros(len(slope), np.int64), None), _reals(slope, offset)
    factor = np.array([int(t * d) for t in times], np.int64)
    bias = [d * w + ranks[f] for w, f in zip(whole, rest, strict=True)]
    if max(map(abs, bias)) >= ways.MAX_ACCUMULATOR:
        raise QsimError(
            f"{stage.name}, the last layer, has a bias of {max(bias, key=abs)} units; 52 bits are allowed"
        )
    reals = _reals([unit / d] * len(slope), [o - unit / d * b for o, b in zip(offset, bias, strict=True)])
    return (factor[:, None] * stage.weights, np.array(bias, np.int64), None), reals


def _one_output(
    stage: Stage,
    steps: list[Step],
    quantizer: Quantizer | None,
    code: Coding | None,
    total: Sums,
    thresholds: str,
) -> tuple[Parts, dict[str, Any]]:
    """With one output, class 1 is where the real logit is >= 0, or the upper of two levels: acc - t >= 0."""
    sign = ways.directions(steps, 1)
    if quantizer is not None and code is not None:
        if code.levels.step < 0 or code.levels.highest != 1:
            raise QsimError(f"{quantizer.name}, the output, has no two rising levels; they are needed")
        t = int(ways.WAYS[thresholds](steps, quantizer, code, total)[0, 0])
    else:
        cut = Cut(Fraction(0), True)
        for step in reversed(steps):
            cut = step.pull_back(cut, 0)
        low, high = sorted((int(sign[0] * total.low[0]), int(sign[0] * total.high[0])))
        t = int(min(max(cut.first_integer(), low), high + 1))
    affine = [step for step in steps if isinstance(step, Affine)]
    slope, offset = composed(affine, 1)
    reals = _reals([slope[0] * int(sign[0])], [offset[0] + slope[0] * int(sign[0]) * t])
    return (sign[:, None] * stage.weights, np.array([-t]), None), reals


def outputs_as_codes(outputs: int, quantizer: Quantizer, code: Coding) -> tuple[Parts, dict[str, Any]]:
    """A layer that hands on the codes of a quantized output as the quantizer's own integers.

    Raises
    ------
    QsimError
        If the levels fall.
    """
    if code.levels.step < 0:
        raise QsimError(
            f"{quantizer.name}, the output, is followed by a negative scale; a positive one is needed"
        )
    own = lowest_integer(quantizer, code)
    lowest = int(own) if own.denominator == 1 else 0
    zero = code.levels.zero - lowest * code.levels.step
    bias = np.full(outputs, lowest, np.int64)
    return (np.eye(outputs, dtype=np.int64), bias, None), _reals([code.levels.step], [zero])


def _common_unit(slope: list[Fraction]) -> Fraction | None:
    """The greatest number of which all slopes are multiples, if it is not too small."""
    top = math.lcm(*(s.denominator for s in slope))
    divisor = math.gcd(*(int(s * top) for s in slope))
    if divisor == 0 or max(abs(s) for s in slope) * top > divisor << MAX_WEIGHT_BITS:
        return None
    return Fraction(divisor, top)


def _bits(weights: Integers, factors: list[Fraction]) -> int:
    """Bits of the weights times a factor for each output."""
    largest = max(int(abs(row).max()) * abs(f) for row, f in zip(weights, factors, strict=True))
    return int(largest).bit_length() + 1


def _reals(scale: list[Fraction], offset: list[Fraction]) -> dict[str, Any]:
    return {"scale": [float(s) for s in scale], "offset": [float(o) for o in offset]}
