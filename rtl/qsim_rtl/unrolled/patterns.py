"""Pairs of digits that many outputs have in common, counted by a hash first: most occur once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qsim.jit.compiling import cached

HASH_BITS = 24
VALUE_BITS = 20  # of a value's number in a key
MOST_KEYS = 1 << 20


class Listed(NamedTuple):
    """The digits that are not zero, output after output: output j has starts[j] to starts[j + 1]."""

    starts: Any
    values: Any
    places: Any
    signs: Any


class Pattern(NamedTuple):
    """Two digits but for a common shift and sign: left + sign * (right << shift)."""

    left: int
    right: int
    shift: int
    sign: int


def frequent(listed: Listed, often: float) -> tuple[list[Pattern], int]:
    """The patterns that occur twice and `often` times as much as the most frequent one; and that number.

    The most frequent first; at equal counts in a fixed order. Overlapping occurrences count.
    """
    counts = np.zeros(1 << HASH_BITS, np.int32)
    _count(listed, counts)
    least = max(2, int(often * int(counts.max(initial=0))))
    keys, times = _exact(listed, counts, least)
    if not keys.size and least > 2:  # several patterns of one hash
        keys, times = _exact(listed, counts, least := 2)
    return [_pattern(key) for key in keys[np.lexsort((keys, -times))].tolist()], least


def _exact(listed: Listed, counts: Any, least: int) -> tuple[Any, Any]:
    found = np.empty(MOST_KEYS, np.int64)
    size = _collect(listed, counts, least, found)
    if size > found.size:
        found = np.empty(size, np.int64)
        _collect(listed, counts, least, found)
    keys, times = np.unique(found[:size], return_counts=True)
    return keys[times >= least], times[times >= least]


def _pattern(key: int) -> Pattern:
    rest, negative = divmod(key, 2)
    rest, shift = divmod(rest, 64)
    left, right = divmod(rest, 1 << VALUE_BITS)
    return Pattern(left, right, shift, -1 if negative else 1)


@cached()
def _key(value, place, sign, other, elsewhere, other_sign):
    """A pattern as a number: the digit of the lower shift first, of equal shifts that of the lower value."""
    if place > elsewhere or (place == elsewhere and value > other):
        value, place, other, elsewhere = other, elsewhere, value, place
    return ((value << VALUE_BITS | other) * 64 + elsewhere - place) * 2 + (sign != other_sign)


@cached()
def _hash(key):
    return key * -7046029254386353131 >> 40 & (1 << HASH_BITS) - 1


@cached()
def _count(listed, counts):
    """How many pairs of digits of one output have each hash."""
    starts, values, places, signs = listed
    for output in range(starts.size - 1):
        for i in range(starts[output], starts[output + 1]):
            for k in range(i + 1, starts[output + 1]):
                key = _key(values[i], places[i], signs[i], values[k], places[k], signs[k])
                counts[_hash(key)] += 1


@cached()
def _collect(listed, counts, least, found):
    """The keys of all pairs whose hash occurs often; how many there are, `found` may hold fewer."""
    starts, values, places, signs = listed
    size = 0
    for output in range(starts.size - 1):
        for i in range(starts[output], starts[output + 1]):
            for k in range(i + 1, starts[output + 1]):
                key = _key(values[i], places[i], signs[i], values[k], places[k], signs[k])
                if counts[_hash(key)] >= least:
                    if size < found.size:
                        found[size] = key
                    size += 1
    return size
