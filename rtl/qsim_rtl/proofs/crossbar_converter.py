"""Converter: the code lies where the current lies among the thresholds; the value is base + step x code."""

from __future__ import annotations

from typing import Any

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Cat, Module, Signal, signed
from amaranth.lib import data

from ..shape.crossbar import CrossbarShape
from .opened import Opened, word
from .streams import anything
from .threshold import searched


def converted(crossbar_converter: Any, shape: CrossbarShape) -> Module:
    """Any currents, thresholds, bases and steps, moved on in any cycles; any one read is followed."""
    m = Module()
    opened = Opened(m, crossbar_converter.Converter(shape))
    block, bits = opened.block, shape.adc_bits
    anything(m, block.advance, block.group, block.slice, block.current)
    m.d.comb += Assume((block.group < shape.groups) & (block.slice < shape.slices))

    taken, active = Signal(), Signal()
    acc, group, slice = Signal.like(block.current), Signal.like(block.group), Signal.like(block.slice)
    age, gone = Signal(range(bits + 3)), bits + 2
    m.d.comb += taken.eq(block.advance & AnySeq(1) & ~active)
    with m.If(taken):
        m.d.sync += [active.eq(1), acc.eq(block.current), group.eq(block.group), slice.eq(block.slice)]
        m.d.sync += age.eq(0)
    with m.Elif(block.advance & active):
        m.d.sync += [age.eq(age + 1), active.eq(age != gone)]
    row = Cat(group if shape.adc_each_column else [], slice if shape.adc_each_slice else [])

    code = Signal(bits)
    with m.If(block.advance & (age == bits - 1)):
        m.d.sync += code.eq(block.code)
    searched(m, opened, block.stages, active & (age <= bits), age, acc, row, code)
    number = signed(shape.value_bits)
    layout = data.StructLayout({"base": number, "step": number})
    stored = word(m, block.transfer, slice if shape.adc_each_slice else 0)
    transfer = data.View(layout, stored)
    value = Signal(number)
    m.d.comb += value.eq(transfer.base + transfer.step * code)
    m.d.comb += [
        Assert(~active | (age != gone) | (block.value == value), "the value is base + step x code"),
        Assert(~active | (age <= gone), "inside: the read is in a stage"),
    ]
    read = block.transfer.read_ports[0].data
    stages = [
        (bits, (opened.signal("code_0") == code) & (read == stored)),
        (
            bits + 1,
            (opened.signal("product_0") == transfer.step * code) & (opened.signal("base_0") == transfer.base),
        ),
    ]
    if shape.adc_each_slice:
        stages += [(k, opened.signal(f"slice_{k}") == slice) for k in range(bits)]
    for k, own in stages:
        m.d.comb += Assert(~active | (age != k) | own, "inside: the stage holds the read")
    return m
