"""Cells in which every hidden code is fixed: does any image lie in them?

All is said by the first layer's accumulators, which must stay between their ends: a linear programme over
the box (HiGHS, through scipy). Where no real image is inside, its dual gives multipliers that prove the cell;
where one is, an integer image near it may be the answer, and if none is found an input is split.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linprog

from .cells import Splits, proven
from .counterexamples import value_of
from .dual import Cell, bound_of
from .network import Arrays, Floats, Integers, Margin

ROUNDINGS = 20
SCALES = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)

Split = tuple[int, int, int]


def settle(
    arrays: Arrays, margin: Margin, splits: Splits, cell: Cell, reach: int
) -> dict[str, Any] | Integers | Split:
    """A leaf that proves the cell, or an image that the rival wins, or an input to split."""
    units = len(splits.first_low)
    tight = np.flatnonzero((cell.low[:units] > splits.first_low) | (cell.high[:units] < splits.first_high))
    rows = arrays.weights.reshape(-1)[: units * arrays.widths[0]].reshape(units, -1)[tight]
    bias, low, high = arrays.bias[tight], cell.low[tight], cell.high[tight]
    point, duals, slack = _deepest(rows, low - bias, high - bias, cell.box_low, cell.box_high)
    if slack < 0:
        alpha = np.zeros(len(arrays.bias))
        alpha[tight] = duals
        for scale in SCALES:
            factors, constant = margin.factors.astype(float), float(margin.constant)
            if bound_of(arrays, arrays.weights, factors, constant, alpha * scale, cell) > margin.most:
                leaf = proven(arrays, margin, alpha * scale, cell, reach)
                if leaf is not None:
                    return leaf
    image = _rounded(arrays, margin, point, cell)
    return image if image is not None else _input_to_split(point, cell)


def _deepest(
    rows: Floats, low: Integers, high: Integers, box_low: Integers, box_high: Integers
) -> tuple[Floats, Floats, float]:
    """The image deepest between all ends, the ends' shadow prices, and how deep it is (< 0: outside)."""
    length = np.sqrt((rows**2).sum(1))[:, None]
    sides = np.block([[-rows, length], [rows, length]])
    limits = np.concatenate([-low, high]).astype(float)
    bounds = [*zip(box_low.astype(float), box_high.astype(float), strict=True), (None, 1e6)]
    price = np.zeros(len(box_low) + 1)
    price[-1] = -1
    found = linprog(price, A_ub=sides, b_ub=limits, bounds=bounds, method="highs")
    if found.status != 0:
        return (box_low + box_high) / 2, np.zeros(len(rows)), 0.0
    below, above = np.split(-found.ineqlin.marginals, 2)
    return found.x[:-1], above - below, float(-found.fun)


def _rounded(arrays: Arrays, margin: Margin, point: Floats, cell: Cell) -> Integers | None:
    """An integer image near a real one that the rival wins, or None."""
    rng, accs = np.random.default_rng(0), np.empty(len(arrays.bias), np.int64)
    for i in range(ROUNDINGS):
        real = np.rint(point) if i == 0 else np.floor(point + rng.random(len(point)))
        image = real.astype(np.int64).clip(cell.box_low, cell.box_high)
        if value_of(arrays, margin.factors, margin.constant, image, accs) <= margin.most:
            return image
    return None


def _input_to_split(point: Floats, cell: Cell) -> Split:
    """The input furthest from a whole number, else the widest, cut where the point is."""
    wide = cell.box_high > cell.box_low
    fraction = np.where(wide, np.abs(point - np.rint(point)), -1)
    if fraction.max() > 1e-6:
        unit = int(fraction.argmax())
        return 0, unit, int(np.floor(point[unit])) + 1
    unit = int((cell.box_high - cell.box_low).argmax())
    return 0, unit, int(cell.box_low[unit] + cell.box_high[unit] + 1) // 2
