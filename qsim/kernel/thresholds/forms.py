"""Faster ways to count thresholds, each proved equal to counting before it is used.

Counting thresholds is monotone in acc. So is every form here, hence two of them are equal everywhere if
they agree at both ends of the accumulator's range, at each threshold t in it and at t - 1.

- `Staircase`: multiply and shift, for evenly spaced thresholds.
- `Table`: many equal buckets of accumulators, with one threshold in each at most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ...model.layer import Layer

Array = npt.NDArray[np.integer[Any]]
Bounds = tuple[int, int]
BUCKETS = 1 << 13  # of a table, at most


@dataclass(frozen=True)
class Staircase:
    """code = clip((acc * slope + offset) >> shift, 0, max_code), in 64-bit integers."""

    slope: int
    offset: int
    shift: int
    max_code: int


@dataclass(frozen=True)
class Table:
    """code = (entries[row][(v >> shift) - (low >> shift)] + v) >> shift for v = clip(acc, low, high).

    In unsigned 32 bits. An entry is the code at the start of its bucket times 2**shift, less that start,
    plus, if a threshold lies in the bucket, what carries into the code from there on.
    """

    entries: Array
    low: int
    high: int
    shift: int


def find_line(thresholds: Sequence[int]) -> tuple[float, float] | None:
    """Slope and offset of the line that best parts the points (t_k, k) from (t_k - 1, k), k from 1 on.

    The k-th code begins at t_k where floor(t_k * slope + offset) >= k and the same at t_k - 1 is < k. For
    a given slope these bound the offset from both sides; the room between the bounds is concave in the
    slope, so a ternary search finds its widest place.
    """
    t, k = np.asarray(thresholds, np.float64), np.arange(1.0, len(thresholds) + 1)
    span = t[-1] - t[0]
    if span < 2:
        return None if len(t) > 1 else (0.25, 1 - (t[0] - 0.5) / 4)  # for one, anything gentle will do

    def room(slope: float) -> tuple[float, float]:
        return (k - t * slope).max(), (k - (t - 1) * slope).min()

    low, high = (len(t) - 1) / (span + 1), (len(t) - 1) / (span - 1)
    for _ in range(60):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if np.subtract(*room(left)) > np.subtract(*room(right)):
            low = left
        else:
            high = right
    slope = (low + high) / 2
    least, most = room(slope)
    return (slope, (least + most) / 2) if least < most else None


def find_staircase(layer: Layer, bounds: Bounds, steep: bool = False) -> Staircase | None:
    """The multiply-shift form of a layer's shared thresholds, or None where there is none.

    floor((t_k m + b) / 2^s) >= k and floor(((t_k - 1) m + b) / 2^s) < k bound the offset b from below and
    from above; any b within the bounds of every k is a proof. With `steep`, the slope has 31 bits and the
    shift is at least 32, which suits 32-bit multipliers.
    """
    assert layer.thresholds is not None
    thresholds = layer.thresholds[0].tolist()
    if thresholds[0] < bounds[0] or thresholds[-1] > bounds[1] + 1:
        return None
    line = find_line(thresholds)
    if line is None:
        return None
    finest = 30 - math.floor(math.log2(line[0]))
    for shift in [finest] if steep else (0, 8, 16, 24, 32, 40):
        one, slope = 1 << shift, max(round(line[0] * (1 << shift)), 1)
        least = max(k * one - t * slope for k, t in enumerate(thresholds, 1))
        most = min(k * one - (t - 1) * slope for k, t in enumerate(thresholds, 1)) - 1
        reach = max(abs(bounds[0]), abs(bounds[1])) * slope + max(abs(least), abs(most))
        if least <= most and reach < 1 << 62 and not (steep and (shift < 32 or slope >> 31)):
            return Staircase(slope, (least + most) // 2, shift, len(thresholds))
    return None


def find_table(thresholds: Array) -> Table | None:
    """The smallest table for 32-bit rows of ascending thresholds (rows, T), or None where it is too large."""
    low, high, max_code = int(thresholds.min()) - 1, int(thresholds.max()), thresholds.shape[1]
    for shift in reversed(range((high - low).bit_length() + 1)):
        starts = np.arange(low >> shift, (high >> shift) + 1, dtype=np.int64) << shift
        if len(starts) > BUCKETS:
            return None
        first, last = (
            np.stack([np.searchsorted(row, edges, "right") for row in thresholds])
            for edges in (starts, starts + (1 << shift) - 1)
        )
        if (last - first).max() <= 1 and (max_code + 1) << shift < 1 << 32:
            following = np.take_along_axis(thresholds, np.minimum(first, max_code - 1), axis=1)
            carry = np.where(last > first, starts + (1 << shift) - following, 0)
            entries = ((first << shift) - starts + carry).astype(np.uint32)  # negative ones wrap
            return Table(entries, int(starts[0]), high, shift)
    return None
