"""Names the class beside each logit: the largest so far, the lowest index on a tie."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .stream.beat import beats


class ArgMax(wiring.Component):
    """Passes logits on, without a cycle of delay, each with the class that they give so far.

    The class beside the last logit is the frame's. With one output it is 1 where the logit is >= 0.

    Ports
    -----
    i : stream of logits, signed, `logit_bits` wide
    o : stream of `logit`, the same, and `category`, the class, wide enough for `outputs` of them
    """

    def __init__(self, logit_bits: int, outputs: int) -> None:
        self.outputs = outputs
        self.category = unsigned(max(1, (outputs - 1).bit_length()))
        self.logit = signed(logit_bits)
        annotated = data.StructLayout({"logit": self.logit, "category": self.category})
        super().__init__({"i": In(beats(self.logit)), "o": Out(beats(annotated))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        logit, category = self.i.p.data, Signal(self.category)
        m.d.comb += [
            self.i.ready.eq(self.o.ready),
            self.o.valid.eq(self.i.valid),
            self.o.p.last.eq(self.i.p.last),
            self.o.p.data.logit.eq(logit),
            self.o.p.data.category.eq(category),
        ]
        if self.outputs == 1:
            m.d.comb += category.eq(logit >= 0)
            return m

        index = Signal(self.category)
        best = Signal(self.logit, reset_less=True)
        best_category = Signal(self.category, reset_less=True)
        better = Signal()
        m.d.comb += [
            better.eq((index == 0) | (logit > best)),
            category.eq(Mux(better, index, best_category)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                index.eq(Mux(self.i.p.last, 0, index + 1)),
                best_category.eq(category),
                best.eq(Mux(better, logit, best)),
            ]
        return m
