"""Evenly spaced thresholds as a multiplication with few digits and a shift, proved equal.

Quantizers of QKeras, Brevitas and ONNX round halves to even. Where scales are powers of two, every
other threshold then lies one above its half: the same form, in which a tie leaves an odd code for the even
one below.
"""

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
    """code = clip((acc * slope + offset) >> shift, 0, the number of thresholds).

    With `half_even`, an odd quotient without a remainder is one less before it is clipped.
    """

    slope: int
    offset: int
    shift: int
    half_even: bool = False

    @property
    def tie(self) -> int:
        """The lowest `shift` bits of acc * slope where the remainder is 0."""
        return -self.offset % (1 << self.shift)


def cheapest_staircase(thresholds: Sequence[int]) -> Staircase | None:
    """The form whose slope has the fewest signed digits, then the smallest shift; None if there is none.

    (acc * slope + offset) >> shift is k or more from the k-th threshold t on, and less at t - 1: for each k
    that bounds the offset from both sides, and it is all that must hold, as both sides are monotone.
    Thresholds that differ by a constant, as those of neurons with other biases do, have all but the offset
    in common.
    """
    return _rounded_up(thresholds) or _half_even(thresholds)


def _rounded_up(thresholds: Sequence[int]) -> Staircase | None:
    first = int(thresholds[0])
    form = _from_zero(tuple(int(t) - first for t in thresholds))
    return form and form._replace(offset=form.offset - first * form.slope)


def _half_even(thresholds: Sequence[int]) -> Staircase | None:
    """The form whose odd codes begin one above a tie; None if not each of them has one.

    One less at a tie alone, the code still never falls where the accumulator grows: it is right everywhere if
    it is right at each threshold and below it.
    """
    starts = [(k, int(t) - k % 2) for k, t in enumerate(thresholds, 1)]
    form = _rounded_up([start for _, start in starts])
    if form is None or any(start * form.slope + form.offset != k << form.shift for k, start in starts[::2]):
        return None
    return form._replace(half_even=True)


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
