"""The beats of a frame become one image, which the engine takes whole."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...shape.unrolled import UnrolledShape
from ...unrolled import copies
from ..bus.axi import AXIStream
from ..stream.relay import Copies


class Collector(wiring.Component):
    """Takes a beat a cycle, and gives the image with a frame's last; after several, a cycle later.

    Then the image waits here for the engine, and meanwhile no beat is taken, so that a frame of several
    beats takes a cycle more than it has beats. A frame whose TLAST comes early or late gives no image; of a
    late one everything up to TLAST is dropped.

    Ports
    -----
    i : AXI4-Stream of `simd` codes, the first lowest, with TKEEP
    o : stream of images, `inputs` codes, the first lowest
    torn : out, high while a beat is taken without a byte that holds codes of its frame
    short_frame, long_frame : out, high for one cycle, the one after the offending beat
    partial : out, a frame has come in in part, or waits
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
        slot, dropping, begun = Signal(range(shape.frame_beats)), Signal(), Signal()
        taken, due, whole = Signal(), Signal(), Signal()
        m.d.comb += [
            due.eq(slot == shape.frame_beats - 1),
            taken.eq(self.i.tvalid & self.i.tready),
            whole.eq(self.i.tvalid & self.i.tlast & due & ~dropping),
            self.torn.eq(taken & self._missing(due)),
        ]
        if shape.frame_beats == 1:
            m.d.comb += [self.i.tready.eq(self.o.ready), self.o.valid.eq(whole), self.o.payload.eq(beat)]
            m.d.comb += self.partial.eq(begun)
        else:
            self._keep(m, beat, [taken & (slot == k) for k in range(shape.frame_beats - 1)], whole)
            m.d.comb += self.partial.eq(begun | self.o.valid)
        fresh, ends = taken & ~dropping, self.i.tlast
        m.d.sync += [self.short_frame.eq(fresh & ends & ~due), self.long_frame.eq(fresh & ~ends & due)]
        with m.If(taken):
            m.d.sync += [
                slot.eq(Mux(ends | due | dropping, 0, slot + 1)),
                dropping.eq(~ends & (due | dropping)),
                begun.eq(~ends),
            ]
        return m

    def _keep(self, m: Module, beat: Value, taken: Sequence[Value], whole: Value) -> None:
        """Each beat in its register, the last in the one that all pass by, until the engine takes the image.

        What says so to thousands of registers comes from copies, a cycle after the beat.
        """
        near, waits, last = Copies(), Signal(), Signal(len(beat), reset_less=True)
        following = (whole & ~waits) | (waits & ~self.o.ready)
        m.d.sync += waits.eq(following)
        m.d.comb += [self.o.valid.eq(waits), self.i.tready.eq(~waits)]
        parts = range(0, len(beat), copies.BITS)
        for part in parts:
            bits = slice(part, part + copies.BITS)
            with m.If(~near.of(following, f"waits_{part}")):
                m.d.sync += last[bits].eq(beat[bits])
        kept = []
        for k, each in enumerate(taken):
            register = Signal(len(beat), name=f"beat{k}", reset_less=True)
            for part in parts:
                bits = slice(part, part + copies.BITS)
                with m.If(near.of(each, f"taken{k}_{part}")):
                    m.d.sync += register[bits].eq(last[bits])
            kept.append(register)
        near.build(m)
        m.d.comb += self.o.payload.eq(Cat(*kept, last))

    def _missing(self, due: Signal) -> Signal:
        """Whether a byte lacks that holds codes."""
        shape = self.shape
        last = shape.inputs - (shape.frame_beats - 1) * shape.simd
        every, final = ((1 << -(-codes * shape.code_bits // 8)) - 1 for codes in (shape.simd, last))
        return (~self.i.tkeep & Mux(due, final, every)).any()
