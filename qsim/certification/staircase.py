"""One accumulator and its thresholds: its code, the least of a tilted staircase, and its lower envelope."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit.compiling import part


@part
def code_of(z: Any, thresholds: Any, start: int, stop: int) -> int:
    """How many of thresholds[start:stop] are <= z."""
    low, high = start, stop
    while low < high:
        middle = (low + high) >> 1
        if thresholds[middle] <= z:
            low = middle + 1
        else:
            high = middle
    return low - start


@part
def lowest(g: Any, alpha: Any, low: int, high: int, thresholds: Any, start: int, stop: int) -> Any:
    """(the least g * code(z) - alpha * z over the integers z from low to high, a z that gives it).

    In integers if g and alpha are.
    """
    first, last = code_of(low, thresholds, start, stop), code_of(high, thresholds, start, stop)
    best, best_z = g * first - alpha * low, low
    for k in range(first, last + 1):
        begin = low if k == first else thresholds[start + k - 1]
        end = high if k == last else thresholds[start + k] - 1
        if begin <= end:
            z = end if alpha > 0 else begin
            value = g * k - alpha * z
            if value < best:
                best, best_z = value, z
    return best, best_z


@part
def envelope_slope(g: float, low: int, high: int, thresholds: Any, start: int, stop: int) -> float:
    """The slope, in the middle of low to high, of the greatest convex function below g * code(z)."""
    first, last = code_of(low, thresholds, start, stop), code_of(high, thresholds, start, stop)
    middle, count = 0.5 * (low + high), 0
    zs, values = np.empty(last - first + 3), np.empty(last - first + 3)
    for k in range(first - 1, last + 2):  # the corners that can lie on it, from left to right
        if k < first:
            z, value = low, g * first
        elif k > last:
            z, value = high, g * last
        elif g >= 0:
            z, value = high if k == last else thresholds[start + k] - 1, g * k
        else:
            z, value = low if k == first else thresholds[start + k - 1], g * k
        if count and z == zs[count - 1]:
            values[count - 1] = min(values[count - 1], value)
            count -= 1
            value = values[count]
        while count >= 2 and (values[count - 1] - values[count - 2]) * (z - zs[count - 1]) >= (
            value - values[count - 1]
        ) * (zs[count - 1] - zs[count - 2]):
            count -= 1
        zs[count], values[count] = z, value
        count += 1
    for i in range(1, count):
        if middle <= zs[i]:
            return (values[i] - values[i - 1]) / (zs[i] - zs[i - 1])
    return 0.0
