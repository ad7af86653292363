"""The unrolled engine on its buses: AXI4-Stream in and out, registers for control and counters."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockDomain, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qsim.model.model import Model

from ...shape.unrolled import UnrolledShape
from ..bus.axi import AXIStream, Ports, ports
from ..bus.control_port import control_port
from ..bus.drain import Drain
from ..bus.registers import ADDRESS_BITS
from .collector import Collector
from .control import UnrolledControl
from .engine import UnrolledEngine


class UnrolledAxi(wiring.Component):
    """An `UnrolledEngine` with the buses of `AxiEngine`.

    Ports
    -----
    aclk, aresetn : in; the reset is synchronous and active low
    s_axis_tdata : in, `simd` codes, the first lowest, filled up to a power of two of bytes
        An image is ceil(inputs / simd) beats, the last with TLAST.
    s_axis_tkeep : in; a beat without a byte that holds codes of the image raises the flag TORN
    m_axis_tdata : out, all logits, each sign-extended to whole bytes, and above them the class
        A beat an image, filled up to a power of two of bytes, all of them kept.
    s_axil_*, or s_wb_* : the registers of `UNROLLED_REGISTERS`
    irq : out, high while an event that is enabled waits to be cleared

    Parameters
    ----------
    model : Model of ideal layers
    simd : int
        Codes of a beat.
    levels : int
        Adders between two registers.
    interval : int
        Cycles from one image to the next, at most, if its beats are not more.
    control : str
        By which bus the registers are reached: a name of `CONTROL_PORTS`.
    """

    def __init__(
        self, model: Model, simd: int, levels: int = 1, interval: int = 1, control: str = "axi-lite"
    ) -> None:
        self.engine = UnrolledEngine(model, levels, monitor=False, interval=interval)
        self.shape = shape = UnrolledShape(
            inputs=model.inputs,
            code_bits=model.input.bits,
            code_signed=model.input.signed,
            simd=simd,
            outputs=model.outputs,
            logit_bits=self.engine.logit_bits,
            class_bits=self.engine.argmax.bits,
            depth=self.engine.latency,
            cycles=self.engine.interval,
            digest=model.digest,
        )
        self.port = control_port(control)
        self.slave = self.port.block(ADDRESS_BITS)
        self.control = UnrolledControl(shape, self.slave)
        self.collector = Collector(shape)
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
        m.submodules[self.port.module], m.submodules.control = self.slave, self.control
        wiring.connect(m, Ports(self, self.port.prefix, self.registers), self.slave.bus)
        m.submodules.drain = drain = Drain(len(self.m_axis_tdata))
        m.submodules.collector = ResetInserter(drain.restart)(self.collector)
        m.submodules.engine = ResetInserter(drain.restart)(self.engine)
        wiring.connect(m, drain.o, Ports(self, "m_axis", drain.o.signature.flip()))
        self._into(m, drain)
        self._out_of(m, drain)
        m.d.comb += self.irq.eq(self.control.irq)
        return m

    def _into(self, m: Module, drain: Drain) -> None:
        """Beats into the engine; none is taken in a reset or a flush."""
        collector, engine, allowed = self.collector, self.engine, Signal()
        m.d.comb += [
            allowed.eq(self.aresetn & ~drain.flushing),
            collector.i.tdata.eq(self.s_axis_tdata),
            collector.i.tkeep.eq(self.s_axis_tkeep),
            collector.i.tlast.eq(self.s_axis_tlast),
            collector.i.tvalid.eq(self.s_axis_tvalid & allowed),
            self.s_axis_tready.eq(collector.i.tready & allowed),
            engine.i.payload.as_value().eq(collector.o.payload),
            engine.i.valid.eq(collector.o.valid),
            collector.o.ready.eq(engine.i.ready),
        ]

    def _out_of(self, m: Module, drain: Drain) -> None:
        """Results out of the engine, and what the registers tell."""
        collector, engine, control, shape = self.collector, self.engine, self.control, self.shape
        lanes = []
        for j in range(shape.outputs):
            lane = Signal.like(engine.o.payload.logits[j], name=f"logit{j}")
            m.d.comb += lane.eq(engine.o.payload.logits[j])
            lanes.append(_extended(lane, shape.logit_lane))
        m.d.comb += [
            drain.i.tdata.eq(Cat(*lanes, engine.o.payload.category)),
            drain.i.tlast.eq(1),
            drain.i.tvalid.eq(engine.o.valid),
            engine.o.ready.eq(drain.i.tready),
            self.m_axis_tkeep.eq(-1),
            drain.flush.eq(control.flush),
            control.busy.eq(engine.busy | collector.partial | drain.filled),
            control.torn.eq(collector.torn),
            control.count_images.eq(drain.o.tvalid & drain.o.tready),
            control.count_cycles.eq(control.busy | (self.s_axis_tvalid & self.s_axis_tready)),
            control.count_short_frames.eq(collector.short_frame),
            control.count_long_frames.eq(collector.long_frame),
        ]


def _extended(value: Signal, bits: int) -> Signal:
    """A signed value at a greater width."""
    return Cat(value, value[-1].replicate(bits - len(value)))
