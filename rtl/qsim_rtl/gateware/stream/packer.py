"""Puts the codes that come one a beat side by side, as the next layer takes them."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .beat import beats


class Lanes(wiring.Component):
    """Packs a frame of single codes into beats of `simd` codes, without a cycle of delay.

    A beat is offered together with its last code. Where a frame ends within a beat, its surplus
    lanes hold anything.

    Ports
    -----
    i : stream of codes, unsigned, `code_bits` wide
    o : stream of `simd` codes, the first in lane 0
    """

    def __init__(self, code_bits: int, simd: int) -> None:
        self.simd = simd
        self.code = unsigned(code_bits)
        super().__init__({"i": In(beats(self.code)), "o": Out(beats(data.ArrayLayout(self.code, simd)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lane = Signal(range(self.simd))
        complete = Signal()
        m.d.comb += [
            complete.eq((lane == self.simd - 1) | self.i.p.last),
            self.i.ready.eq(self.o.ready | ~complete),
            self.o.valid.eq(self.i.valid & complete),
            self.o.p.last.eq(self.i.p.last),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += lane.eq(Mux(complete, 0, lane + 1))
        for k in range(self.simd - 1):
            kept = Signal(self.code, name=f"kept_{k}", reset_less=True)
            m.d.comb += self.o.p.data[k].eq(Mux(lane == k, self.i.p.data, kept))
            with m.If(self.i.valid & (lane == k)):
                m.d.sync += kept.eq(self.i.p.data)
        m.d.comb += self.o.p.data[self.simd - 1].eq(self.i.p.data)
        return m
