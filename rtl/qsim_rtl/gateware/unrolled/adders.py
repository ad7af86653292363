"""A constant matrix product, an input vector a cycle: the nodes of an adder graph, pipelined."""

from __future__ import annotations

from collections import Counter

from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...unrolled import copies
from ...unrolled.graph import AdderGraph, Node, Term, width
from ..stream.relay import Copies
from .blocks import Blocks

LUT_INPUTS = 4  # of the smallest LUTs


class Adders(wiring.Component):
    """Products of a constant matrix with input vectors, one a cycle.

    Ports
    -----
    x0, x1, ... : inputs, each of `input_shape`
    y0, y1, ... : outputs, `latency` cycles after their inputs, as wide as their exact ranges

    Parameters
    ----------
    graph : AdderGraph
    low, high : int
        Ends of the inputs' range.
    levels : int
        Adders between two registers.
    """

    def __init__(self, graph: AdderGraph, low: int, high: int, levels: int = 1) -> None:
        self.graph, self.levels = graph, levels
        ranges = graph.ranges(low, high)
        self.shapes = [range_shape(low, high)] * graph.inputs + [
            range_shape(*r) for r in ranges[graph.inputs :]
        ]
        self.output_ranges = [output_ends(term, ranges) for term in graph.outputs]
        used = [term.value for term in graph.outputs if term is not None]
        deepest = max((graph.levels[value] for value in used), default=0)
        self.latency = max(-(-deepest // levels), 1)
        super().__init__(
            {
                **{f"x{i}": In(self.shapes[i]) for i in range(graph.inputs)},
                **{f"y{j}": Out(range_shape(*ends)) for j, ends in enumerate(self.output_ranges)},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        graph = self.graph
        self._blocks = Blocks(m)
        self._delayed: dict[tuple[int, int], Value] = {
            (i, 0): getattr(self, f"x{i}") for i in range(graph.inputs)
        }
        self._users = graph.users([self._cycle(number) for number in range(len(self.shapes))])
        self._copies, self._served = Copies(), Counter[tuple[int, int]]()
        self._nearest: dict[tuple[int, int], Value] = {}
        for k, node in enumerate(graph.nodes):
            number = graph.inputs + k
            total = Signal(self.shapes[number], name=f"sum{k}")
            cycle = self._cycle(number)
            operands = (self._near(term, cycle) for term in node)
            self._blocks.of(number).d.comb += total.eq(_sum(node, *operands))
            self._delayed[number, cycle] = total
        for j, term in enumerate(graph.outputs):
            if term is not None:
                value = self._at(term, self.latency) << term.shift
                m.d.comb += getattr(self, f"y{j}").eq(value if term.sign > 0 else -value)
        self._copies.build(m)
        return m

    def _cycle(self, number: int) -> int:
        """The cycles after which a value is there, before its register."""
        return max(self.graph.levels[number] - 1, 0) // self.levels

    def _near(self, term: Term, cycle: int) -> Value:
        """A value for an adder, `cycle` cycles after its inputs: a copy of it, if many look at it."""
        key = term.value, cycle
        if cycle == self._cycle(term.value) or self._users[key] <= copies.ADDERS:
            return self._at(term, cycle)
        number, place = divmod(self._served[key], copies.ADDERS)
        if not place:
            before = self._at(term, cycle - 1)
            self._nearest[key] = self._copies.of(before, f"v{term.value}_{cycle}_copy{number}")
        self._served[key] += 1
        return self._nearest[key]

    def _at(self, term: Term, cycle: int) -> Value:
        """A value as it is `cycle` cycles after its inputs."""
        key = term.value, cycle
        if key not in self._delayed:
            before = self._at(term, cycle - 1)
            register = Signal(self.shapes[term.value], name=f"v{term.value}_{cycle}", reset_less=True)
            self._blocks.of(term.value).d.sync += register.eq(before)
            self._delayed[key] = register
        return self._delayed[key]


def _sum(node: Node, left: Value, right: Value) -> Value:
    """The node's sum; bits below the higher operand's shift pass by the adder where they can."""
    lower, higher, low, high = node.left, node.right, left, right
    if lower.shift > higher.shift:
        lower, higher, low, high = higher, lower, high, low
    rise = higher.shift - lower.shift
    assert lower.shift == 0
    if rise and lower.sign > 0:
        rest = low >> rise
        return Cat(
            low[:rise] if rise <= len(low) else _extended(low, rise), _added(rest, high, higher.sign)
        ).as_signed()
    if lower.sign < 0:
        return _added(high << rise, low, -1)
    return _added(low, high, higher.sign)


def _added(a: Value, b: Value, sign: int) -> Value:
    """a + sign * b; of few bits as a table for each bit of the sum: a LUT, and no carry chain."""
    exact = a + b if sign > 0 else a - b
    if len(a) + len(b) > LUT_INPUTS:
        return exact
    sums = [_integer(k, a) + sign * _integer(k >> len(a), b) for k in range(1 << len(a) + len(b))]
    tables = [sum((total >> bit & 1) << k for k, total in enumerate(sums)) for bit in range(len(exact))]
    address = Cat(a, b)
    bits = Cat(Const(table, len(sums)).bit_select(address, 1) for table in tables)
    return bits.as_signed() if exact.shape().signed else bits


def _integer(word: int, of: Value) -> int:
    """What the lowest bits of a word are as a value of the shape of another."""
    word &= (1 << len(of)) - 1
    return word - (1 << len(of)) if of.shape().signed and word >> len(of) - 1 else word


def _extended(value: Value, bits: int) -> Value:
    """The lowest `bits` of a shorter value."""
    fill = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, *[fill] * (bits - len(value)))


def range_shape(low: int, high: int) -> Shape:
    """The narrowest shape that holds a range."""
    bits = width(low, high)
    return signed(bits) if low < 0 else unsigned(bits)


def output_ends(term: Term | None, ranges: list[tuple[int, int]]) -> tuple[int, int]:
    if term is None:
        return 0, 0
    ends = sorted(term.sign * (end << term.shift) for end in ranges[term.value])
    return ends[0], ends[1]
