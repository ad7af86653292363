"""The engine on its buses: AXI4-Stream in and out, registers for control, counters and loading models."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockDomain, Module, ResetInserter, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...memory.map import DIGEST_WORDS
from ...shape.loadable import Loadable
from ..engine import Engine
from ..rom import table
from .axi import AXIStream, Ports, ports
from .control import Control
from .control_port import control_port
from .direct import Direct
from .drain import Drain
from .gearbox import Gearbox
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
    s_axis_tdata : in, `simd` codes, lane 0 lowest, filled up to a power of two of bytes
        One frame as in `Engine`; or bytes as in `Gearbox`, if the shape has a byte stream.
    s_axis_tkeep : in; a beat without a byte that holds codes of the frame raises the flag TORN
    m_axis_tdata : out, one logit, sign-extended to whole bytes, and above it the class so far
        Filled up to a power of two of bytes, all of them kept. A cycle later than `Engine` has them:
        the latency is `shape.latency`.
    s_axil_*, or s_wb_* : the registers of `REGISTERS`
    irq : out, high while an event that is enabled waits to be cleared

    Parameters
    ----------
    shape : Loadable
    preloaded : bool
        Whether the memories hold a complete model from the start, as those of a bitstream do.
    control : str
        By which bus the registers are reached: a name of `CONTROL_PORTS`.
    """

    def __init__(self, shape: Loadable, preloaded: bool = True, control: str = "axi-lite") -> None:
        self.shape = shape
        self.engine = Engine(shape.engine)
        first = shape.engine.layers[0]
        self.front = Gearbox(shape.stream, first) if shape.stream else Direct(shape.input_width, first)
        self.digest = table(32, DIGEST_WORDS)
        self.memories = {"model_digest": self.digest, **self.engine.memories}
        self.port = control_port(control)
        self.slave = self.port.block(ADDRESS_BITS)
        memories = [self.memories[memory.name] for memory in shape.memories]
        self.loader = Loader(shape.memories, memories, shape.identity)
        self.control = Control(shape, self.slave, self.loader, preloaded)
        self.s_axis = AXIStream(shape.input_width, keep=True)
        self.m_axis = AXIStream(sum(shape.result_widths), keep=True)
        self.registers = self.port.signature(ADDRESS_BITS)
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                **ports("s_axis", self.s_axis.flip()),
                **ports("m_axis", self.m_axis),
                **ports(self.port.prefix, self.registers.flip()),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain(local=True)
        m.d.comb += [domain.clk.eq(self.aclk), domain.rst.eq(~self.aresetn)]
        slave, control = self.slave, self.control
        m.submodules[self.port.module], m.submodules.loader, m.submodules.control = (
            slave,
            self.loader,
            control,
        )
        wiring.connect(m, Ports(self, self.port.prefix, self.registers), slave.bus)

        m.submodules.model_digest = self.digest
        read = self.digest.read_port()
        m.d.comb += [read.addr.eq(slave.read_address[2:]), control.digest.eq(read.data)]

        m.submodules.drain = drain = Drain(len(self.m_axis_tdata))
        restart = Signal()
        partial = Signal()
        m.submodules.engine = ResetInserter(restart)(self.engine)
        m.submodules.front = ResetInserter(restart)(self.front)
        m.d.comb += [restart.eq(control.hold | drain.restart), drain.flush.eq(control.flush)]
        self._streams(m, drain, control.hold | drain.flushing | (control.waiting & ~partial))
        self._account(m, drain, restart, partial)
        m.d.comb += self.irq.eq(control.irq)
        return m

    def _streams(self, m: Module, drain: Drain, closed: Value) -> None:
        """Into the engine and out of it; nothing is taken while closed or in a reset."""
        engine, front = self.engine, self.front
        allowed = Signal()
        logit = Signal(signed(self.shape.result_widths[0]))
        wiring.connect(m, front.o, Ports(engine, "s_axis", front.o.signature.flip()))
        wiring.connect(m, drain.o, Ports(self, "m_axis", drain.o.signature.flip()))
        m.d.comb += [
            allowed.eq(self.aresetn & ~closed),
            front.i.tdata.eq(self.s_axis_tdata),
            front.i.tkeep.eq(self.s_axis_tkeep),
            front.i.tlast.eq(self.s_axis_tlast),
            front.i.tvalid.eq(self.s_axis_tvalid & allowed),
            self.s_axis_tready.eq(front.i.tready & allowed),
            logit.eq(engine.m_axis_tdata.as_signed()),
            drain.i.tdata.eq(Cat(logit, engine.m_axis_tuser)),
            drain.i.tlast.eq(engine.m_axis_tlast),
            drain.i.tvalid.eq(engine.m_axis_tvalid & ~self.control.hold),
            engine.m_axis_tready.eq(drain.i.tready),
            self.m_axis_tkeep.eq(-1),
        ]

    def _account(self, m: Module, drain: Drain, restart: Signal, partial: Signal) -> None:
        """Follow the frames in the engine; a refused one is counted out when the engine reports it."""
        engine, control = self.engine, self.control
        most = 4 * len(self.shape.engine.layers) + 4  # two a buffer, two results a layer, and some room
        inside = Signal(signed(most.bit_length() + 1))
        entered = Signal()
        answered = Signal()
        judge = self.engine if self.shape.stream is None else self.front  # of the lengths of frames
        m.d.comb += [
            entered.eq(self.s_axis_tvalid & self.s_axis_tready),
            answered.eq(drain.i.tvalid & drain.i.tready & drain.i.tlast),
            control.busy.eq((inside != 0) | partial | drain.filled),
            control.torn.eq(self.front.torn),
            control.count_images.eq(drain.o.tvalid & drain.o.tready & drain.o.tlast),
            control.count_cycles.eq(control.busy | entered),
            control.count_short_frames.eq(judge.short_frame),
            control.count_long_frames.eq(judge.long_frame),
        ]
        for name in ("memory_corrected", "memory_failed") if self.shape.engine.protected else ():
            m.d.comb += getattr(control, name).eq(getattr(engine, name))
        with m.If(entered):
            m.d.sync += partial.eq(~self.s_axis_tlast)
        complete = entered & self.s_axis_tlast
        m.d.sync += inside.eq(inside + complete - answered - engine.short_frame - engine.long_frame)
        with m.If(restart):
            m.d.sync += [inside.eq(0), partial.eq(0)]
