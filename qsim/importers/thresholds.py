"""Thresholds of one layer, in two ways: from exact rational numbers, and probed in a runtime's arithmetic.

Both speak of acc, the sum of integer weights times codes, without a bias. A neuron that falls while acc
grows is turned round: its weights are negated, and its thresholds are those of -acc.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from .stages import Coding, Integers, Levels, Stage, beginning
from .steps import Affine, Quantizer, Run, Step

MAX_ACCUMULATOR = 1 << 52  # float64 holds what lies below


@dataclass(frozen=True, eq=False)
class Sums:
    """acc and its range for each neuron of a stage, and the real value that it stands for.

    Parameters
    ----------
    low, high : int arrays (outputs,)
        The least and the greatest acc.
    value : Affine
        The real value of the product, by acc.
    integer : bool
        Whether the runtime adds up integers.
    """

    low: Integers
    high: Integers
    value: Affine
    integer: bool


def sums(
    stage: Stage, levels: Levels, codes: tuple[int, int], offset: Sequence[Fraction] = (Fraction(0),)
) -> Sums:
    """What a product sums up.

    Parameters
    ----------
    stage : Stage
    levels : of the inputs
    codes : lowest and highest input code that can come
    offset : added to each input's value, one for all or one each
    """
    weights = stage.weights
    ends = np.stack([weights * codes[0], weights * codes[1]])
    low, high = ends.min(0).sum(1), ends.max(0).sum(1)
    if max(abs(int(low.min())), abs(int(high.max()))) >= MAX_ACCUMULATOR:
        raise QsimError(f"{stage.name} adds up to {int(high.max())}; 52 bits are allowed")
    rows = weights.sum(1).tolist()
    constant = [levels.zero * row for row in rows]
    if any(offset):
        wide = list(offset) * (weights.shape[1] if len(offset) == 1 else 1)
        constant = [
            c + sum((w * o for w, o in zip(row, wide, strict=True) if o), Fraction(0))
            for c, row in zip(constant, weights.tolist(), strict=True)
        ]
    units = list(stage.unit) * (len(rows) if len(stage.unit) == 1 else 1)
    slope = tuple(u * levels.step for u in units)
    shift = tuple(u * c for u, c in zip(units, constant, strict=True))
    kind = np.float64 if stage.integer else np.float32
    slopes, shifts = np.array([float(s) for s in slope]), np.array([float(s) for s in shift])

    def run(acc: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return (acc * slopes + shifts).astype(kind)

    return Sums(low, high, Affine(slope, shift, run), stage.integer)


def directions(steps: Sequence[Step], outputs: int) -> Integers:
    """1 for each neuron that rises with acc, -1 for each that falls."""
    sign = np.ones(outputs, np.int64)
    for step in steps:
        if isinstance(step, Affine):
            sign *= np.array([-1 if s < 0 else 1 for s in step.slope])
    return sign


def _turned(total: Sums, sign: Integers) -> tuple[Integers, Integers]:
    """The range of acc, or of -acc where a neuron falls."""
    return np.where(sign > 0, total.low, -total.high), np.where(sign > 0, total.high, -total.low)


def exact(steps: Sequence[Step], quantizer: Quantizer, code: Coding, total: Sums) -> Integers:
    """Thresholds (outputs, codes - 1) on acc, or on -acc where a neuron falls, in exact arithmetic.

    Those that every or no acc passes may lie anywhere outside of the neuron's range.

    Raises
    ------
    QsimError
        If an irrational place is too near to an integer to decide.
    """
    least, most = _turned(total, directions(steps, len(total.low)))
    found = np.zeros((len(least), code.levels.highest), np.int64)
    for j, (low, high) in enumerate(zip(least.tolist(), most.tolist(), strict=True)):
        for c in range(1, code.levels.highest + 1):
            cut = beginning(quantizer, code, c, j)
            for step in reversed(steps):
                cut = step.pull_back(cut, j)
            least_acc = cut.first_integer()
            inside = abs(least_acc) < MAX_ACCUMULATOR
            found[j, c - 1] = least_acc if inside else (low if least_acc < 0 else high + 1)
    return found


def probed(steps: Sequence[Step], quantizer: Quantizer, code: Coding, total: Sums) -> Integers:
    """The same where the floating-point steps of a runtime decide: found by bisection over acc."""
    outputs = len(total.low)
    sign = directions(steps, outputs)
    low, high = _turned(total, sign)
    halfway = quantizer.step[0] / 2  # below a level's value: no rounding error is as large
    boundaries = np.array([[float(quantizer.value(k, 0) - halfway)] for k in code.start[1:]])
    count = code.levels.highest
    left, right = np.repeat(low[None], count, 0), np.repeat(high[None] + 1, count, 0)
    while (left < right).any():
        middle = (left + right) >> 1
        value: npt.NDArray[Any] = sign * np.minimum(middle, high)
        for step in [*steps, quantizer]:
            value = step.run(value)
        reached = value.astype(np.float64) >= boundaries
        open_ = left < right
        right = np.where(open_ & reached, middle, right)
        left = np.where(open_ & ~reached, middle + 1, left)
    return np.ascontiguousarray(left.T)


def sensitive(steps: Sequence[Step], quantizer: Quantizer, code: Coding, total: Sums) -> int:
    """Thresholds that the rounding of a float product can move, so that no list of them is always right.

    A runtime that multiplies floats rounds as it adds, and differently for another batch or machine. Each
    product is moved up and down by 2**-24 of the largest sum; thresholds that then differ are counted.
    """
    first = steps[0]
    assert isinstance(first, Affine)
    reach = np.maximum(np.abs(total.low), np.abs(total.high))
    if total.integer or (reach.max() < 1 << 24 and all(_power_of_two(s) for s in first.slope)):
        return 0  # sums are exact
    shift = reach * np.array([abs(float(s)) for s in first.slope]) * 2.0**-24
    ends = []
    for delta in (-shift, shift):
        moved = Affine(first.slope, first.offset, _moved(first.run, delta))
        ends.append(probed([moved, *steps[1:]], quantizer, code, total))
    return int((ends[0] != ends[1]).sum())


def _moved(run: Run, delta: npt.NDArray[Any]) -> Run:
    return lambda acc: (run(acc) + delta).astype(np.float32)


def _power_of_two(value: Fraction) -> bool:
    top, bottom = abs(value.numerator), value.denominator
    return top & (top - 1) == 0 and bottom & (bottom - 1) == 0


def clamped(rows: Integers, total: Sums, sign: Integers) -> Integers:
    """Thresholds moved into each neuron's range, where they tell the same accs apart."""
    low, high = _turned(total, sign)
    return rows.clip(low[:, None], high[:, None] + 1)


def top(total: Sums, sign: Integers) -> Integers:
    """Each neuron's largest acc (outputs, 1), or largest -acc where it falls."""
    return _turned(total, sign)[1][:, None]


def chosen(rows: Integers, exact_rows: Integers, total: Sums, sign: Integers) -> Integers:
    """`rows`, with exact thresholds that mean the same in their places, so that equal neurons share a row."""
    same = clamped(exact_rows, total, sign) == clamped(rows, total, sign)
    mixed = np.where(same, exact_rows, rows)
    in_order = np.all(mixed[:, 1:] >= mixed[:, :-1], axis=1, keepdims=True)
    return np.where(in_order, mixed, clamped(rows, total, sign))


WAYS = {"probed": probed, "exact": exact}
