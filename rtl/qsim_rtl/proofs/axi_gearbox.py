"""Gearbox: each code of a right frame reaches its lane, and every other frame is passed on too long."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from amaranth.asserts import AnyConst
from amaranth.hdl import Array, Assert, Assume, Cat, Module, Mux, Signal, Value

from ..shape.stream import ByteStream
from .opened import Opened
from .shapes import layer
from .streams import anything, stable

STREAM = ByteStream(2, 1)
LAYER = layer(inputs=5, simd=3, code_bits=2)  # three beats of two bytes become two of three codes


def passed(gearbox: Any) -> Module:
    """Any beats, of any length and with any holes, offered and taken in any cycles.

    One place of the frame, any, is watched: the code that comes for it must stand in its lane.
    """
    m = Module()
    opened = Opened(m, gearbox.Gearbox(STREAM, LAYER))
    block, codes, simd = opened.block, STREAM.codes, LAYER.simd
    anything(m, block.i.tvalid, block.i.tdata, block.i.tkeep, block.i.tlast, block.o.tready)
    stable(m, SimpleNamespace(
        payload=Cat(block.o.tdata, block.o.tlast), valid=block.o.tvalid, ready=block.o.tready
    ))  # fmt: skip
    due, beats = STREAM.beats(LAYER.inputs) - 1, LAYER.beats
    came, slot = Signal(range(due + 3)), Signal(range(beats + 1))  # beats of the frame on either side
    ended, bad, taken, given = Signal(), Signal(), Signal(), Signal()
    needed = Mux(came == due, STREAM.last_keep(LAYER.inputs), STREAM.keep)
    hole = (~block.i.tkeep & needed).any()
    short, long = Signal(), Signal()
    over = given & block.o.tlast
    m.d.comb += [
        taken.eq(block.i.tvalid & block.i.tready),
        given.eq(block.o.tvalid & block.o.tready),
        short.eq(taken & ~bad & (hole | (block.i.tlast & (came != due)))),
        long.eq(taken & ~bad & ~hole & ~block.i.tlast & (came == due)),
        Assert(~ended | ~block.i.tready, "no beat of the next frame is taken before the last has left"),
        Assert(~block.o.tvalid | ~bad | ended, "a wrong frame is passed on once it has ended"),
        Assert(
            ~block.o.tvalid | (block.o.tlast == (slot == Mux(bad, beats, beats - 1))),
            "a right frame has its length, a wrong one a beat more",
        ),
        Assert(~(block.o.tvalid & block.o.tlast) | ended, "a frame leaves after all of it has come"),
        Assert(~(block.i.tready & block.o.tvalid), "a beat is taken or given, never both"),
    ]
    told_short, told_long = Signal(), Signal()
    m.d.sync += [told_short.eq(short), told_long.eq(long)]
    m.d.comb += [
        Assert(block.short_frame == told_short, "a frame too short or with a hole is told, once"),
        Assert(block.long_frame == told_long, "a frame too long is told, once"),
    ]
    _inside(m, opened, came, slot, bad, ended, due)
    place, known, code = _watched(m, block, taken, came, over)
    lane = Array([block.o.tdata.word_select(k, LAYER.code_bits) for k in range(simd)])[place % simd]
    m.d.comb += Assert(
        ~(block.o.tvalid & ~bad & (slot == place // simd)) | (known & (lane == code)),
        "each code stands in its lane",
    )
    held = Array([opened.signal(f"held_{p}") for p in range(simd + codes - 1)])
    waits = known & ~bad & (place >= slot * simd)
    m.d.comb += Assert(~waits | (held[place - slot * simd] == code), "inside: each code that waits")
    m.d.comb += Assert(known == (came * codes > place), "inside: which codes have come")
    with m.If(taken):
        m.d.sync += [came.eq(Mux(came > due, came, came + 1)), ended.eq(block.i.tlast)]
        m.d.sync += bad.eq(bad | short | long)
    with m.If(given):
        m.d.sync += slot.eq(slot + 1)
    with m.If(over):
        m.d.sync += [came.eq(0), slot.eq(0), ended.eq(0), bad.eq(0)]
    return m


def _inside(
    m: Module, opened: Opened, came: Signal, slot: Signal, bad: Signal, ended: Signal, due: int
) -> None:
    """The registers of the block, by what has come and gone."""
    m.d.comb += [
        Assert(opened.signal("slot") == slot, "inside: slot"),
        Assert(opened.signal("bad") == bad, "inside: bad"),
        Assert(opened.signal("ended") == ended, "inside: ended"),
        Assert(slot <= LAYER.beats, "inside: no beat beyond"),
        Assert(bad | (slot < LAYER.beats), "inside: a right frame has left with its last beat"),
        Assert(bad | ended | (opened.signal("beat") == came), "inside: beat"),
        Assert(bad | ended | (came <= due), "inside: a right frame ends when it is due"),
        Assert(~ended | bad | (came == due + 1), "inside: a right frame has come"),
        Assert(bad | (came * STREAM.codes >= slot * LAYER.simd), "inside: what has left has come"),
        Assert(
            bad | (opened.signal("count") == came * STREAM.codes - slot * LAYER.simd), "inside: what waits"
        ),
        Assert(bad | (opened.signal("count") < LAYER.simd + STREAM.codes), "inside: there is room for it"),
        Assert(~ended | (opened.signal("beat") == 0) | bad, "inside: beat after the last"),
    ]


def _watched(m: Module, block: Any, taken: Value, came: Signal, over: Value) -> tuple[Signal, Signal, Signal]:
    """Any place of the frame, whether its code has come, and the code."""
    place, known, code = Signal(range(LAYER.inputs)), Signal(), Signal(LAYER.code_bits)
    m.d.comb += [place.eq(AnyConst(range(LAYER.inputs))), Assume(place < LAYER.inputs)]
    with m.If(taken & (came == place // STREAM.codes)):
        m.d.sync += [
            known.eq(1),
            code.eq(block.i.tdata.word_select(place % STREAM.codes, 8)),
        ]
    with m.If(over):
        m.d.sync += known.eq(0)
    return place, known, code
