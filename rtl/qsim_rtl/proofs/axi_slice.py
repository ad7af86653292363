"""Slice: nothing lost, nothing twice, and room for two beats whatever the far side does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Assert, Module, Signal

from .opened import Opened
from .streams import Followed, anything, stable


def passed(axi_slice: Any, width: int) -> Module:
    """Any beats, offered and taken in any cycles; the sender may even withdraw what it offers."""
    m = Module()
    opened = Opened(m, axi_slice.Slice(width))
    block = opened.block
    anything(m, block.i_valid, block.i_data, block.o_ready)
    near = SimpleNamespace(payload=block.i_data, valid=block.i_valid, ready=block.i_ready)
    far = SimpleNamespace(payload=block.o_data, valid=block.o_valid, ready=block.o_ready)
    stable(m, far)
    beat = Followed(m, SimpleNamespace(i=near, o=far), 2)
    data = Signal(width)
    with m.If(beat.taken):
        m.d.sync += data.eq(block.i_data)
    second = beat.active & (beat.ahead == 1)
    m.d.comb += [
        Assert(~beat.out | (block.o_data == data), "the beats leave in their order, unchanged"),
        Assert(block.o_valid == (beat.count != 0), "a beat is offered in the cycle after it came"),
        Assert(block.i_ready == (beat.count < 2), "ready depends on what is inside alone"),
        Assert(beat.count <= 2, "inside: two beats at most"),
        Assert(~second | (opened.signal("kept") == data), "inside: the second waits"),
    ]
    return m
