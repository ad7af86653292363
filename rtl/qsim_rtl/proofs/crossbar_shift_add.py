"""ShiftAdd: a column's sum is that of its values, each at its place; the sums of a group leave in order."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Assert, Assume, Module, Mux, Signal

from ..shape.crossbar import CrossbarShape
from .opened import Opened
from .serial import in_turn
from .streams import anything


def summed(crossbar_shift_add: Any, shape: CrossbarShape) -> Module:
    """Any values in any order of slices and digits, in groups of any number of reads."""
    m = Module()
    opened = Opened(m, crossbar_shift_add.ShiftAdd(shape))
    block = opened.block
    anything(m, block.place, block.values, block.o.ready)
    place, adds = block.place, Signal()
    ends, ends_frame = Signal(), Signal()
    m.d.comb += [
        Assume((place.slice < shape.slices) & (place.digit < shape.digits)),
        adds.eq(block.advance & place.valid),
    ]
    with m.If(block.advance):
        m.d.sync += [ends.eq(place.ends_group), ends_frame.eq(place.ends_frame)]
    sums = [opened.signal(f"sum_{p}") for p in range(shape.pe)]
    begun = Signal()
    with m.If(adds & place.starts_group):
        m.d.sync += begun.eq(1)
    for p, found in enumerate(sums):
        total, shifted = Signal.like(found, name=f"total_{p}"), Signal.like(found, name=f"shifted_{p}")
        for s in range(shape.slices):
            for g in range(shape.digits):
                factor = 1 << s * shape.slice_bits + g * shape.digit_bits
                with m.If((place.slice == s) & (place.digit == g)):
                    m.d.comb += shifted.eq(block.values[p] * factor)
        with m.If(adds):
            m.d.sync += total.eq(Mux(place.starts_group, 0, total) + shifted)
        m.d.comb += Assert(~begun | (found == total), "a sum is that of its values at their places")
    m.d.comb += [
        Assert(opened.signal("ends_group") == ends, "inside: a group ends with its last read"),
        Assert(opened.signal("ends_frame") == ends_frame, "inside: a frame too"),
    ]
    in_turn(m, opened, block.o, sums, block.advance & ends, ends_frame, shape.last_group)
    return m
