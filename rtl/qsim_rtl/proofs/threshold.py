"""Threshold: the code lies where the accumulator lies among the thresholds, whatever these are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Assert, Cat, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib.memory import Memory

from ..shape.engine import LayerShape
from .opened import Opened, word
from .streams import Followed, anything, stable


def bracketed(threshold: Any, shape: LayerShape) -> Module:
    """Any memory contents, accumulators and stalls: threshold[code - 1] <= acc < threshold[code].

    In a sorted list, and the packer writes no other, that code is the count of the thresholds
    that are <= acc. One beat, any, is followed: it leaves after the beats that came before it, in the
    place of its neuron, after as many steps as the code has bits, and one more.
    """
    m = Module()
    opened = Opened(m, threshold.Threshold(shape))
    block = opened.block
    bits = shape.result_bits
    anything(m, block.i.valid, block.i.p.data, block.o.ready)
    position = Signal(range(shape.outputs))
    m.d.comb += block.i.p.last.eq(position == shape.outputs - 1)
    stable(m, block.o)

    beat = Followed(m, block, bits + 1)
    with m.If(beat.enters):
        m.d.sync += position.eq(Mux(block.i.p.last, 0, position + 1))
    acc, last, neuron = Signal.like(block.i.p.data), Signal(), Signal.like(position)
    with m.If(beat.taken):
        m.d.sync += [acc.eq(block.i.p.data), last.eq(block.i.p.last), neuron.eq(position)]

    age, steps = Signal(range(bits + 1)), Signal()
    m.d.comb += steps.eq(block.o.ready | ~block.o.valid)
    with m.If(steps):
        m.d.sync += age.eq(Mux(beat.taken | (age == bits), 0, age + 1))

    row = Signal(0) if shape.shared_thresholds else neuron
    searched(m, opened, block.stages, beat.active, age, acc, row, block.o.p.data)
    m.d.comb += [
        Assert(~beat.out | ~block.o.valid | (age == bits), "the beats leave in their order"),
        Assert(~beat.active | (age != bits) | (beat.out & block.o.valid), "a beat leaves in its time"),
        Assert((age != bits) | ~beat.active | (block.o.p.last == last), "the end of the frame stays"),
    ]

    valids = [opened.signal(f"valid_{k}") for k in range(bits + 1)]
    m.d.comb += [
        Assert(beat.count == sum(valids), "inside: every beat is in one stage"),
        Assert(~beat.active | (age <= bits), "inside: the beat is in a stage"),
    ]
    if not shape.shared_thresholds:
        m.d.comb += Assert(opened.signal("neuron") == position, "inside: the neuron is counted")
    for k in range(bits):
        before = sum(valids[k + 1 :], start=Signal())
        own = valids[k] & (opened.signal(f"last_{k}") == last) & (beat.ahead == before)
        m.d.comb += Assert((age != k) | ~beat.active | own, "inside: the stage's flags are the beat's")
    return m


def searched(
    m: Module,
    opened: Opened,
    stages: Sequence[Memory],
    active: Value,
    age: Value,
    acc: Value,
    row: Value,
    code: Value,
) -> None:
    """What `search` makes of any one number and row: threshold[code - 1] <= acc < threshold[code].

    The number stands before the comparison of stage `age`. Once `age` is the count of the stages,
    `code` is the number's.
    """
    bits = len(stages)
    low, high = Signal(bits + 1), Signal(bits + 1)
    m.d.comb += [
        Assert(~active | (low == 0) | (_listed(m, stages, row, low) <= acc), "not below its code"),
        Assert(~active | high[-1] | (acc < _listed(m, stages, row, high)), "not above its code"),
    ]
    with m.If(age == bits):
        m.d.comb += [low.eq(code), high.eq(code + 1)]
    for k, stage in enumerate(stages):
        prefix, read = opened.signal(f"prefix{k}_0"), stage.read_ports[0].data
        own = (opened.signal(f"acc{k}_0") == acc) & (read == word(m, stage, Cat(prefix, row)))
        if len(row):
            own &= opened.signal(f"row{k}_0") == row
        with m.If(age == k):
            m.d.comb += [
                low.eq(prefix << bits - k),
                high.eq(prefix + 1 << bits - k),
                Assert(~active | own, "inside: the stage holds the number"),
            ]


def _listed(m: Module, stages: Sequence[Memory], row: Value, number: Value) -> Signal:
    """The threshold of a number from 1 on, out of the stage that holds it."""
    bits = len(stages)
    found = Signal(signed(Shape.cast(stages[0].shape).width))
    for k, stage in enumerate(stages):
        shift = bits - k
        held = word(m, stage, Cat(number[shift:bits], row)).as_signed()
        with m.If(number[:shift] == 1 << shift - 1):
            m.d.comb += found.eq(held)
    return found
