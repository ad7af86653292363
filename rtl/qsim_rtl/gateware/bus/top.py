"""The engine on a bus: AXI4-Stream in and out, AXI4-Lite for control, counters and loading models."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockDomain, Module, ResetInserter, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...shape.loadable import DIGEST_WORDS, Loadable
from ..engine import Engine
from .axi_lite import AxiLite, bus
from .control import Control
from .drain import Drain
from .loader import Loader
from .registers import ADDRESS_BITS


class AxiEngine(wiring.Component):
    """An `Engine` that takes its model over the bus and answers only while it has a complete one.

    A load that CONTROL.LOAD asks for takes its turn at the next frame boundary: no further frame is
    let in, and it begins when the last one is answered. It ends with the right CRC or leaves no model.
    While it lasts, and while there is no model, no input is taken. A reset ends a load too: the model
    is then gone if one of its words was overwritten, and else still there.

    Ports
    -----
    aclk, aresetn : in; the reset is synchronous and active low
    s_axis_tdata : in, `simd` codes, lane 0 lowest, filled up to whole bytes; one frame as in `Engine`
    m_axis_tdata : out, one logit, sign-extended to whole bytes, and above it the class so far
        A cycle later than `Engine` has them: the latency is `shape.latency`.
    s_axil_* : the registers of `axi_registers`

    Parameters
    ----------
    shape : Loadable
    preloaded : bool
        Whether the memories hold a complete model from the start, as those of a bitstream do.
    """

    def __init__(self, shape: Loadable, preloaded: bool = True) -> None:
        self.shape = shape
        self.engine = Engine(shape.engine)
        self.digest = Memory(shape=unsigned(32), depth=DIGEST_WORDS, init=[])
        self.lite = AxiLite(ADDRESS_BITS)
        memories = [self.digest, *self.engine.memories.values()]
        self.loader = Loader(shape.memories, memories, shape.identity)
        self.control = Control(shape, self.lite, self.loader, preloaded)
        self.bus = bus(ADDRESS_BITS)
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                "s_axis_tdata": In(shape.input_width),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(sum(shape.result_widths)),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                **self.bus,
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain(local=True)
        m.d.comb += [domain.clk.eq(self.aclk), domain.rst.eq(~self.aresetn)]
        lite, control = self.lite, self.control
        m.submodules.lite, m.submodules.loader, m.submodules.control = lite, self.loader, control
        for name, member in self.bus.items():
            outer, inner = getattr(self, name), getattr(lite, name)
            m.d.comb += inner.eq(outer) if member.flow == In else outer.eq(inner)

        m.submodules.model_digest = self.digest
        read = self.digest.read_port()
        m.d.comb += [read.addr.eq(lite.read_address[2:]), control.digest.eq(read.data)]

        m.submodules.drain = drain = Drain(len(self.m_axis_tdata))
        restart, partial = Signal(), Signal()
        m.submodules.engine = ResetInserter(restart)(self.engine)
        m.d.comb += [restart.eq(control.hold | drain.restart), drain.flush.eq(control.flush)]
        self._streams(m, drain, control.hold | drain.flushing | (control.waiting & ~partial))
        self._account(m, drain, restart, partial)
        return m

    def _streams(self, m: Module, drain: Drain, closed: Value) -> None:
        """The engine's streams, filled up to whole bytes; nothing is taken while closed or in a reset."""
        engine, allowed = self.engine, Signal()
        logit = Signal(signed(self.shape.result_widths[0]))
        m.d.comb += [
            allowed.eq(self.aresetn & ~closed),
            engine.s_axis_tdata.eq(self.s_axis_tdata),
            engine.s_axis_tlast.eq(self.s_axis_tlast),
            engine.s_axis_tvalid.eq(self.s_axis_tvalid & allowed),
            self.s_axis_tready.eq(engine.s_axis_tready & allowed),
            logit.eq(engine.m_axis_tdata.as_signed()),
            drain.i_data.eq(Cat(logit, engine.m_axis_tuser)),
            drain.i_last.eq(engine.m_axis_tlast),
            drain.i_valid.eq(engine.m_axis_tvalid & ~self.control.hold),
            engine.m_axis_tready.eq(drain.i_ready),
            self.m_axis_tdata.eq(drain.o_data),
            self.m_axis_tlast.eq(drain.o_last),
            self.m_axis_tvalid.eq(drain.o_valid),
            drain.o_ready.eq(self.m_axis_tready),
        ]

    def _account(self, m: Module, drain: Drain, restart: Signal, partial: Signal) -> None:
        """Follow the frames in the engine; a refused one is counted out when the engine reports it."""
        engine, control = self.engine, self.control
        most = 4 * len(self.shape.engine.layers) + 4  # two a buffer, two results a layer, and some room
        inside = Signal(signed(most.bit_length() + 1))
        entered, answered = Signal(), Signal()
        m.d.comb += [
            entered.eq(self.s_axis_tvalid & self.s_axis_tready),
            answered.eq(drain.i_valid & drain.i_ready & drain.i_last),
            control.busy.eq((inside != 0) | partial | drain.filled),
            control.count_images.eq(drain.o_valid & drain.o_ready & drain.o_last),
            control.count_cycles.eq(control.busy | entered),
            control.count_short_frames.eq(engine.short_frame),
            control.count_long_frames.eq(engine.long_frame),
        ]
        with m.If(entered):
            m.d.sync += partial.eq(~self.s_axis_tlast)
        complete = entered & self.s_axis_tlast
        m.d.sync += inside.eq(inside + complete - answered - engine.short_frame - engine.long_frame)
        with m.If(restart):
            m.d.sync += [inside.eq(0), partial.eq(0)]
