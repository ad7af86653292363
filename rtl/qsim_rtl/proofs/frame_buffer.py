"""FrameBuffer: what is read is what was written; a frame of the wrong length leaves no trace."""

from __future__ import annotations

from typing import Any

from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value

from ..shape.engine import LayerShape
from .opened import Opened, word
from .streams import anything


def kept(frame_buffer: Any, shape: LayerShape, checked: bool = True) -> Module:
    """Frames of any lengths, any codes, read in any order and released at any time.

    Any one slot of any one frame is followed from the beat that writes it to the frame's release.
    """
    m = Module()
    opened = Opened(m, frame_buffer.FrameBuffer(shape, checked))
    block = opened.block
    anything(m, block.i.valid, block.i.payload, block.beat, block.read, block.release)
    m.d.comb += Assume(block.filled | ~block.release)

    due = shape.beats - 1
    transfer, last = Signal(), block.i.p.last
    beat, inside = Signal(range(shape.beats + 1)), Signal(range(4))
    good, short, long = Signal(), Signal(), Signal()
    m.d.comb += [
        transfer.eq(block.i.valid & block.i.ready),
        good.eq(transfer & last & (beat == due)),
        Assert(block.i.ready == (inside < 2), "ready while a bank is free"),
        Assert(block.filled == (inside > 0), "filled while a complete frame is inside"),
        Assert(block.short_frame == short, "a frame that ends early is told at once"),
        Assert(block.long_frame == long, "a frame that goes on is told at once, and once"),
    ]
    if not checked:
        m.d.comb += Assume(~transfer | (last == (beat == due)))
    m.d.sync += [
        inside.eq(inside + good - block.release),
        short.eq(transfer & last & (beat < due)),
        long.eq(transfer & ~last & (beat == due)),
    ]
    with m.If(transfer):
        m.d.sync += beat.eq(Mux(last, 0, Mux(beat > due, beat, beat + 1)))

    slot, data = Signal(range(shape.beats)), Signal(shape.simd * shape.code_bits)
    writing, stored, ahead = Signal(), Signal(), Signal(range(3))
    starts, now = Signal(), Signal.like(data)
    m.d.comb += [
        slot.eq(AnyConst(range(shape.beats))),
        Assume(slot <= due),
        starts.eq(transfer & (beat == 0) & AnySeq(1) & ~writing & ~stored),
        now.eq(_masked(shape, block, beat == due)),
    ]
    with m.If(transfer & (beat == slot) & (writing | starts)):
        m.d.sync += data.eq(now)
    with m.If(starts | writing):
        m.d.sync += [
            writing.eq(~(transfer & (last | (beat >= due)))),
            stored.eq(good),
            ahead.eq(inside - block.release),
        ]
    with m.If(stored & block.release):
        m.d.sync += [stored.eq(ahead != 0), ahead.eq(ahead - 1)]

    asked, held, before = Signal(), Signal(), Signal.like(data)
    m.d.sync += [
        asked.eq(block.read & stored & (ahead == 0) & (block.beat == slot)),
        held.eq(~block.read),
        before.eq(block.codes),
    ]
    wanted = Signal.like(data)
    m.d.sync += wanted.eq(data)
    codes = Value.cast(block.codes)
    m.d.comb += [
        Assert(~asked | (codes == wanted), "what is read is what was written"),
        Assert(~held | (codes == before), "what was read stays until the next read"),
    ]
    _inside(m, opened, shape, beat, inside)
    bank = Signal()
    with m.If(starts):
        m.d.sync += bank.eq(opened.signal("write_bank"))
    there = word(m, opened.submodule("banks0"), Cat(slot, bank)) == data
    m.d.comb += [
        Assert(~(writing & stored), "inside: a frame is not both"),
        Assert(~writing | ((bank == opened.signal("write_bank")) & (beat != 0)), "inside: its bank, writing"),
        Assert(~writing | (beat <= due), "inside: a frame that is too long is not followed"),
        Assert(~stored | (bank == opened.signal("read_bank") ^ ahead[0]), "inside: its bank, stored"),
        Assert(~stored | (ahead < inside), "inside: it is one of the frames"),
        Assert(~(stored | (writing & (beat > slot))) | there, "inside: the memory holds the slot"),
    ]
    return m


def _masked(shape: LayerShape, block: Any, at_end: Value) -> Value:
    """The beat as it must be kept: lanes beyond the frame's last code are 0."""
    used = shape.inputs - (shape.beats - 1) * shape.simd
    mask = (1 << used * shape.code_bits) - 1
    beat = Value.cast(block.i.p.data)
    return Mux(at_end, beat & mask, beat)


def _inside(m: Module, opened: Opened, shape: LayerShape, beat: Value, inside: Value) -> None:
    """What the registers hold at any time."""
    banks = opened.signal("write_bank") ^ opened.signal("read_bank")
    m.d.comb += [
        Assert(opened.signal("frames") == inside, "inside: the frames are counted"),
        Assert(inside <= 2, "inside: no more frames than banks"),
        Assert(banks == inside[0], "inside: the banks take turns"),
        Assert(beat <= shape.beats, "inside: the beats are counted"),
        Assert(opened.signal("slot") == Mux(beat == shape.beats, 0, beat), "inside: the slot"),
    ]
    dropping = opened.signal("dropping") if opened.block.checked else 0
    m.d.comb += Assert(dropping == (beat == shape.beats), "inside: dropping")
