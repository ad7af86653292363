"""A constant matrix product in digit-serial arithmetic: the nodes of an adder graph, a few bits a cycle.

Every value travels as a stream of digits, the lowest first, modulo a power of two that holds every output. An
adder is as wide as a digit and keeps its carry for the next one (Hartley & Parhi, *Digit-Serial Computation*,
1995), so that it needs no carry chain unless digits are wide, and at one bit two LUTs and two registers.
"""

from __future__ import annotations

from collections import Counter

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...unrolled import copies
from ...unrolled.graph import AdderGraph, Node, Term
from ...unrolled.serial_size import WIDE
from ..stream.relay import Copies
from .adders import output_ends, range_shape
from .blocks import Blocks
from .delay import delayed


class SerialAdders(wiring.Component):
    """Products of a constant matrix with input vectors, one in `digits` cycles or more.

    Ports
    -----
    start : in, high in the cycle before a vector is at the inputs, at most once in `digits` cycles
    x0, x1, ... : inputs, all of one shape
    y0, y1, ... : outputs, in the cycle that is `latency` after the vector's alone; as wide as their ranges

    Parameters
    ----------
    graph : AdderGraph
    low, high : int
        Ends of the inputs' range.
    interval : int
        Cycles from one vector to the next, at least 1; `digits` is not above it.
    """

    def __init__(self, graph: AdderGraph, low: int, high: int, interval: int) -> None:
        self.graph, self.input_shape = graph, range_shape(low, high)
        ranges = graph.ranges(low, high)
        self.output_ranges = [output_ends(term, ranges) for term in graph.outputs]
        shapes = [range_shape(*ends) for ends in self.output_ranges]
        word = max(shape.width for shape in shapes)
        self.digit_bits = -(-word // interval)
        self.digits = -(-word // self.digit_bits)
        self.depth = max((self._output_level(term) for term in graph.outputs if term is not None), default=0)
        self.latency = self.depth + self.digits + 1
        super().__init__(
            {
                "start": In(1),
                **{f"x{i}": In(self.input_shape) for i in range(graph.inputs)},
                **{f"y{j}": Out(shape) for j, shape in enumerate(shapes)},
            }
        )

    def _output_level(self, term: Term) -> int:
        return self.graph.levels[term.value] + (term.sign < 0)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        graph = self.graph
        self._top, self._blocks = m, Blocks(m)
        self._copies, self._copied = Copies(), dict[tuple[int, str], Value]()
        self._users = graph.users([level - 1 for level in graph.levels])
        self._served, self._sums = Counter[tuple[int, int]](), dict[int, Value]()
        self._begins = delayed(m, self.start, name="begins")
        self._ahead: list[Value] = [self._continued()]
        self._streams: dict[tuple[int, int, int], Value] = {
            (i, 0, 0): self._serialised(i) for i in range(graph.inputs)
        }
        for k, node in enumerate(graph.nodes):
            number = graph.inputs + k
            level = graph.levels[number]
            self._streams[number, 0, level] = self._sum(number, f"sum{k}", node, level - 1)
        for j, term in enumerate(graph.outputs):
            if term is not None:
                word = self._parallel(j, term.value, self._output(j, term))
                m.d.comb += getattr(self, f"y{j}").eq(word << term.shift)
        self._copies.build(m)
        return m

    def _continued(self) -> Value:
        """High in the cycle before digits come in that are not their vector's last."""
        more, ahead = Signal(name="more"), Signal(name="ahead")
        if self.digits > 1:
            ended = delayed(self._top, self._begins, self.digits - 1, "begun")
            self._top.d.comb += ahead.eq(self._begins | (more & ~ended))
        self._top.d.sync += more.eq(ahead)
        return ahead

    def _more_at(self, value: int, level: int) -> Value:
        """High while digits that have passed by `level` adders are not their vector's last; for a value."""
        while len(self._ahead) <= level:
            number = len(self._ahead)
            self._ahead.append(delayed(self._top, self._ahead[-1], 1, f"ahead{number}", reset_less=True))
        return self._copy(value // copies.VALUES, f"more{level}", self._ahead[level])

    def _copy(self, group: int, name: str, before: Value) -> Value:
        """For a group of values, the copy of a signal as it was a cycle ago."""
        if (group, name) not in self._copied:
            self._copied[group, name] = self._copies.of(before, f"{name}_of{group}")
        return self._copied[group, name]

    def _serialised(self, i: int) -> Value:
        """An input's digits, the first a cycle after the input; then those of its sign."""
        m, x = self._blocks.of(i), getattr(self, f"x{i}")
        rest = Signal(x.shape(), name=f"rest{i}", reset_less=True)
        begins = self._copy(i // copies.VALUES, f"begins{i // copies.INPUTS}", self.start)
        m.d.sync += rest.eq(Mux(begins, x, rest >> self.digit_bits))
        digit = Signal(self.digit_bits, name=f"x{i}_digit")
        m.d.comb += digit.eq(rest)
        return digit

    def _parallel(self, j: int, value: int, digit: Value) -> Value:
        word = Signal(self.digits * self.digit_bits, name=f"word{j}", reset_less=True)
        self._blocks.of(value).d.sync += word.eq(Cat(word[self.digit_bits :], digit))
        return word

    def _output(self, j: int, term: Term) -> Value:
        """Digits of an output, but for its shift, after as many adders as the deepest output."""
        if term.sign > 0:
            return self._at(term.value, 0, self.depth)
        positive = self._at(term.value, 0, self.depth - 1)
        return self._added(
            term.value, f"minus{j}", Const(0, self.digit_bits), positive, self.depth - 1, minus=True
        )

    def _sum(self, number: int, name: str, node: Node, level: int) -> Value:
        left, right = node if node.left.sign > 0 else (node.right, node.left)
        a, b = (self._near(term, level) for term in (left, right))
        return self._added(number, name, a, b, level, minus=right.sign < 0)

    def _near(self, term: Term, level: int) -> Value:
        """Digits of a term for an adder: a copy of their register, if many look at that."""
        key = term.value, level
        if not level or term.shift or self._users[key] <= copies.ADDERS:
            return self._at(term.value, term.shift, level)
        first = level == self.graph.levels[term.value]
        before = self._sums[term.value] if first else self._register(term.value, 0, level - 1)
        self._served[key] += 1
        return self._copy(self._served[key] // copies.ADDERS, f"v{term.value}_{level}_copy", before)

    def _added(self, value: int, name: str, a: Value, b: Value, level: int, minus: bool) -> Value:
        """Digits of a + b or a - b, which have passed by `level` adders."""
        m = self._blocks.of(value)
        total = Signal(self.digit_bits, name=name, reset_less=True)
        carry = Signal(name=f"{name}_carry", init=minus, reset_less=True)
        adder = _chained if self.digit_bits >= WIDE else _rippled
        coming, reached = adder(m, name, a, ~b if minus else b, carry)
        more = self._more_at(value, level)
        self._sums.setdefault(value, coming)
        m.d.sync += total.eq(coming)
        m.d.sync += carry.eq(reached | ~more if minus else reached & more)
        return total

    def _at(self, value: int, shift: int, level: int) -> Value:
        """Digits of value << shift, in step with values that have passed by `level` adders."""
        whole, part = divmod(shift, self.digit_bits)
        base = self._register(value, whole, level)
        if not part:
            return base
        above = self._register(value, whole + 1, level)
        return Cat(above[self.digit_bits - part :], base[: self.digit_bits - part])

    def _register(self, value: int, places: int, level: int) -> Value:
        """Digits of a value, shifted by so many places of digits.

        A register delays; if the digits around it are not delayed with it, it shifts: what it holds belongs
        to the next digit's weight, and to no other vector. With few bits that is a gate: as a synchronous
        reset, which the registers of a slice share, it would scatter them.
        """
        key = value, places, level
        if key not in self._streams:
            if places:
                before = self._register(value, places - 1, level)
                more = self._more_at(value, level)
                gated = before & more.replicate(self.digit_bits)
                before = gated if self.digit_bits < WIDE else Mux(more, before, 0)
            else:
                before = self._register(value, 0, level - 1)
            register = Signal(self.digit_bits, name=f"v{value}_{places}_{level}", reset_less=True)
            self._blocks.of(value).d.sync += register.eq(before)
            self._streams[key] = register
        return self._streams[key]


def _chained(m: Module, name: str, a: Value, b: Value, carry: Value) -> tuple[Value, Value]:
    """The sum of two digits and a carry, and the next carry."""
    whole = Signal(len(a) + 1, name=f"{name}_whole")
    m.d.comb += whole.eq(a + b + carry)
    return whole[:-1], whole[-1]


def _rippled(m: Module, name: str, a: Value, b: Value, carry: Value) -> tuple[Value, Value]:
    """The same of gates: of one bit, two LUTs."""
    bits, reached = [], carry
    for bit, (one, other) in enumerate(zip(a, b, strict=True)):
        bits.append(one ^ other ^ reached)
        following = Signal(name=f"{name}_carry{bit}")
        m.d.comb += following.eq((one & other) | (one & reached) | (other & reached))
        reached = following
    return Cat(bits), reached
