"""Two banks of input codes: one frame is written while the frame before it is read."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..shape.crossbar import CrossbarShape
from ..shape.engine import LayerShape
from .stream.beat import beats

PIECE = 64  # bits at most of one memory's words, where a code has no more: wider ones simulate slowly


class FrameBuffer(wiring.Component):
    """Takes frames of `shape.beats` beats; lanes beyond `shape.inputs` are stored as 0.

    With `checked`, a frame whose `last` comes early or late is refused: it is never shown to the
    reader, of a long one everything up to its `last` is dropped, and frames before and after it are
    untouched. Without, every frame must have its length, as those between layers have.

    Ports
    -----
    i : stream of `simd` codes, lane 0 lowest; ready while a bank is free
    short_frame, long_frame : out, high for the one cycle after the beat that shows the fault
        0 if not `checked`.
    filled : out, high while the oldest complete frame can be read
    beat : in, which of its beats to read
    read : in, puts that beat on `codes` in the next cycle, where it stays until the next read
    codes : out, `simd` codes
    release : in, frees the frame's bank; the reader goes on to the next frame
    """

    def __init__(self, shape: LayerShape | CrossbarShape, checked: bool = True) -> None:
        self.shape, self.checked = shape, checked
        code = Shape(shape.code_bits, shape.code_signed)
        lanes = data.ArrayLayout(code, shape.simd)
        super().__init__(
            {
                "i": In(beats(lanes)),
                "short_frame": Out(1),
                "long_frame": Out(1),
                "filled": Out(1),
                "beat": In(range(shape.beats)),
                "read": In(1),
                "codes": Out(lanes),
                "release": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last_slot = self.shape.beats - 1
        slot = Signal(range(self.shape.beats))
        write_bank = Signal()
        read_bank = Signal()
        frames = Signal(range(3))
        transfer = Signal()
        commit = Signal()

        m.d.comb += [
            self.i.ready.eq(frames != 2),
            self.filled.eq(frames != 0),
            transfer.eq(self.i.valid & self.i.ready),
        ]
        codes: list[Value] = []
        for k, written in enumerate(self._pieces(slot == last_slot)):
            m.submodules[f"banks{k}"] = banks = Memory(
                shape=unsigned(len(written)), depth=2 << len(slot), init=[]
            )
            write, read = banks.write_port(), banks.read_port()
            m.d.comb += [
                write.addr.eq(Cat(slot, write_bank)),
                write.data.eq(written),
                write.en.eq(transfer),
                read.addr.eq(Cat(self.beat, read_bank)),
                read.en.eq(self.read),
            ]
            codes.append(read.data)
        m.d.comb += self.codes.eq(Cat(codes))

        m.d.sync += [
            frames.eq(frames + commit - self.release),
            write_bank.eq(write_bank ^ commit),
            read_bank.eq(read_bank ^ self.release),
        ]
        starts, complete = self._lengths(m, transfer, slot == last_slot)
        m.d.comb += commit.eq(transfer & complete)
        with m.If(transfer):
            m.d.sync += slot.eq(Mux(starts, 0, slot + 1))
        return m

    def _lengths(self, m: Module, transfer: Signal, due: Value) -> tuple[Value, Value]:
        """After this beat: whether a frame starts, and whether one is complete and has its length."""
        ends = self.i.p.last
        if not self.checked:
            return ends, ends
        dropping = Signal()
        m.d.sync += [
            self.short_frame.eq(transfer & ends & ~due & ~dropping),
            self.long_frame.eq(transfer & ~ends & due & ~dropping),
        ]
        with m.If(transfer):
            m.d.sync += dropping.eq(~ends & (due | dropping))
        return ends | due | dropping, ends & due & ~dropping

    def _pieces(self, at_last_slot: Value) -> list[Value]:
        """The input's lanes, some at a time, with those beyond the frame's last code replaced by 0."""
        bits, lanes = self.shape.code_bits, self.i.p.data.as_value()
        used = (self.shape.inputs - (self.shape.beats - 1) * self.shape.simd) * bits
        pieces: list[Value] = []
        width = max(1, PIECE // bits) * bits
        for start in range(0, len(lanes), width):
            stop = min(start + width, len(lanes))
            end = min(max(used, start), stop)
            surplus = Mux(at_last_slot, Const(0, stop - end), lanes[end:stop])
            pieces.append(Cat(lanes[start:end], surplus))
        return pieces
