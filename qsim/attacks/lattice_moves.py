"""The moves of the lattice attack: what a sweep over an image's inputs tries, in each norm.

Each takes, for N images: their codes `origin`, the candidates `moved` and their exact sums, which follow
every change, a key of random numbers, what `Ramps` shares, the slopes of each image's ramps, and the limits
of ball and format. A change is kept if it lowers the sum of ramps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..jit.compiling import cached, part
from .draws import draw

PAYERS = 3  # inputs that are asked to make room in a Euclidean ball


@part
def _ramps_at(sums: Any, row: Any, change: int, shared: Any, slopes: Any) -> Any:
    """The sum of ramps, int32, once `change` times `row` has been added to the sums."""
    _, starts, widths, shift = shared
    total = np.int32(0)
    factor = np.int32(change)
    for j in range(sums.size):
        height = (sums[j] + factor * row[j] - starts[j]) >> shift
        total += min(max(height, np.int32(0)), widths[j]) * slopes[j]
    return total


@part
def _ramps_at_both(sums: Any, rows: Any, changes: Any, shared: Any, slopes: Any) -> Any:
    """The same once two rows have been added, each times its change."""
    _, starts, widths, shift = shared
    total = np.int32(0)
    one, other = np.int32(changes[0]), np.int32(changes[1])
    for j in range(sums.size):
        height = (sums[j] + one * rows[0][j] + other * rows[1][j] - starts[j]) >> shift
        total += min(max(height, np.int32(0)), widths[j]) * slopes[j]
    return total


@part
def _change(moved: Any, k: int, code: int, sums: Any, row: Any) -> None:
    """Give input k another code, and the sums what follows."""
    factor = np.int32(code - np.int64(moved[k]))
    moved[k] = code
    for j in range(sums.size):
        sums[j] += factor * row[j]


@cached(error_model="numpy")
def to_an_end(origin: Any, moved: Any, sums: Any, keys: Any, shared: Any, slopes: Any, limits: Any) -> None:
    """Maximum norm: visit all inputs in random order; put each at an end of its range where that pays."""
    radius, lowest, highest = limits
    weights = shared[0]
    order = np.arange(weights.shape[0])
    for i in range(origin.shape[0]):
        order[:] = np.arange(order.size)
        value = _ramps_at(sums[i], weights[0], 0, shared, slopes[i])
        for n in range(order.size):
            m = n + draw(keys[i], n, order.size - n)
            order[n], order[m] = order[m], order[n]
            k = order[n]
            low = max(np.int64(origin[i, k]) - radius, lowest)
            high = min(np.int64(origin[i, k]) + radius, highest)
            for code in (low, high):
                change = code - np.int64(moved[i, k])
                if change != 0:
                    found = _ramps_at(sums[i], weights[k], change, shared, slopes[i])
                    if found < value:
                        value = found
                        _change(moved[i], k, code, sums[i], weights[k])


@cached(error_model="numpy")
def trade(origin: Any, moved: Any, sums: Any, keys: Any, shared: Any, slopes: Any, limits: Any) -> None:
    """Euclidean norm: visit all inputs in random order; move each a little further or back where that pays.

    Where the ball is full, another input goes towards its origin to make room, and both changes count.
    """
    square, lowest, highest = limits
    weights = shared[0]
    inputs = weights.shape[0]
    order = np.arange(inputs)
    typical = math.sqrt(square / inputs)
    for i in range(origin.shape[0]):
        order[:] = np.arange(inputs)
        value = _ramps_at(sums[i], weights[0], 0, shared, slopes[i])
        total = np.int64(0)
        for k in range(inputs):
            total += (np.int64(moved[i, k]) - np.int64(origin[i, k])) ** 2
        for n in range(inputs):
            m = n + draw(keys[i], n, inputs - n)
            order[n], order[m] = order[m], order[n]
            k = order[n]
            size = max(np.int64(1), np.int64(typical * 2.0 ** draw(keys[i], inputs + n, 4) / 2))
            for way in (-size, size):
                old, home = np.int64(moved[i, k]), np.int64(origin[i, k])
                code = min(max(old + way, lowest), highest)
                grown = (code - home) ** 2 - (old - home) ** 2
                p, paid = k, code
                if total + grown > square:
                    p, paid = _payer(origin[i], moved[i], total + grown - square, keys[i], n)
                    grown += (paid - np.int64(origin[i, p])) ** 2
                    grown -= (np.int64(moved[i, p]) - np.int64(origin[i, p])) ** 2
                    if p == k or total + grown > square:
                        continue
                changes = code - old, np.int64(0) if p == k else paid - np.int64(moved[i, p])
                found = _ramps_at_both(sums[i], (weights[k], weights[p]), changes, shared, slopes[i])
                if found < value:
                    value, total = found, total + grown
                    _change(moved[i], k, code, sums[i], weights[k])
                    _change(moved[i], p, paid, sums[i], weights[p])


@part
def _payer(origin: Any, moved: Any, excess: int, key: Any, n: int) -> Any:
    """An input, and a code for it nearer home that makes room for `excess`; if none is found, as it is."""
    inputs = moved.size
    p = 0
    for asked in range(PAYERS):
        p = draw(key, (2 + asked) * inputs + n, inputs)
        far = np.int64(moved[p]) - np.int64(origin[p])
        if far * far >= excess:
            kept = np.int64(math.sqrt(far * far - excess))
            return p, np.int64(origin[p]) + (kept if far > 0 else -kept)
    return p, np.int64(moved[p])


@cached(error_model="numpy")
def exchange(origin: Any, moved: Any, sums: Any, keys: Any, shared: Any, slopes: Any, limits: Any) -> None:
    """Count of inputs: change one to an end of the format where it pays most; in the end, in exchange."""
    count, low, high = limits
    weights = shared[0]
    for i in range(origin.shape[0]):
        changed = 0
        for k in range(weights.shape[0]):
            changed += moved[i, k] != origin[i, k]
        value = _ramps_at(sums[i], weights[0], 0, shared, slopes[i])
        for _ in range(count):
            back, kept = -1, np.int64(0)
            if changed == count:
                back = _cheapest(origin[i], moved[i], sums[i], shared, slopes[i])
                kept = np.int64(moved[i, back])
                _change(moved[i], back, np.int64(origin[i, back]), sums[i], weights[back])
            best, place, code = value, -1, 0
            for k in range(weights.shape[0]):
                if moved[i, k] == origin[i, k]:
                    for end in (low, high):
                        change = end - np.int64(moved[i, k])
                        if change != 0:
                            found = _ramps_at(sums[i], weights[k], change, shared, slopes[i])
                            if found < best:
                                best, place, code = found, k, end
            if place < 0:
                if back >= 0:
                    _change(moved[i], back, kept, sums[i], weights[back])
                break
            _change(moved[i], place, code, sums[i], weights[place])
            value = best
            changed += back < 0


@part
def _cheapest(origin: Any, moved: Any, sums: Any, shared: Any, slopes: Any) -> int:
    """The changed input that is put back at the least cost."""
    weights = shared[0]
    place, least = -1, np.int32(0)
    for k in range(weights.shape[0]):
        change = np.int64(origin[k]) - np.int64(moved[k])
        if change != 0:
            found = _ramps_at(sums, weights[k], change, shared, slopes)
            if place < 0 or found < least:
                place, least = k, found
    return place


MOVES = {"inf": to_an_end, "2": trade, "0": exchange}
