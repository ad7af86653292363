"""The way out of an engine that may be emptied at any time: a packet that has begun leaves whole."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..stream.skid_buffer import Slice
from .axi import AXIStream


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
    i : AXI4-Stream of results, from the engine
    o : the same, to whoever takes them
    """

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(
            {
                "flush": In(1),
                "flushing": Out(1),
                "restart": Out(1),
                "filled": Out(1),
                "i": In(AXIStream(width)),
                "o": Out(AXIStream(width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.results = results = Slice(self.width + 1)
        begun = Signal()  # a packet has come in in part
        m.d.comb += [
            self.restart.eq(self.flushing & ~begun),
            self.filled.eq(self.o.tvalid | self.i.tvalid),
            self.i.tready.eq(results.i_ready & ~self.restart),
            results.i_valid.eq(self.i.tvalid & ~self.restart),
            results.i_data[:-1].eq(self.i.tdata),
            results.i_data[-1].eq(self.i.tlast),
            self.o.tdata.eq(results.o_data[:-1]),
            self.o.tlast.eq(results.o_data[-1]),
            self.o.tvalid.eq(results.o_valid),
            results.o_ready.eq(self.o.tready),
        ]
        with m.If(self.i.tvalid & self.i.tready):
            m.d.sync += begun.eq(~self.i.tlast)
        with m.If(self.flush):
            m.d.sync += self.flushing.eq(1)
        with m.Elif(self.restart):
            m.d.sync += self.flushing.eq(0)
        return m
