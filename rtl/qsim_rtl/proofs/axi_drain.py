"""Drain: whatever is flushed and whenever, every packet that leaves is whole and nothing is withdrawn."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Assert, Module, Mux, Signal

from .opened import Opened
from .streams import Followed, anything, stable

RESULTS = 3  # a packet


def emptied(drain: Any, width: int) -> Module:
    """Packets of any results, offered, withdrawn, taken and flushed in any cycles.

    The engine in front of the block begins a new packet after each `restart`.
    """
    m = Module()
    opened = Opened(m, drain.Drain(width))
    block = opened.block
    results = Opened.within(opened.submodule("results"))
    anything(m, block.flush, block.i.tvalid, block.i.tdata, block.o.tready)
    position, position_out, pending = Signal(range(RESULTS)), Signal(range(RESULTS)), Signal()
    near = SimpleNamespace(payload=block.i.tdata, valid=block.i.tvalid, ready=block.i.tready)
    far = SimpleNamespace(payload=results.block.o_data, valid=block.o.tvalid, ready=block.o.tready)
    stable(m, far)
    beat = Followed(m, SimpleNamespace(i=near, o=far), 2)
    data = Signal(width)
    with m.If(beat.taken):
        m.d.sync += data.eq(block.i.tdata)
    second, kept = beat.active & (beat.ahead == 1), results.signal("kept")
    m.d.comb += [
        block.i.tlast.eq(position == RESULTS - 1),
        Assert(~block.o.tvalid | (block.o.tlast == (position_out == RESULTS - 1)), "every packet is whole"),
        Assert(~beat.out | (block.o.tdata == data), "the results leave in their order, unchanged"),
        Assert(block.flushing == pending, "a flush waits until it is done"),
        Assert(block.restart == (pending & (position == 0)), "it is done at the first end of a packet"),
        Assert(block.filled == (block.o.tvalid | block.i.tvalid), "filled: a result waits"),
        Assert(block.o.tvalid == (beat.count != 0), "inside: a result is offered in the cycle after it came"),
        Assert(results.block.i_ready == (beat.count < 2), "inside: two results at most"),
        Assert(beat.count <= 2, "inside: no more than two"),
        Assert(~second | (kept[:-1] == data), "inside: the second waits"),
        Assert((beat.count != 2) | (kept[-1] == (position_out == RESULTS - 2)), "inside: its last"),
        Assert((position_out + beat.count) % RESULTS == position, "inside: both ends count the same packets"),
        Assert(position < RESULTS, "inside: the place in a packet that comes"),
        Assert(position_out < RESULTS, "inside: the place in a packet that goes"),
        Assert(opened.signal("begun") == (position != 0), "inside: a packet has come in part"),
    ]
    with m.If(beat.enters):
        m.d.sync += position.eq(Mux(block.i.tlast, 0, position + 1))
    with m.If(block.restart):
        m.d.sync += position.eq(0)
    with m.If(beat.leaves):
        m.d.sync += position_out.eq(Mux(position_out == RESULTS - 1, 0, position_out + 1))
    with m.If(block.flush):
        m.d.sync += pending.eq(1)
    with m.Elif(block.restart):
        m.d.sync += pending.eq(0)
    return m
