"""Exact integers: where accumulators lie in a cell, and whole multipliers whose bound is proved."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..jit.compiling import cached
from .dual import Cell, bound_of
from .network import Arrays, Floats, Integers, Margin
from .staircase import code_of

SIGNIFICANT = (4, 6, 8, 10, 13, 16, 20, 24, 28)  # bits of the largest multiplier, tried in this order
ROOM = 1 << 62


class Splits(NamedTuple):
    """What splits leave: ends of inputs, ends of accumulators, and the ranges of layer 1 in this box."""

    box_low: Integers
    box_high: Integers
    low: Integers
    high: Integers
    first_low: Integers
    first_high: Integers


def unsplit(arrays: Arrays, box_low: Integers, box_high: Integers) -> Splits:
    """No split: all of a box."""
    units = len(arrays.bias)
    ends = np.full(units, -ROOM, np.int64), np.full(units, ROOM, np.int64)
    return Splits(box_low, box_high, *ends, *first_ranges(arrays, box_low, box_high))


def split(arrays: Arrays, splits: Splits, where: tuple[int, int, int], above: bool) -> Splits | None:
    """One side of a split [layer, unit, threshold], layer 0 being the inputs; None if no input is left."""
    layer, unit, threshold = where
    names = ("box_low", "box_high") if layer == 0 else ("low", "high")
    place = unit if layer == 0 else int(arrays.first[layer - 1]) + unit
    name = names[0] if above else names[1]
    ends = getattr(splits, name).copy()
    ends[place] = max(ends[place], threshold) if above else min(ends[place], threshold - 1)
    splits = splits._replace(**{name: ends})
    if layer == 0:
        if splits.box_low[unit] > splits.box_high[unit]:
            return None
        first = first_ranges(arrays, splits.box_low, splits.box_high)
        splits = splits._replace(first_low=first[0], first_high=first[1])
    return splits


def first_ranges(arrays: Arrays, box_low: Integers, box_high: Integers) -> tuple[Integers, Integers]:
    """The least and the largest value of each accumulator of the first hidden layer."""
    units = int(arrays.widths[1]) if len(arrays.at) else 0
    low, high = np.empty(units, np.int64), np.empty(units, np.int64)
    if units:
        _interval(arrays, 0, box_low, box_high, low, high)
    return low, high


def cell_of(arrays: Arrays, splits: Splits) -> Cell | None:
    """The cell that splits leave, or None where interval bounds show that it is empty."""
    low, high = splits.low.copy(), splits.high.copy()
    if not _narrow(arrays, splits.first_low, splits.first_high, low, high):
        return None
    return Cell(splits.box_low, splits.box_high, low, high)


@cached()
def _interval(arrays: Arrays, layer: int, codes_low: Any, codes_high: Any, low: Any, high: Any) -> None:
    """Where a layer's accumulators lie if its input codes lie between these."""
    begin, width = arrays.first[layer], arrays.widths[layer]
    for j in range(arrays.widths[layer + 1]):
        row = arrays.whole[arrays.at[layer] + j * width : arrays.at[layer] + (j + 1) * width]
        least = most = arrays.bias[begin + j]
        for k in range(width):
            a, b = row[k] * codes_low[k], row[k] * codes_high[k]
            least += min(a, b)
            most += max(a, b)
        low[j], high[j] = least, most


@cached()
def _narrow(arrays: Arrays, first_low: Any, first_high: Any, low: Any, high: Any) -> bool:
    """Cut the ends of all accumulators to where they can be, layer by layer; False if nowhere."""
    codes_low, codes_high = (
        first_low,
        first_high,
    )  # stand for the input's, which the first layer does not need
    for layer in range(len(arrays.at)):
        begin, end = arrays.first[layer], arrays.first[layer + 1]
        if layer == 0:
            least, most = first_low, first_high
        else:
            least, most = np.empty(end - begin, np.int64), np.empty(end - begin, np.int64)
            _interval(arrays, layer, codes_low, codes_high, least, most)
        codes_low, codes_high = np.empty(end - begin, np.int64), np.empty(end - begin, np.int64)
        for j in range(end - begin):
            q = begin + j
            low[q], high[q] = max(low[q], least[j]), min(high[q], most[j])
            if low[q] > high[q]:
                return False
            codes_low[j] = code_of(low[q], arrays.thresholds, arrays.start[q], arrays.stop[q])
            codes_high[j] = code_of(high[q], arrays.thresholds, arrays.start[q], arrays.stop[q])
    return True


def whole_bound(arrays: Arrays, margin: Margin, scale: int, alpha: Integers, cell: Cell) -> int:
    """The bound, times `scale`, for whole multipliers over `scale`: exact."""
    factors = margin.factors * scale
    return int(bound_of(arrays, arrays.whole, factors, np.int64(margin.constant * scale), alpha, cell))


def proven(arrays: Arrays, margin: Margin, alpha: Floats, cell: Cell, reach: int) -> dict[str, Any] | None:
    """A leaf of whole multipliers, as coarse as they may be, that proves the cell; or None.

    Parameters
    ----------
    reach : the largest absolute value of anything that a layer accumulates
    """
    largest = float(np.abs(alpha).max(initial=0.0))
    if not math.isfinite(largest):
        return None
    for bits in SIGNIFICANT:
        power = bits - math.frexp(largest)[1] if largest else 0
        scale = 1 << max(power, 0)
        if not fits(margin, alpha, scale, reach):
            return None
        whole = np.rint(alpha * scale).astype(np.int64)
        if whole_bound(arrays, margin, scale, whole, cell) > scale * margin.most:
            return leaf(arrays, scale, whole)
        if power <= 0:
            return None
    return None


def fits(margin: Margin, alpha: Floats, scale: int, reach: int) -> bool:
    """Whether all sums of a bound stay within 61 bits."""
    total = scale * (int(np.abs(margin.factors).sum()) * (1 << 16) + abs(margin.constant))
    return total + 8 * reach * int(np.abs(alpha).sum() * scale + len(alpha)) < ROOM // 2


def leaf(arrays: Arrays, scale: int, alpha: Integers) -> dict[str, Any]:
    """As it stands in a certificate: one list of multipliers a layer."""
    if not alpha.any():
        return {}
    return {"scale": scale, "multipliers": [part.tolist() for part in np.split(alpha, arrays.first[1:-1])]}
