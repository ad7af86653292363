"""Threshold: the code lies where the accumulator lies among the thresholds, whatever these are."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, Value

from ..shape import LayerShape
from .opened import Opened, word
from .streams import Followed, anything, stable


def bracketed(threshold: Any, shape: LayerShape) -> Module:
    """Any memory contents, accumulators and stalls: threshold[code - 1] <= acc < threshold[code].

    In a sorted list, and `memory_image` writes no other, that code is the count of the thresholds
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

    owner = Signal(0) if shape.shared_thresholds else neuron
    low, high = Signal(bits + 1), Signal(bits + 1)
    m.d.comb += [
        Assert(~beat.out | ~block.o.valid | (age == bits), "the beats leave in their order"),
        Assert(~beat.active | (age != bits) | (beat.out & block.o.valid), "a beat leaves in its time"),
        Assert((age != bits) | ~beat.active | (block.o.p.last == last), "the end of the frame stays"),
        Assert(~beat.active | (low == 0) | (_listed(m, block, owner, low) <= acc), "not below its code"),
        Assert(~beat.active | high[-1] | (acc < _listed(m, block, owner, high)), "not above its code"),
    ]

    valids = [opened.signal(f"valid_{k}") for k in range(bits + 1)]
    m.d.comb += [
        Assert(beat.count == sum(valids), "inside: every beat is in one stage"),
        Assert(~beat.active | (age <= bits), "inside: the beat is in a stage"),
    ]
    if not shape.shared_thresholds:
        m.d.comb += Assert(opened.signal("neuron") == position, "inside: the neuron is counted")
    with m.If(age == bits):
        m.d.comb += [low.eq(block.o.p.data), high.eq(block.o.p.data + 1)]
    for k, stage in enumerate(block.stages):
        prefix, read = opened.signal(f"prefix{k}_0"), stage.read_ports[0].data
        before = sum(valids[k + 1 :], start=Signal())
        same = (opened.signal(f"acc{k}_0") == acc) & (opened.signal(f"last_{k}") == last)
        own = same & valids[k] & (beat.ahead == before)
        fetched = read == word(m, stage, Cat(prefix, owner))
        if not shape.shared_thresholds:
            own &= opened.signal(f"row{k}_0") == neuron
        with m.If(age == k):
            m.d.comb += [
                low.eq(prefix << bits - k),
                high.eq(prefix + 1 << bits - k),
                Assert(~beat.active | (own & fetched), "inside: the stage holds the beat"),
            ]
    return m


def _listed(m: Module, block: Any, neuron: Value, number: Value) -> Signal:
    """The threshold of a number from 1 on, out of the stage that holds it."""
    bits = len(block.stages)
    found = Signal.like(block.i.p.data)
    for k, stage in enumerate(block.stages):
        shift = bits - k
        held = word(m, stage, Cat(number[shift:bits], neuron)).as_signed()
        with m.If(number[:shift] == 1 << shift - 1):
            m.d.comb += found.eq(held)
    return found
