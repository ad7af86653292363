"""Hidden codes of constant thresholds, an accumulator a cycle."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...unrolled.staircase import Staircase, cheapest_staircase, multiplication
from .adders import Adders


class Activation(wiring.Component):
    """How many of a neuron's thresholds are at most its accumulator, an accumulator a cycle.

    One threshold is a comparison; evenly spaced ones, halves rounded up or to even, are a multiplication by
    adders and a shift where that is proved equal; others are a binary search, a stage for each bit.

    Ports
    -----
    acc : accumulator, of the given shape
    code : `latency` cycles later

    Parameters
    ----------
    thresholds : sequence of int, ascending
    shape : Shape
        Of the accumulator.
    low, high : int
        Ends of its range.
    """

    def __init__(self, thresholds: Sequence[int], shape: Shape, low: int, high: int) -> None:
        self.thresholds, self.low, self.high = [*thresholds], low, high
        self.bits = len(self.thresholds).bit_length()
        staircase = cheapest_staircase(self.thresholds) if len(self.thresholds) > 1 else None
        self.staircase = staircase
        self.adders = None if staircase is None else _multiplier(staircase, low, high)
        self.latency = self.bits if self.adders is None else self.adders.latency + 1
        super().__init__({"acc": In(shape), "code": Out(self.bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        code = self._search(m) if self.staircase is None else self._multiply(m, self.staircase)
        m.d.comb += self.code.eq(code)
        return m

    def _multiply(self, m: Module, form: Staircase) -> Value:
        assert self.adders is not None
        m.submodules.multiplier = adders = self.adders
        m.d.comb += adders.x0.eq(self.acc)
        raw = (adders.y0 + form.offset) >> form.shift
        most = len(self.thresholds)
        inside: Value = raw[: self.bits]
        if form.half_even:
            tie = adders.y0[: form.shift] == form.tie  # beside the sum's carry chain, not behind it
            inside = Cat(raw[0] & ~tie, raw[1 : self.bits])
        code = Signal(self.bits, reset_less=True)
        m.d.sync += code.eq(Mux(raw < 0, 0, Mux(raw > most, most, inside)))
        return code

    def _search(self, m: Module) -> Value:
        """Stage k compares with the threshold that the k highest bits of the code select."""
        above = self.high + 1
        padded = [min(t, above) for t in self.thresholds]
        padded += [above] * ((1 << self.bits) - 1 - len(padded))
        acc, code = self.acc, Const(0, 0)
        for k in range(self.bits):
            step = 1 << self.bits - k - 1
            table = [padded[(prefix << self.bits - k) + step - 1] for prefix in range(1 << k)]
            threshold = (
                Array([Const(t, self.acc.shape()) if self._fits(t) else t for t in table])[code]
                if k
                else table[0]
            )
            prefix = Signal(k + 1, name=f"prefix{k}", reset_less=True)
            following = Signal(self.acc.shape(), name=f"acc{k}", reset_less=True)
            reached = acc >= threshold if k else at_least(acc, table[0])
            m.d.sync += [prefix.eq(Cat(reached, code)), following.eq(acc)]
            acc, code = following, prefix
        return code

    def _fits(self, value: int) -> bool:
        shape = self.acc.shape()
        half = 1 << shape.width - 1
        return -half <= value < half if shape.signed else 0 <= value < 2 * half


def at_least(value: Value, threshold: int) -> Value:
    """value >= threshold, a constant: a row of gates, one a bit, in few LUTs and without a carry chain."""
    offset = 1 << len(value) - 1 if value.shape().signed else 0
    wanted, bits = threshold + offset, [*value]
    if wanted <= 0 or wanted >> len(value):
        return Const(int(wanted <= 0), 1)
    if offset:
        bits[-1] = ~bits[-1]
    reached: Value = Const(1, 1)
    for place, bit in enumerate(bits):  # of the bits so far
        reached = bit & reached if wanted >> place & 1 else bit | reached
    return reached


def _multiplier(form: Staircase, low: int, high: int) -> Adders:
    return Adders(multiplication(form.slope), low, high)
