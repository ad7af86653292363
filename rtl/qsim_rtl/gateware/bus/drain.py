"""The way out of an engine that may be emptied at any time: a packet that has begun leaves whole."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..stream.skid_buffer import Slice


class Drain(wiring.Component):
    """Passes on results, each a cycle late, and says when the engine behind them may be emptied.

    After a `flush` the packet of which a result has already come in is completed; every other one is
    dropped. What was offered is never withdrawn, whatever the far side does.

    Ports
    -----
    flush : in, empty the engine at the next end of a packet
    flushing : out, that is still to be done; no frame must enter
    restart : out, high for the one cycle at whose end the engine is to be emptied
    filled : out, a result waits to be taken, here or in the engine
    i_data, i_last, i_valid : in;  i_ready : out, from the engine
    o_data, o_last, o_valid : out;  o_ready : in
    """

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(
            {
                "flush": In(1),
                "flushing": Out(1),
                "restart": Out(1),
                "filled": Out(1),
                "i_data": In(width),
                "i_last": In(1),
                "i_valid": In(1),
                "i_ready": Out(1),
                "o_data": Out(width),
                "o_last": Out(1),
                "o_valid": Out(1),
                "o_ready": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.results = results = Slice(self.width + 1)
        begun = Signal()  # a packet has come in in part
        m.d.comb += [
            self.restart.eq(self.flushing & ~begun),
            self.filled.eq(self.o_valid | self.i_valid),
            self.i_ready.eq(results.i_ready & ~self.restart),
            results.i_valid.eq(self.i_valid & ~self.restart),
            results.i_data[:-1].eq(self.i_data),
            results.i_data[-1].eq(self.i_last),
            self.o_data.eq(results.o_data[:-1]),
            self.o_last.eq(results.o_data[-1]),
            self.o_valid.eq(results.o_valid),
            results.o_ready.eq(self.o_ready),
        ]
        with m.If(self.i_valid & self.i_ready):
            m.d.sync += begun.eq(~self.i_last)
        with m.If(self.flush):
            m.d.sync += self.flushing.eq(1)
        with m.Elif(self.restart):
            m.d.sync += self.flushing.eq(0)
        return m
