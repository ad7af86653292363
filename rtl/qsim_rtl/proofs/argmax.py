"""ArgMax: the class beside each logit is the first of the largest so far."""

from __future__ import annotations

from typing import Any

from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume, Module, Mux, Signal, Value, signed

from .opened import Opened


def largest(argmax: Any, bits: int, outputs: int) -> Module:
    """Any number of frames of any logits, offered and taken in any cycles.

    Two positions a and b, any two, are watched in each frame. If the class so far is a, then b's
    logit must not be above a's, nor equal to it where b comes first.
    """
    m = Module()
    opened = Opened(m, argmax.ArgMax(bits, outputs))
    block = opened.block
    position = Signal(range(outputs))
    moves = Signal()
    m.d.comb += [
        block.i.valid.eq(AnySeq(1)),
        block.i.p.data.eq(AnySeq(signed(bits))),
        block.i.p.last.eq(position == outputs - 1),
        block.o.ready.eq(AnySeq(1)),
        moves.eq(block.i.valid & block.i.ready),
        Assert(block.o.valid == block.i.valid, "a logit is offered as it comes"),
        Assert(block.i.ready == block.o.ready, "a logit is taken as it goes"),
        Assert(block.o.p.last == block.i.p.last, "the end of the frame stays where it is"),
        Assert(block.o.p.data.logit == block.i.p.data, "the logit is not touched"),
    ]
    category, logit = block.o.p.data.category, block.i.p.data
    if outputs == 1:
        m.d.comb += Assert(category == ~logit[-1], "one logit's class is its sign")
        return m
    with m.If(moves):
        m.d.sync += position.eq(0)
        with m.If(~block.i.p.last):
            m.d.sync += position.eq(position + 1)
    inside = {name: opened.signal(name) for name in ("index", "best", "best_category")}
    a, seen_a, now_a = _watched(m, "a", position, moves, logit, outputs)
    b, seen_b, now_b = _watched(m, "b", position, moves, logit, outputs)
    m.d.comb += [
        Assert(category <= position, "the class is one of those seen"),
        Assert(
            ~((category == a) & (b <= position)) | Mux(b < a, now_b < now_a, now_b <= now_a),
            "no other logit is above the class's, nor equal to it and before it",
        ),
        Assert(inside["index"] == position, "inside: index is the position"),
        Assert((position == 0) | (inside["best_category"] < position), "inside: the best was seen"),
    ]
    for place, seen in ((a, seen_a), (b, seen_b)):
        first = place < inside["best_category"]
        bound = Mux(first, seen < inside["best"], seen <= inside["best"])
        equal = (place != inside["best_category"]) | (seen == inside["best"])
        m.d.comb += Assert((place >= position) | (bound & equal), "inside: the best is the first largest")
    return m


def _watched(
    m: Module, name: str, position: Signal, moves: Signal, logit: Value, outputs: int
) -> tuple[Value, Signal, Signal]:
    """Any position of the frame, its logit once it has moved on, and its logit while it is there too."""
    place = Signal(range(outputs), name=f"place_{name}")
    seen = Signal(logit.shape(), name=f"seen_{name}")
    now = Signal(logit.shape(), name=f"now_{name}")
    m.d.comb += [
        place.eq(AnyConst(range(outputs))),
        Assume(place < outputs),
        now.eq(Mux(position == place, logit, seen)),
    ]
    with m.If(moves & (position == place)):
        m.d.sync += seen.eq(logit)
    return place, seen, now
