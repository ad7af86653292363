"""Cuts: values that no accumulator of the first layer takes where the rival wins.

If the bound of the images that put an accumulator at or beyond a threshold is too high for the rival, the
other side of the threshold is all that need be searched, and there every relaxation is tighter: bound
tightening by the objective (Gleixner et al., Journal of Global Optimization 67, 2017), with Lagrangian
bounds. Only the accumulator's own multiplier is changed, so that a trial costs one row of weights; and all is
done in whole numbers, so that no cut needs a second proof.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..jit.compiling import cached, part
from .cells import ROOM, Splits, fits, leaf, whole_bound
from .dual import Cell
from .network import Arrays, Floats, Integers, Margin
from .staircase import code_of, lowest

BITS = 18  # of the largest multiplier
TRIALS = 14  # changes of a multiplier
GROWTH = 1.5  # from one to the next
FIRST = 0.125  # the first, as a share of what is missing over the accumulator's range
WORTH = 0.04  # of a range that a cut must remove


class Ends(NamedTuple):
    """What is left of each accumulator of the first layer, and the multipliers that exclude the rest."""

    low: Integers
    high: Integers
    below: Integers
    above: Integers


def cut(
    arrays: Arrays, margin: Margin, splits: Splits, cell: Cell, alpha: Floats, reach: int
) -> tuple[dict[str, Any], Splits] | None:
    """A node of cuts, whose `rest` is still to be proved, and what they leave; None where none is worth it.

    Parameters
    ----------
    alpha : (accumulators,), the multipliers to begin with
    reach : the largest absolute value of anything that a layer accumulates
    """
    largest = float(np.abs(alpha).max(initial=0.0))
    if not 0 < largest < math.inf:
        return None
    scale = 1 << max(BITS - math.frexp(largest)[1], 0)
    if not fits(margin, alpha, scale, reach):
        return None
    whole = np.rint(alpha * scale).astype(np.int64)
    value, target = whole_bound(arrays, margin, scale, whole, cell), scale * margin.most
    if value > target:
        return None
    units = len(splits.first_low)
    ends = Ends(*(part[:units].copy() for part in (cell.low, cell.high, whole, whole)))
    factors = _factors(arrays, margin.factors * scale, whole)
    _try_all(arrays, cell, whole, factors, (value, target), ROOM // (64 * reach), ends)
    kept, cuts = splits._replace(low=splits.low.copy(), high=splits.high.copy()), []
    for unit in range(units):
        worth = WORTH * float(cell.high[unit] - cell.low[unit])
        if cell.high[unit] - ends.high[unit] > worth:
            kept.high[unit] = ends.high[unit]
            cuts.append([unit, int(ends.high[unit]) + 1, False, int(ends.above[unit])])
        if ends.low[unit] - cell.low[unit] > worth:
            kept.low[unit] = ends.low[unit]
            cuts.append([unit, int(ends.low[unit]), True, int(ends.below[unit])])
    return ({**leaf(arrays, scale, whole), "cuts": cuts, "rest": {}}, kept) if cuts else None


def _factors(arrays: Arrays, factors: Integers, alpha: Integers) -> tuple[Integers, Integers]:
    """The factors of the first layer's codes and of the inputs."""
    codes = factors
    for layer in reversed(range(len(arrays.at))):
        units, width = int(arrays.widths[layer + 1]), int(arrays.widths[layer])
        rows = arrays.whole[arrays.at[layer] :][: units * width].reshape(units, width)
        codes, factors = factors, alpha[arrays.first[layer] :][:units] @ rows
    return codes, factors


@cached(error_model="numpy")
def _try_all(
    arrays: Arrays, cell: Cell, alpha: Any, factors: Any, values: Any, most: int, ends: Ends
) -> None:
    """Move the ends of each accumulator as far as one changed multiplier shows.

    Parameters
    ----------
    factors : of the first layer's codes and of the inputs
    values : (the bound at alpha, what it must exceed)
    most : the largest change of a multiplier
    """
    g, f = factors
    width, missing, thresholds = arrays.widths[0], float(values[1] - values[0]), arrays.thresholds
    others = values[0]
    for k in range(width):
        others -= f[k] * (cell.box_low[k] if f[k] > 0 else cell.box_high[k])
    for j in range(arrays.widths[1]):
        low, high, start, stop = cell.low[j], cell.high[j], arrays.start[j], arrays.stop[j]
        if code_of(low, thresholds, start, stop) == code_of(high, thresholds, start, stop):
            continue
        least, _ = lowest(g[j], alpha[j], low, high, thresholds, start, stop)
        rest = others - least - alpha[j] * arrays.bias[j]
        row = arrays.whole[j * width : (j + 1) * width]
        change = FIRST * missing / (high - low)
        for _ in range(TRIALS):
            step = np.int64(min(change, float(most)))
            for a in (alpha[j] - step, alpha[j] + step):
                bound = rest + a * arrays.bias[j]
                for k in range(width):
                    h = f[k] + (a - alpha[j]) * row[k]
                    bound += h * (cell.box_low[k] if h > 0 else cell.box_high[k])
                _move(g[j], a, bound - values[1], (low, high), (thresholds, start, stop), j, ends)
            change *= GROWTH


@part
def _move(g: Any, a: Any, bound: Any, ends: Any, staircase: Any, j: int, found: Ends) -> None:
    """Move both ends of accumulator j over the codes where `bound` + g * code(z) - a * z is above 0."""
    low, high = ends
    thresholds, start, stop = staircase
    first, last = code_of(low, thresholds, start, stop), code_of(high, thresholds, start, stop)
    for k in range(last, first, -1):
        begin, end = thresholds[start + k - 1], high if k == last else thresholds[start + k] - 1
        if bound + g * k - a * (end if a > 0 else begin) <= 0:
            break
        if begin <= found.high[j]:
            found.high[j], found.above[j] = begin - 1, a
    for k in range(first, last):
        begin, end = low if k == first else thresholds[start + k - 1], thresholds[start + k] - 1
        if bound + g * k - a * (end if a > 0 else begin) <= 0:
            break
        if end >= found.low[j]:
            found.low[j], found.below[j] = end + 1, a
