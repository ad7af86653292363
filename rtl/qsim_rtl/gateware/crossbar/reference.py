"""Columns become neurons: each less its reference or its twin, rounded, and with the bias."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...memory.crossbar import combine
from ...shape.crossbar import CrossbarShape
from ..rom import tables
from ..stream.beat import beats
from ..stream.pipeline import delayed


class Combine(wiring.Component):
    """acc = bias + (gain x positive - negative) / 2**unit_bits, halves rounded up, 3 cycles later.

    A negative column gives no result; it is held for all positive ones that follow it, until the
    next negative one.

    Ports
    -----
    i : stream of columns, signed, `fine_bits` wide
    o : stream of accumulators, signed, `accumulator_bits` wide

    Attributes
    ----------
    bias : Memory, one word a column: its neuron's bias; anything for a negative column
    negative : Memory, one bit a column: whether it is negative
    """

    def __init__(self, shape: CrossbarShape) -> None:
        self.shape = shape
        self.memories = tables(combine(shape))
        self.bias, self.negative = self.memories["bias"], self.memories["negative"]
        super().__init__(
            {
                "i": In(beats(signed(shape.fine_bits))),
                "o": Out(beats(signed(shape.accumulator_bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape, advance = self.shape, Signal()
        column = Signal(range(shape.columns))
        m.submodules.bias, m.submodules.negative = self.bias, self.negative
        bias_read, negative_read = self.bias.read_port(), self.negative.read_port()
        m.d.comb += [
            advance.eq(self.o.ready | ~self.o.valid),
            self.i.ready.eq(advance),
        ]
        for read in (bias_read, negative_read):
            m.d.comb += [read.addr.eq(column), read.en.eq(advance)]
        with m.If(self.i.valid & advance):
            m.d.sync += column.eq(Mux(self.i.p.last, 0, column + 1))
        negative = negative_read.data

        valid = delayed(m, advance, self.i.valid, name="came")
        last = delayed(m, advance, self.i.p.last, name="came_last")
        fine = delayed(m, advance, self.i.p.data, name="fine")
        held = Signal.like(fine, name="held")
        with m.If(advance & valid & negative):
            m.d.sync += held.eq(fine)
        combined = delayed(m, advance, fine.shift_left(shape.gain - 1) - held, name="combined")
        bias = delayed(m, advance, bias_read.data.as_signed(), name="bias")
        acc = bias + (combined + (1 << shape.unit_bits >> 1) >> shape.unit_bits)
        m.d.comb += [
            self.o.valid.eq(delayed(m, advance, valid & ~negative, 2, "given")),
            self.o.p.last.eq(delayed(m, advance, last, 2, "last")),
            self.o.p.data.eq(delayed(m, advance, acc, name="acc")),
        ]
        return m
