"""How much hardware a constant network's blocks are, counted from graphs and widths before any tool has run.

The counts follow `qsim_rtl.gateware.unrolled`, block by block, but make no netlist of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from . import copies
from .graph import AdderGraph, Node, Term, width
from .staircase import Staircase, cheapest_staircase, multiplication

TABLE_INPUTS = 4  # bits of both operands of an adder that is a table for each bit
Ends = tuple[int, int]


@dataclass(frozen=True)
class Size:
    """What a block is made of.

    Parameters
    ----------
    carry : int
        Bits of adders and comparisons with a carry chain.
    chains : int
        How many these are.
    gates : int
        LUTs of four inputs besides.
    registers : int
        Bits.
    """

    carry: int = 0
    chains: int = 0
    gates: int = 0
    registers: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(
            self.carry + other.carry,
            self.chains + other.chains,
            self.gates + other.gates,
            self.registers + other.registers,
        )

    def times(self, count: int) -> Size:
        """So many of the same."""
        return Size(count * self.carry, count * self.chains, count * self.gates, count * self.registers)


def total(sizes: Iterable[Size]) -> Size:
    """All of them together."""
    return sum(sizes, Size())


def output_ends(term: Term | None, ranges: Sequence[Ends]) -> Ends:
    """Least and largest value of an output."""
    if term is None:
        return 0, 0
    least, most = sorted(term.sign * (end << term.shift) for end in ranges[term.value])
    return least, most


def depth(graph: AdderGraph) -> int:
    """Adders on the way to the deepest output."""
    return max((graph.levels[term.value] for term in graph.outputs if term is not None), default=0)


def adders(graph: AdderGraph, ends: Ends) -> Size:
    """An adder for each node, each with a register, and registers until the last one who needs the value.

    Outputs that are negative terms are to be negated besides.
    """
    ranges = graph.ranges(*ends)
    widths = [width(*pair) for pair in ranges]
    cycles = [max(level - 1, 0) for level in graph.levels]
    latency, last = max(depth(graph), 1), [0] * len(widths)
    for number, node in enumerate(graph.nodes, graph.inputs):
        for term in node:
            last[term.value] = max(last[term.value], cycles[number])
    for out in graph.outputs:
        if out is not None:
            last[out.value] = latency
    size = Size()
    for number, node in enumerate(graph.nodes, graph.inputs):
        size += _adder(node, widths[node.left.value], widths[node.right.value], widths[number])
    kept = (bits * max(end - start, 0) for bits, start, end in zip(widths, cycles, last, strict=True))
    more = (
        widths[value] * _copies(count)
        for (value, cycle), count in graph.users(cycles).items()
        if cycle > cycles[value]
    )
    return size + Size(registers=sum(kept) + sum(more))


def _copies(users: int) -> int:
    """How many registers there are of a value beside the one that it goes on from."""
    return -(-users // copies.ADDERS) if users > copies.ADDERS else 0


def used_inputs(graph: AdderGraph) -> set[int]:
    """The inputs that a node or an output refers to."""
    terms = [*(term for node in graph.nodes for term in node), *filter(None, graph.outputs)]
    return {term.value for term in terms if term.value < graph.inputs}


def negation(out: Term | None, ends: Ends) -> Size:
    """What a negative output with this range takes, if no constant is added that would take it in."""
    return Size(width(*ends) - out.shift, 1) if out is not None and out.sign < 0 else Size()


def _adder(node: Node, left: int, right: int, bits: int) -> Size:
    """One node, from the widths of its operands and of its sum."""
    (lower, low), (higher, high) = sorted(
        [(node.left, left), (node.right, right)], key=lambda pair: pair[0].shift
    )
    rise = higher.shift - lower.shift
    if rise and lower.sign > 0:
        low, bits = max(low - rise, 0), bits - rise
    elif rise:
        high += rise
    if not low:
        return Size()
    return Size(gates=bits) if low + high <= TABLE_INPUTS else Size(bits, 1)


def code(thresholds: Sequence[int], ends: Ends) -> tuple[Size, int]:
    """A neuron's hidden code from its accumulator: what it is made of, and its latency in cycles.

    Nothing where the code is the same over the accumulator's whole range.
    """
    if sum(t <= ends[0] for t in thresholds) == sum(t <= ends[1] for t in thresholds):
        return Size(), 0
    bits, reach = len(thresholds).bit_length(), width(*ends)
    staircase = cheapest_staircase(thresholds) if len(thresholds) > 1 else None
    return _search(thresholds, bits, reach) if staircase is None else _product(staircase, bits, ends)


def _product(form: Staircase, bits: int, ends: Ends) -> tuple[Size, int]:
    """The multiplication, its offset, and the comparison with the largest code."""
    graph = multiplication(form.slope)
    low, high = (end * form.slope + form.offset for end in ends)
    reach = width(low, high)
    offset = Size(reach, 1) if form.offset else Size()
    limit = Size(reach - form.shift, 1, bits, bits)
    tie = Size(gates=-(-form.shift // 3)) if form.half_even else Size()
    return adders(graph, ends) + offset + limit + tie, max(depth(graph), 1) + 1


def _search(thresholds: Sequence[int], bits: int, reach: int) -> tuple[Size, int]:
    """A comparison with a constant, then stages that compare with one of 2, 4 … thresholds."""
    size = Size(gates=-(-(reach - 1) // 3), registers=1)
    for k in range(1, bits):
        table = reach * max(1, (1 << k) // 16)
        size += Size(reach, 1, table, k + 1 + reach)
    return size, bits


def argmax(count: int, bits: int) -> tuple[Size, int]:
    """A tree of comparisons of so many logits, which are kept until its end; and its latency."""
    place = max((count - 1).bit_length(), 1)
    latency, size, left = place, Size(registers=count * bits * place), count
    if count == 1:
        return size + Size(registers=1), 1
    while left > 1:
        pairs, left = left // 2, -(-left // 2)
        kept = bits if left > 1 else 0
        size += Size(bits, 1, kept + place).times(pairs) + Size(registers=left * (kept + place))
    return size, latency
