"""Interrupt: an event is kept until it is cleared, and the line says at once whether an enabled one is."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Assert, Module, Signal

from .opened import Opened
from .streams import anything


def kept(interrupt: Any) -> Module:
    """Any events and writes; each bit is followed by itself."""
    m = Module()
    block = Opened(m, interrupt.Interrupt()).block
    anything(m, block.events, block.data, block.clear, block.enable)
    lines = []
    for k in range(len(block.events)):
        waits, enabled = Signal(name=f"waits{k}"), Signal(name=f"enabled{k}")
        with m.If(block.events[k]):
            m.d.sync += waits.eq(1)
        with m.Elif(block.clear & block.data[k]):
            m.d.sync += waits.eq(0)
        with m.If(block.enable):
            m.d.sync += enabled.eq(block.data[k])
        m.d.comb += [
            Assert(block.pending[k] == waits, "an event waits until it is cleared, and no other does"),
            Assert(block.enabled[k] == enabled, "an event is enabled as it was written last"),
        ]
        lines.append(waits & enabled)
    m.d.comb += Assert(block.line == (lines[0] | lines[1]), "the line is high while an enabled event waits")
    return m
