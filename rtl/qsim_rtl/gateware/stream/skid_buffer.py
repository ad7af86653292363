"""Two registers in a stream, so that no path leads from one side's handshake to the other's."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Slice(wiring.Component):
    """Passes on a beat a cycle, each a cycle late; ready does not depend on the far side's.

    Ports
    -----
    i_data, i_valid : in;  i_ready : out
    o_data, o_valid : out;  o_ready : in
    """

    def __init__(self, width: int) -> None:
        near = {"i_data": In(width), "i_valid": In(1), "i_ready": Out(1)}
        super().__init__({**near, "o_data": Out(width), "o_valid": Out(1), "o_ready": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kept, offered = (Signal.like(self.i_data, name=n, reset_less=True) for n in ("kept", "offered"))
        full = Signal()
        m.d.comb += [self.i_ready.eq(~full), self.o_data.eq(offered)]
        with m.If(self.o_ready | ~self.o_valid):
            m.d.sync += [self.o_valid.eq(full | self.i_valid), full.eq(0)]
            with m.If(full):
                m.d.sync += offered.eq(kept)
            with m.Else():
                m.d.sync += offered.eq(self.i_data)
        with m.Elif(self.i_ready & self.i_valid):
            m.d.sync += full.eq(1)
        with m.If(self.i_ready):  # a register alone: all of a beat is far from the far side's ready
            m.d.sync += kept.eq(self.i_data)
        return m
