"""One column's analog-to-digital converter, and the value that its code stands for."""

from __future__ import annotations

from amaranth.hdl import Module, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .crossbar_shape import CrossbarShape
from .pipeline import delayed
from .table import table
from .threshold import search

RECONSTRUCTION = 3  # advances from a code to its value


class Converter(wiring.Component):
    """code = how many thresholds are <= current; value = base + step x code.

    A code comes `adc_bits` advances after its current, the value 3 advances after its code.

    Ports
    -----
    advance : in, whether the converter moves in this cycle
    row : in, the group that the current belongs to; of no width where all columns share one transfer
    current : in, signed, `current_bits` wide
    code : out, unsigned, `adc_bits` wide
    value : out, signed, `value_bits` wide

    Attributes
    ----------
    stages : list of Memory, one for each bit of the code; see `Threshold`
    transfer : Memory, one word a row: base, and step above it, each signed and `value_bits` wide
    """

    def __init__(self, shape: CrossbarShape) -> None:
        self.shape = shape
        rows = 1 if shape.adc_shared else shape.groups
        self.stages = [table(shape.current_bits, rows << k) for k in range(shape.adc_bits)]
        self.transfer = table(2 * shape.value_bits, rows)
        super().__init__(
            {
                "advance": In(1),
                "row": In(0 if shape.adc_shared else range(shape.groups)),
                "current": In(signed(shape.current_bits)),
                "code": Out(unsigned(shape.adc_bits)),
                "value": Out(signed(shape.value_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        code = search(m, self.advance, self.stages, self.current, self.row)
        m.d.comb += self.code.eq(code)

        m.submodules.transfer = self.transfer
        read = self.transfer.read_port()
        row = delayed(m, self.advance, self.row, self.shape.adc_bits, "row")
        m.d.comb += [read.addr.eq(row), read.en.eq(self.advance)]
        number = signed(self.shape.value_bits)
        transfer = data.View(data.StructLayout({"base": number, "step": number}), read.data)
        kept = delayed(m, self.advance, code, name="code")
        product: Value = delayed(m, self.advance, kept * transfer.step, name="product")
        base = delayed(m, self.advance, transfer.base, name="base")
        m.d.comb += self.value.eq(delayed(m, self.advance, base + product, name="value"))
        return m
