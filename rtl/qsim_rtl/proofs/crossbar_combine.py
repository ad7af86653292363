"""Combine: each positive column less the last negative one, rounded, with its own bias; none lost."""

from __future__ import annotations

from typing import Any

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Module, Mux, Signal, signed

from ..shape.crossbar import CrossbarShape
from .opened import Opened, word
from .streams import anything, stable


def joined(crossbar_combine: Any, shape: CrossbarShape) -> Module:
    """Any columns, biases and choice of negative ones, in any cycles; any one column is followed."""
    m = Module()
    opened = Opened(m, crossbar_combine.Combine(shape))
    block = opened.block
    anything(m, block.i.valid, block.i.p.data, block.o.ready)
    position, advance = Signal(range(shape.columns)), Signal()
    m.d.comb += [
        block.i.p.last.eq(position == shape.columns - 1),
        advance.eq(block.o.ready | ~block.o.valid),
        Assert(block.i.ready == advance, "a column is taken when all moves on"),
    ]
    stable(m, block.o)
    enters = block.i.valid & advance
    with m.If(enters):
        m.d.sync += position.eq(Mux(block.i.p.last, 0, position + 1))

    minus = word(m, block.negative, position)
    latest = Signal(signed(shape.fine_bits))
    with m.If(enters & minus):
        m.d.sync += latest.eq(block.i.p.data)

    active, age, negative, last = Signal(), Signal(range(1, 4)), Signal(), Signal()
    fine, reference = Signal(signed(shape.fine_bits)), Signal(signed(shape.fine_bits))
    column = Signal.like(position)
    taken = Signal()
    m.d.comb += taken.eq(enters & AnySeq(1) & ~active)
    with m.If(taken):
        m.d.sync += [active.eq(1), age.eq(1), negative.eq(minus), last.eq(block.i.p.last)]
        m.d.sync += [fine.eq(block.i.p.data), reference.eq(latest), column.eq(position)]
    with m.Elif(advance):
        m.d.sync += [age.eq(age + 1), active.eq(active & (age != 3))]

    bias = word(m, block.bias, column).as_signed()
    difference = (fine << shape.gain - 1) - reference
    acc = Signal(signed(shape.accumulator_bits))
    m.d.comb += acc.eq(bias + ((difference + (1 << shape.unit_bits >> 1)) >> shape.unit_bits))
    due = active & (age == 3)
    m.d.comb += [
        Assert(
            ~due | (block.o.valid == ~negative), "a positive column gives one result, a negative one none"
        ),
        Assert(~due | negative | (block.o.p.data == acc), "gain x column - negative, rounded, and the bias"),
        Assert(~due | negative | (block.o.p.last == last), "the end of the frame stays"),
    ]

    came, given = opened.signal("came_0"), [opened.signal(f"given_{k}") for k in range(2)]
    lasts = [opened.signal(name) for name in ("came_last_0", "last_0", "last_1")]
    held = opened.signal("held")
    at, before = Signal.like(position), Signal()  # of the column in the first stage
    with m.If(advance):
        m.d.sync += [at.eq(position), before.eq(block.i.valid)]
    there = block.negative.read_ports[0].data
    new = opened.signal("fine_0")
    m.d.comb += [
        Assert(opened.signal("column") == position, "inside: the column is counted"),
        Assert(came == before, "inside: one column in the first stage"),
        Assert(~came | (there == word(m, block.negative, at)), "inside: its sign"),
        Assert(latest == Mux(came & there, new, held), "inside: the last negative column"),
        Assert(~active | (age != 0), "inside: the column is in a stage"),
    ]
    first = came & (new == fine) & (there == negative) & (lasts[0] == last) & (negative | (held == reference))
    first &= block.bias.read_ports[0].data.as_signed() == bias
    second = (given[0] == ~negative) & (lasts[1] == last) & (opened.signal("bias_0") == bias)
    second &= negative | (opened.signal("combined_0") == difference)
    for k, own in ((1, first), (2, second)):
        m.d.comb += Assert(~active | (age != k) | own, "inside: the stage holds the column")
    return m
