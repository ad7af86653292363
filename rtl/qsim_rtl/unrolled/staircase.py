"""Evenly spaced thresholds as a multiplication with few digits and a shift, proved equal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .digits import signed_digits
from .graph import AdderGraph
from .sharing import adder_graph

MOST_BITS = 34  # of the shift, at most
FURTHER = 4  # bits beyond the smallest shift that does, which are tried for a slope of fewer digits
MOST_SLOPES = 1000  # that are tried for a shift


class Staircase(NamedTuple):
    """code = clip((acc * slope + offset) >> shift, 0, the number of thresholds)."""

    slope: int
    offset: int
    shift: int


def cheapest_staircase(thresholds: Sequence[int]) -> Staircase | None:
    """The form whose slope has the fewest signed digits, then the smallest shift; None if there is none.

    (acc * slope + offset) >> shift is k or more from the k-th threshold t on, and less at t - 1: for each k
    that bounds the offset from both sides, and it is all that must hold, as both sides are monotone.
    Thresholds that differ by a constant, as those of neurons with other biases do, have all but the offset
    in common.
    """
    first = int(thresholds[0])
    form = _from_zero(tuple(int(t) - first for t in thresholds))
    return form and form._replace(offset=form.offset - first * form.slope)


@lru_cache(maxsize=256)
def _from_zero(thresholds: tuple[int, ...]) -> Staircase | None:
    """The form of thresholds of which the first is 0."""
    t, k = np.asarray(thresholds, np.int64), np.arange(1, len(thresholds) + 1)
    best: tuple[int, Staircase] | None = None
    for shift in range(MOST_BITS + 1):
        if best is not None and shift > best[1].shift + FURTHER:
            break
        for slope in _slopes(t, shift):
            least = int(((k << shift) - t * slope).max())
            most = int(((k << shift) - (t - 1) * slope).min()) - 1
            if least <= most:
                digits = int(np.abs(signed_digits(np.array([slope]))).sum())
                if best is None or digits < best[0]:
                    best = digits, Staircase(slope, least, shift)
    return best and best[1]


@lru_cache(maxsize=256)  # neurons of a layer often have the same
def multiplication(slope: int) -> AdderGraph:
    """A number times a slope."""
    return adder_graph(np.array([[slope]]))


def _slopes(t: np.ndarray, shift: int) -> range:
    """The slopes that could do: from the first to the last threshold the code rises by one for each other."""
    rise, span = (len(t) - 1) << shift, int(t[-1] - t[0])
    low, high = rise // (span + 1) + 1, -(-rise // (span - 1)) if span > 1 else 1 << shift
    return range(low, min(high, low + MOST_SLOPES))
