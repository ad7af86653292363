"""Common subexpressions of a constant matrix: two terms that many outputs add are added once.

Each output is a sum of digits, sign * (value << shift). A *pattern* is two digits but for a common shift
and sign: left + sign * (right << shift). In rounds, patterns that occur often become nodes, most frequent
first, as long as they still occur; what is left of an output is added up by a tree, lowest levels first.
"""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from .digits import signed_digits
from .graph import AdderGraph, Node, Term
from .patterns import Listed, frequent

Digits = npt.NDArray[np.int8]  # (outputs, values, shifts)
OFTEN = 0.9  # of the most frequent pattern's count: how often others of a round must occur


def adder_graph(matrix: npt.NDArray[np.int64]) -> AdderGraph:
    """A graph of adders for a constant matrix (outputs, inputs).

    The same matrix always gives the same graph.
    """
    digits = signed_digits(matrix)
    terms = _Terms(digits)
    while terms.share():
        pass
    outputs, inputs = digits.shape[:2]
    trees = _Trees(inputs, terms.nodes)
    return AdderGraph(inputs, *trees.finish([terms.row(j) for j in range(outputs)]))


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
        outputs, values, places = np.nonzero(self.digits[:, : self.count])
        starts = np.searchsorted(outputs, np.arange(len(self.digits) + 1))
        listed = Listed(starts, values, places, self.digits[outputs, values, places])
        patterns, least = frequent(listed, OFTEN)
        return sum([self._replace(*pattern, least) for pattern in patterns]) > 0

    def _replace(self, left: int, right: int, shift: int, sign: int, least: int) -> bool:
        """Make left + sign * (right << shift) a node, if it still occurs `least` times or more."""
        shifts = self.digits.shape[2]
        a = self.digits[:, left, : shifts - shift]
        b = self.digits[:, right, shift:]
        where = a * b == sign
        if left == right:
            where = _apart(where, shift)
        if int(where.sum()) < least:
            return False
        if self.count == self.digits.shape[1]:
            room = np.zeros((self.digits.shape[0], max(64, self.count // 2), shifts), np.int8)
            self.digits = np.concatenate([self.digits, room], axis=1)
            a, b = self.digits[:, left, : shifts - shift], self.digits[:, right, shift:]
        self.digits[:, self.count, : shifts - shift] = np.where(where, a, 0)
        a[where] = 0
        b[where] = 0
        self.nodes.append(Node(Term(left, 0, 1), Term(right, shift, sign)))
        self.count += 1
        return True


def _apart(where: npt.NDArray[np.bool_], shift: int) -> npt.NDArray[np.bool_]:
    """Of occurrences of a value with itself, those that share no digit, the lowest first."""
    kept = where.copy()
    for s in range(shift, where.shape[1]):
        kept[:, s] &= ~kept[:, s - shift]
    return kept


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
