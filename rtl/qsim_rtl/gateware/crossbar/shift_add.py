"""The digital sum of a column: its values of all tiles, each shifted to the place of its slice and digit."""

from __future__ import annotations

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...shape.crossbar import CrossbarShape
from ..stream.beat import beats
from ..stream.serializer import serialize
from .read_tag import place


class ShiftAdd(wiring.Component):
    """fine = sum of value << (slice x slice_bits + digit x digit_bits), one column a beat, in order.

    A group of `pe` sums leaves while the next group is added up; if sums are not taken, `advance`
    falls and everything waits. The first sum leaves 2 cycles after its group's last values.

    Ports
    -----
    place : in, of the conversion that the values belong to
    values : in, `pe` of them, signed, `value_bits` wide
    advance : out, whether everything in front moves in this cycle
    o : stream of sums, signed, `fine_bits` wide
    """

    def __init__(self, shape: CrossbarShape) -> None:
        self.shape = shape
        super().__init__(
            {
                "place": In(place(shape)),
                "values": In(data.ArrayLayout(signed(shape.value_bits), shape.pe)),
                "advance": Out(1),
                "o": Out(beats(signed(shape.fine_bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sums = [
            Signal(signed(self.shape.fine_bits), name=f"sum_{p}", reset_less=True)
            for p in range(self.shape.pe)
        ]
        shift = self._shift()
        ends_group = Signal()
        ends_frame = Signal()
        with m.If(self.advance):
            m.d.sync += [
                ends_group.eq(self.place.ends_group),
                ends_frame.eq(self.place.ends_frame),
            ]
            with m.If(self.place.valid):
                m.d.sync += [
                    fine.eq(Mux(self.place.starts_group, 0, fine) + (value << shift))
                    for fine, value in zip(sums, self.values, strict=True)
                ]
        m.d.comb += self.advance.eq(serialize(m, self.o, sums, ends_group, ends_frame, self.shape.last_group))
        return m

    def _shift(self) -> Value:
        """The place of the slice and digit: both counters times a constant."""
        shape = self.shape
        slices = [Const(k * shape.slice_bits) for k in range(shape.slices)]
        digits = [Const(k * shape.digit_bits) for k in range(shape.digits)]
        return Array(slices)[self.place.slice] + Array(digits)[self.place.digit]
