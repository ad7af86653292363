"""Common subexpressions of a constant matrix: two terms that many outputs add are added once.

Each output is a sum of digits, sign * (value << shift). A *pattern* is two digits but for a common shift
and sign: left + sign * (right << shift). In rounds, patterns that occur often become nodes, most frequent
first, as long as they still occur; what is left of an output is added up by a tree, lowest levels first.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.jit.compiling import cached

from .digits import signed_digits
from .graph import AdderGraph, Node, Term

Digits = npt.NDArray[np.int8]  # (outputs, values, shifts)
HASH_BITS = 24
OFTEN = 0.9  # of the most frequent pattern's count: how often others of a round must occur


def adder_graph(matrix: npt.NDArray[np.int64]) -> AdderGraph:
    """A graph of adders for a constant matrix (outputs, inputs).

    The same matrix always gives the same graph.
    """
    digits = signed_digits(matrix)
    outputs, inputs = digits.shape[:2]
    terms = _Terms(digits)
    while terms.share():
        pass
    builder = _Trees(inputs, terms.nodes)
    return AdderGraph(
        inputs,
        *builder.finish([terms.row(j) for j in range(outputs)]),
    )


class _Terms:
    """The digits of all outputs, with room for more values than there are inputs."""

    def __init__(self, digits: Digits) -> None:
        self.count = digits.shape[1]
        self.digits = digits
        self.nodes: list[Node] = []

    def row(self, output: int) -> list[Term]:
        values, shifts = np.nonzero(self.digits[output, : self.count])
        signs = self.digits[output, values, shifts]
        return [Term(int(v), int(s), int(g)) for v, s, g in zip(values, shifts, signs, strict=True)]

    def share(self) -> bool:
        """One round: nodes for the most frequent patterns; False if none occurs twice."""
        outputs, _, shifts = self.digits.shape
        starts, values, places = _listed(self.digits[:, : self.count])
        signs = self.digits[np.repeat(np.arange(outputs), np.diff(starts)), values, places]
        counts = np.zeros(1 << HASH_BITS, np.int32)
        _count(starts, values, places, signs, shifts, counts)
        most = int(counts.max(initial=0))
        if most < 2:
            return False
        least = max(2, int(OFTEN * most))
        keys, found = _frequent(starts, values, places, signs, shifts, counts, least)
        if not keys.size:
            least = 2
            keys, found = _frequent(starts, values, places, signs, shifts, counts, least)
        made = 0
        for key in keys[np.lexsort((keys, -found))].tolist():
            made += self._replace(*_pattern(key, shifts), least)
        return made > 0

    def _replace(self, left: int, right: int, shift: int, sign: int, least: int) -> int:
        """Make left + sign * (right << shift) a node, if it still occurs `least` times or more."""
        shifts = self.digits.shape[2]
        a = self.digits[:, left, : shifts - shift]
        b = self.digits[:, right, shift:]
        where = a * b == sign
        if left == right:
            where = _apart(where, shift)
        if int(where.sum()) < least:
            return 0
        if self.count == self.digits.shape[1]:
            room = np.zeros((self.digits.shape[0], max(64, self.count // 2), shifts), np.int8)
            self.digits = np.concatenate([self.digits, room], axis=1)
            a, b = self.digits[:, left, : shifts - shift], self.digits[:, right, shift:]
        self.digits[:, self.count, : shifts - shift] = np.where(where, a, 0)
        a[where] = 0
        b[where] = 0
        self.nodes.append(Node(Term(left, 0, 1), Term(right, shift, sign)))
        self.count += 1
        return 1


def _apart(where: npt.NDArray[np.bool_], shift: int) -> npt.NDArray[np.bool_]:
    """Of occurrences of a value with itself, those that share no digit, the lowest first."""
    kept = where.copy()
    for s in range(shift, where.shape[1]):
        kept[:, s] &= ~kept[:, s - shift]
    return kept


def _listed(digits: Digits) -> tuple[Any, Any, Any]:
    """The digits that are not zero, output after output: where each output starts, values, shifts."""
    outputs, values, places = np.nonzero(digits)
    starts = np.searchsorted(outputs, np.arange(len(digits) + 1))
    return starts, values, places


def _pattern(key: int, shifts: int) -> tuple[int, int, int, int]:
    rest, negative = divmod(key, 2)
    rest, shift = divmod(rest, shifts)
    left, right = divmod(rest, 1 << 20)
    return left, right, shift, -1 if negative else 1


@cached(inline="never")
def _key(value, place, sign, other, elsewhere, other_sign, shifts):
    """A pattern as a number: the term of the lower shift first, of equal shifts the lower value."""
    if place > elsewhere or (place == elsewhere and value > other):
        value, place, other, elsewhere = other, elsewhere, value, place
    return ((value << 20 | other) * shifts + elsewhere - place) * 2 + (sign != other_sign)


@cached()
def _count(starts, values, places, signs, shifts, counts):
    """How many pairs of digits have each hash of their pattern."""
    for output in range(starts.size - 1):
        for i in range(starts[output], starts[output + 1]):
            for k in range(i + 1, starts[output + 1]):
                key = _key(values[i], places[i], signs[i], values[k], places[k], signs[k], shifts)
                counts[key * -7046029254386353131 >> 40 & (1 << HASH_BITS) - 1] += 1


@cached()
def _collect(starts, values, places, signs, shifts, counts, least, found):
    """The patterns whose hash occurs often, one for each pair; how many (`found` may be shorter)."""
    size = 0
    for output in range(starts.size - 1):
        for i in range(starts[output], starts[output + 1]):
            for k in range(i + 1, starts[output + 1]):
                key = _key(values[i], places[i], signs[i], values[k], places[k], signs[k], shifts)
                if counts[key * -7046029254386353131 >> 40 & (1 << HASH_BITS) - 1] >= least:
                    if size < found.size:
                        found[size] = key
                    size += 1
    return size


def _frequent(starts: Any, values: Any, places: Any, signs: Any, shifts: int, counts: Any, least: int) -> Any:
    """The patterns that occur `least` times or more, and how often."""
    found = np.empty(1 << 20, np.int64)
    size = _collect(starts, values, places, signs, shifts, counts, least, found)
    if size > found.size:
        found = np.empty(size, np.int64)
        _collect(starts, values, places, signs, shifts, counts, least, found)
    keys, times = np.unique(found[:size], return_counts=True)
    return keys[times >= least], times[times >= least]


class _Trees:
    """What is left of each output, added up: always the two terms of the lowest levels."""

    def __init__(self, inputs: int, nodes: list[Node]) -> None:
        self.inputs = inputs
        self.nodes = list(nodes)
        self.levels = AdderGraph(inputs, tuple(nodes), ()).levels

    def finish(self, rows: list[list[Term]]) -> tuple[tuple[Node, ...], tuple[Term | None, ...]]:
        outputs = tuple(self._tree(row) for row in rows)
        return tuple(self.nodes), outputs

    def _tree(self, row: list[Term]) -> Term | None:
        heap = [(self.levels[term.value], term.shift, term) for term in row]
        heapq.heapify(heap)
        while len(heap) > 1:
            _, _, a = heapq.heappop(heap)
            _, _, b = heapq.heappop(heap)
            term = self._added(*sorted((a, b), key=lambda term: (term.shift, term.value)))
            heapq.heappush(heap, (self.levels[term.value], term.shift, term))
        return heap[0][2] if heap else None

    def _added(self, a: Term, b: Term) -> Term:
        """A node for a + b, as it is but for a common shift and, where both are negative, sign."""
        sign = -1 if a.sign == b.sign == -1 else 1
        node = Node(Term(a.value, 0, sign * a.sign), Term(b.value, b.shift - a.shift, sign * b.sign))
        self.nodes.append(node)
        self.levels.append(1 + max(self.levels[a.value], self.levels[b.value]))
        return Term(self.inputs + len(self.nodes) - 1, a.shift, sign)
