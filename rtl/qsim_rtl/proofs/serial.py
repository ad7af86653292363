"""What `serialize` makes of a group of values: a stream of them, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, Assert, Module, Mux, Signal, Value

from .opened import Opened
from .streams import stable


def in_turn(
    m: Module, opened: Opened, o: Any, values: Sequence[Signal], comes: Value, ends: Value, last_group: int
) -> None:
    """A group that `comes` leaves in order, each value once, and none is overwritten before it has left.

    `ends` tells that it is a frame's last group, of which `last_group` values count.
    """
    stable(m, o)
    most = len(values)
    kept = Array(Signal.like(value, name=f"kept_{k}") for k, value in enumerate(values))
    taken, remain = Signal(range(most + 1)), Signal(range(most + 1))
    ended, leaves = Signal(), Signal()
    m.d.comb += [
        leaves.eq(o.valid & o.ready),
        Assert(o.valid == (remain != 0), "something is offered as long as something is left"),
        Assert(~o.valid | (o.p.data == kept[taken]), "the values leave in their order"),
        Assert(o.p.last == (ended & (remain == 1)), "the frame's last one is marked"),
        Assert(~comes | (remain == 0) | ((remain == 1) & leaves), "no value is overwritten"),
        Assert(opened.signal("left") == remain, "inside: those left are counted"),
        Assert(opened.signal("last") == ended, "inside: the frame's end is kept"),
        Assert(taken + remain <= most, "inside: no more than a group"),
    ]
    for k in range(most):
        held = opened.signal(f"held_{k}")
        m.d.comb += Assert((k >= remain) | (held == kept[taken + k]), "inside: the others wait")
    with m.If(comes):
        m.d.sync += [remain.eq(Mux(ends, last_group, most)), taken.eq(0), ended.eq(ends)]
        m.d.sync += [register.eq(value) for register, value in zip(kept, values, strict=True)]
    with m.Elif(leaves):
        m.d.sync += [remain.eq(remain - 1), taken.eq(taken + 1)]
