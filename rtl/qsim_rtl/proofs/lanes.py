"""Lanes: the codes of a frame stand side by side in their order, none lost and none twice."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Assert, Assume, Module, Mux, Signal
from amaranth.lib import wiring

from ..gateware.frame_buffer import FrameBuffer
from ..shape.engine import LayerShape
from .opened import Opened
from .streams import anything, patient, stable


def packed(lanes: Any, code_bits: int, simd: int) -> Module:
    """Any codes, in frames of any lengths, offered and taken in any cycles."""
    m = Module()
    opened = Opened(m, lanes.Lanes(code_bits, simd))
    block = opened.block
    anything(m, block.i.valid, block.i.payload, block.o.ready)
    patient(m, block.i)
    stable(m, block.o)

    lane, complete = Signal(range(simd)), Signal()
    m.d.comb += [
        complete.eq((lane == simd - 1) | block.i.p.last),
        Assert(block.o.valid == (block.i.valid & complete), "a beat is offered with its last code"),
        Assert(block.i.ready == (block.o.ready | ~complete), "a beat's last code waits for it to be taken"),
        Assert(block.o.p.last == block.i.p.last, "the end of the frame stays where it is"),
        Assert(opened.signal("lane") == lane, "inside: the lane is counted"),
        Assert(lane < simd, "inside: the lane is one of them"),
    ]
    with m.If(block.i.valid & block.i.ready):
        m.d.sync += lane.eq(Mux(complete, 0, lane + 1))
    for k in range(simd):
        seen = Signal(code_bits, name=f"seen_{k}")
        with m.If(block.i.valid & block.i.ready & (lane == k)):
            m.d.sync += seen.eq(block.i.p.data)
        code = Mux(lane == k, block.i.p.data, seen)
        m.d.comb += Assert((k > lane) | (block.o.p.data[k] == code), "each code is in its lane")
        if k < simd - 1:
            kept = opened.signal(f"kept_{k}")
            m.d.comb += Assert((k >= lane) | (kept == seen), "inside: each code is kept")
    return m


def stored(lanes: Any, shape: LayerShape) -> Module:
    """Frames of the right length, one code a beat, on their way into the next layer's buffer."""
    m = Module()
    opened = Opened(m, lanes.Lanes(shape.code_bits, shape.simd))
    behind = Opened(m, FrameBuffer(shape, checked=False), "buffer")
    block, buffer = opened.block, behind.block
    wiring.connect(m, block.o, buffer.i)
    anything(m, block.i.valid, block.i.p.data, buffer.beat, buffer.read, buffer.release)
    position, goes, complete = Signal(range(shape.inputs)), Signal(), Signal()
    lane, slot, frames = opened.signal("lane"), behind.signal("slot"), behind.signal("frames")
    m.d.comb += [
        Assume(buffer.filled | ~buffer.release),
        block.i.p.last.eq(position == shape.inputs - 1),
        goes.eq(block.i.valid & block.i.ready),
        complete.eq((lane == shape.simd - 1) | block.i.p.last),
        Assert(~(goes & complete) | buffer.i.ready, "a beat that is taken is stored"),
        Assert(~buffer.i.valid | (buffer.i.p.last == (slot == shape.beats - 1)), "a frame has its length"),
        Assert((slot == 0) | (frames != 2), "inside: within a frame there is room"),
        Assert(position == slot * shape.simd + lane, "inside: lanes and beats are counted"),
        Assert((position < shape.inputs) & (lane < shape.simd), "inside: both stay in their range"),
        Assert(frames <= 2, "inside: no more frames than banks"),
    ]
    with m.If(goes):
        m.d.sync += position.eq(Mux(block.i.p.last, 0, position + 1))
    return m
