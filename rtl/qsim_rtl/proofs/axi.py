"""AxiEngine: without a whole model it takes nothing and answers nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Assert, ClockSignal, DomainRenamer, Module, ResetSignal, Signal
from amaranth.lib.wiring import In

from ..shape.engine import EngineShape
from ..shape.loadable import Loadable
from .opened import Opened
from .shapes import layer
from .streams import anything, held


def closed(axi: Any) -> Module:
    """The smallest engine, whole, under any traffic on all of its buses."""
    top, m = Module(), Module()  # the engine makes a clock domain of its own, under the usual name
    top.submodules.checks = DomainRenamer("clock")(m)
    shape = Loadable(EngineShape((layer(inputs=1, outputs=1, code_bits=1, accumulator_bits=4),)))
    opened = Opened(top, axi.AxiEngine(shape))
    block = opened.block
    names = [name for name, member in block.signature.members.items() if member.flow == In]
    anything(m, *(getattr(block, name) for name in names if name not in ("aclk", "aresetn")))
    top.d.comb += [block.aclk.eq(ClockSignal("clock")), block.aresetn.eq(~ResetSignal("clock"))]
    control, engine = block.control, block.engine
    taken, entered = Signal(), Signal()
    answers = SimpleNamespace(
        payload=block.m_axis_tdata, valid=block.m_axis_tvalid, ready=block.m_axis_tready
    )
    drain = Opened.within(opened.submodule("drain"))
    was_held, partial = Signal(), Signal()
    left = Signal(2)  # results that have left the engine
    m.d.sync += was_held.eq(control.hold)
    m.d.comb += [
        taken.eq(block.s_axis_tvalid & block.s_axis_tready),
        entered.eq(engine.s_axis_tvalid & engine.s_axis_tready),
        left.eq(drain.block.o.tvalid + ~drain.submodule("results").i_ready),
        Assert(taken == entered, "what is taken enters the engine, and nothing else does"),
        Assert(~taken | ~control.hold, "nothing is taken without a whole model"),
        Assert(~taken | ~control.waiting | partial, "no frame begins while a load waits"),
        Assert(block.aresetn | ~block.s_axis_tready, "nothing is taken in a reset"),
        Assert(~was_held | ~block.m_axis_tvalid, "nothing is answered without a whole model"),
        Assert(held(m, answers, "out"), "an answer stays until it is taken"),
        Assert(~control.loader.start | (left == 0), "a load begins when every answer is taken"),
        Assert(~control.loader.start | ~partial, "a load begins between two frames"),
        Assert(~control.hold | (left == 0), "inside: nothing is left while there is no model"),
        Assert((left != 2) | drain.block.o.tvalid, "inside: the second waits behind the first"),
        Assert(opened.signal("partial") == partial, "inside: partial"),
    ]
    with m.If(taken):
        m.d.sync += partial.eq(~block.s_axis_tlast)
    with m.If(control.hold | drain.block.restart):
        m.d.sync += partial.eq(0)
    return top
