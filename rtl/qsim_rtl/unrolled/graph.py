"""A product with a constant matrix as a graph of adders: each node adds or subtracts two shifted values.

Values 0 to `inputs` - 1 are the inputs; node k is value `inputs` + k and refers to values before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qsim.spec.geometry import signed_width

Integers = npt.NDArray[np.int64]


class Term(NamedTuple):
    """sign * (value << shift); sign is 1 or -1."""

    value: int
    shift: int
    sign: int


class Node(NamedTuple):
    """The sum of two terms; at most one of them is negative."""

    left: Term
    right: Term


@dataclass(frozen=True)
class AdderGraph:
    """Nodes in order, and for each output the term that it is; None where it is 0."""

    inputs: int
    nodes: tuple[Node, ...]
    outputs: tuple[Term | None, ...]

    def evaluate(self, x: Integers) -> Integers:
        """The outputs (N, outputs) of inputs (N, inputs), node by node."""
        values = [*np.asarray(x, np.int64).T]
        for node in self.nodes:
            values.append(_value(node.left, values) + _value(node.right, values))
        zero = np.zeros(len(x), np.int64)
        return np.stack([zero if term is None else _value(term, values) for term in self.outputs], axis=1)

    @cached_property
    def coefficients(self) -> Integers:
        """What each value is of the inputs: int64 (values, inputs)."""
        rows = [*np.eye(self.inputs, dtype=np.int64)]
        for node in self.nodes:
            rows.append(_value(node.left, rows) + _value(node.right, rows))
        return np.stack(rows) if rows else np.zeros((0, 0), np.int64)

    def matrix(self) -> Integers:
        """The constant matrix (outputs, inputs) that the graph multiplies with."""
        return self.evaluate(np.eye(self.inputs, dtype=np.int64)).T

    def ranges(self, low: int, high: int) -> list[tuple[int, int]]:
        """The exact least and largest value of each value, for inputs from `low` to `high`."""
        positive, negative = self.coefficients.clip(0), self.coefficients.clip(None, 0)
        least = (positive * low + negative * high).sum(1)
        most = (positive * high + negative * low).sum(1)
        return [*zip(least.tolist(), most.tolist(), strict=True)]

    @cached_property
    def levels(self) -> list[int]:
        """How many adders lie between the inputs and each value."""
        found = [0] * self.inputs
        for node in self.nodes:
            found.append(1 + max(found[node.left.value], found[node.right.value]))
        return found

    def users(self, cycles: Sequence[int]) -> Counter[tuple[int, int]]:
        """How many terms are a value in a cycle, by both; `cycles`: when each value is summed."""
        nodes = zip(self.nodes, cycles[self.inputs :], strict=True)
        return Counter((term.value, cycle) for node, cycle in nodes for term in node)

    def adder_bits(self, low: int, high: int) -> int:
        """The widths of all adders together; the bits below the higher operand's shift need no adder."""
        bits = 0
        for node, ends in zip(self.nodes, self.ranges(low, high)[self.inputs :], strict=True):
            free = 0
            if node.left.shift != node.right.shift:
                lower = min(node, key=lambda term: term.shift)
                free = abs(node.left.shift - node.right.shift) if lower.sign > 0 else 0
            bits += max(width(*ends) - free, 1)
        return bits


def width(least: int, most: int) -> int:
    """Bits of a two's complement number that holds both ends; of an unsigned one if none is negative."""
    return max(most.bit_length(), 1) if least >= 0 else signed_width(least, most)


def _value(term: Term, values: list[Integers]) -> Integers:
    return term.sign * (values[term.value] << term.shift)
