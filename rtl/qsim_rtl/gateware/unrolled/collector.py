"""The beats of a frame become one image, which the engine takes whole."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...shape.unrolled import UnrolledShape
from ..bus.axi import AXIStream


class Collector(wiring.Component):
    """Takes a beat a cycle, a frame's last one while the engine has room, and gives the image with it.

    A frame whose TLAST comes early or late gives no image; of a late one everything up to TLAST is
    dropped.

    Ports
    -----
    i : AXI4-Stream of `simd` codes, the first lowest, with TKEEP
    o : stream of images, `inputs` codes, the first lowest
    torn : out, high while a beat is taken without a byte that holds codes of its frame
    short_frame, long_frame : out, high for one cycle, the one after the offending beat
    partial : out, a frame has come in in part
    """

    def __init__(self, shape: UnrolledShape) -> None:
        self.shape = shape
        super().__init__(
            {
                "i": In(AXIStream(shape.input_width, keep=True)),
                "o": Out(stream.Signature(shape.inputs * shape.code_bits)),
                "torn": Out(1),
                "short_frame": Out(1),
                "long_frame": Out(1),
                "partial": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape, beat = self.shape, self.i.tdata[: self.shape.simd * self.shape.code_bits]
        slot, dropping = Signal(range(shape.frame_beats)), Signal()
        taken, due = Signal(), Signal()
        m.d.comb += [
            due.eq(slot == shape.frame_beats - 1),
            self.i.tready.eq(self.o.ready | ~due),
            taken.eq(self.i.tvalid & self.i.tready),
            self.o.valid.eq(self.i.tvalid & self.i.tlast & due & ~dropping),
            self.torn.eq(taken & self._missing(due)),
        ]
        kept = []
        for k in range(shape.frame_beats - 1):
            register = Signal(len(beat), name=f"beat{k}", reset_less=True)
            with m.If(taken & (slot == k)):
                m.d.sync += register.eq(beat)
            kept.append(register)
        m.d.comb += self.o.payload.eq(Cat(*kept, beat))
        fresh, ends = taken & ~dropping, self.i.tlast
        m.d.sync += [self.short_frame.eq(fresh & ends & ~due), self.long_frame.eq(fresh & ~ends & due)]
        with m.If(taken):
            m.d.sync += [
                slot.eq(Mux(ends | due | dropping, 0, slot + 1)),
                dropping.eq(~ends & (due | dropping)),
                self.partial.eq(~ends),
            ]
        return m

    def _missing(self, due: Signal) -> Signal:
        """Whether a byte lacks that holds codes."""
        shape = self.shape
        last = shape.inputs - (shape.frame_beats - 1) * shape.simd
        every, final = ((1 << -(-codes * shape.code_bits // 8)) - 1 for codes in (shape.simd, last))
        return (~self.i.tkeep & Mux(due, final, every)).any()
