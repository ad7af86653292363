"""One column's analog-to-digital converter, and the value that its code stands for."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Shape, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...memory.crossbar import converter
from ...shape.crossbar import CrossbarShape
from ..rom import tables
from ..stream.pipeline import delayed
from ..threshold import search


class Converter(wiring.Component):
    """code = how many thresholds are <= current; value = base + step x code.

    A code comes `adc_bits` advances after its current, the value 3 advances after its code.

    Ports
    -----
    advance : in, whether the converter moves in this cycle
    group, slice : in, those of the read; they choose the thresholds where each has its own
    current : in, within `current_range`
    code : out, unsigned, `adc_bits` wide
    value : out, signed, `value_bits` wide

    Attributes
    ----------
    stages : list of Memory, one for each bit of the code; see `Threshold`
        Where each slice has thresholds of its own, its rows begin at slice x the least power of two
        that holds all groups (1 where all columns share a row).
    transfer : Memory, one word, or one a slice: base, and step above it, signed, `value_bits` each
    """

    def __init__(self, shape: CrossbarShape) -> None:
        self.shape = shape
        self.memories = tables(converter(shape, 0))
        *self.stages, self.transfer = self.memories.values()
        low, high = shape.current_range
        super().__init__(
            {
                "advance": In(1),
                "group": In(range(shape.groups)),
                "slice": In(range(shape.slices)),
                "current": In(Shape.cast(range(low, high + 1))),
                "code": Out(unsigned(shape.adc_bits)),
                "value": Out(signed(shape.value_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        group = self.group if self.shape.adc_each_column else Const(0, 0)
        slice = self.slice if self.shape.adc_each_slice else Const(0, 0)
        code = search(m, self.advance, self.stages, self.current, Cat(group, slice))
        m.d.comb += self.code.eq(code)

        m.submodules.transfer = self.transfer
        read = self.transfer.read_port()
        row = delayed(m, self.advance, slice, self.shape.adc_bits, "slice")
        m.d.comb += [read.addr.eq(row), read.en.eq(self.advance)]
        number = signed(self.shape.value_bits)
        transfer = data.View(data.StructLayout({"base": number, "step": number}), read.data)
        kept = delayed(m, self.advance, code, name="code")
        product = delayed(m, self.advance, kept * transfer.step, name="product")
        base = delayed(m, self.advance, transfer.base, name="base")
        m.d.comb += self.value.eq(delayed(m, self.advance, base + product, name="value"))
        return m
