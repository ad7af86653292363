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
    block = Opened(top, axi.AxiEngine(shape)).block
    names = [name for name, member in block.signature.members.items() if member.flow == In]
    anything(m, *(getattr(block, name) for name in names if name not in ("aclk", "aresetn")))
    top.d.comb += [block.aclk.eq(ClockSignal("clock")), block.aresetn.eq(~ResetSignal("clock"))]
    control, engine = block.control, block.engine
    taken, entered = Signal(), Signal()
    answers = SimpleNamespace(
        payload=block.m_axis_tdata, valid=block.m_axis_tvalid, ready=block.m_axis_tready
    )
    dropped, was_held = Signal(), Signal()
    m.d.sync += [dropped.eq(control.hold | control.flush), was_held.eq(control.hold)]
    m.d.comb += [
        taken.eq(block.s_axis_tvalid & block.s_axis_tready),
        entered.eq(engine.s_axis_tvalid & engine.s_axis_tready),
        Assert(taken == entered, "what is taken enters the engine, and nothing else does"),
        Assert(~taken | ~control.hold, "nothing is taken without a whole model"),
        Assert(~taken | ~control.lite.write, "nothing is taken while a load may begin"),
        Assert(~was_held | ~block.m_axis_tvalid, "nothing is answered without a whole model"),
        Assert(held(m, answers, "out") | dropped, "an answer stays until it is taken or all is dropped"),
    ]
    return top
