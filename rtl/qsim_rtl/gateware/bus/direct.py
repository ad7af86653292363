"""The plain way in: a beat of the bus is a beat of the engine, filled up to a power of two of bytes."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...shape.engine import LayerShape
from .axi import AXIStream


class Direct(wiring.Component):
    """Passes beats on as they come, and tells of those that lack a byte.

    Ports
    -----
    i : AXI4-Stream, `width` bits, with TKEEP
    o : AXI4-Stream of `simd` codes, the lowest bits of `i`
    torn : out, high while a beat is taken without a byte that holds codes of its frame
    """

    def __init__(self, width: int, layer: LayerShape) -> None:
        self.layer = layer
        super().__init__(
            {
                "i": In(AXIStream(width, keep=True)),
                "o": Out(AXIStream(layer.simd * layer.code_bits)),
                "torn": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        missing = Signal(len(self.i.tkeep))
        m.d.comb += [
            self.o.tdata.eq(self.i.tdata),
            self.o.tlast.eq(self.i.tlast),
            self.o.tvalid.eq(self.i.tvalid),
            self.i.tready.eq(self.o.tready),
            missing.eq(~self.i.tkeep & Mux(self.i.tlast, self._needed(True), self._needed(False))),
            self.torn.eq(self.i.tvalid & self.i.tready & missing.any()),
        ]
        return m

    def _needed(self, last: bool) -> int:
        """The TKEEP of the bytes that hold codes of a frame, in its last beat or in any other."""
        layer = self.layer
        codes = layer.inputs - (layer.beats - 1) * layer.simd if last else layer.simd
        return (1 << -(-codes * layer.code_bits // 8)) - 1
