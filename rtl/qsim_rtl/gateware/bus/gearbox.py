"""A stream of bytes as wide as the host likes becomes the beats of codes that the engine takes."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...shape.engine import LayerShape
from ...shape.stream import ByteStream
from .axi import AXIStream


class Gearbox(wiring.Component):
    """Takes or gives a beat a cycle, never both: a frame takes as many cycles as it has beats on both sides.

    A frame on the side of the bytes is an array of codes, each in whole bytes, the lowest first; only
    its last beat may lack bytes, those behind the last code. A frame with another number of beats, or
    without a byte that it needs, is passed on one beat too long, so that the engine drops it.

    Ports
    -----
    i : AXI4-Stream of bytes, with TKEEP
    o : AXI4-Stream of `simd` codes
    torn : out, high while a beat is taken without a byte that it needs
    short_frame, long_frame : out
        High for one cycle, the one after the offending beat, for each frame that is to be dropped.
    """

    def __init__(self, stream: ByteStream, layer: LayerShape) -> None:
        self.stream, self.layer = stream, layer
        super().__init__(
            {
                "i": In(AXIStream(8 * stream.bytes, keep=True)),
                "o": Out(AXIStream(layer.simd * layer.code_bits)),
                "torn": Out(1),
                "short_frame": Out(1),
                "long_frame": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beats = self.layer.beats
        count = Signal(range(self.layer.simd + self.stream.codes))  # codes held
        slot = Signal(range(beats + 1))  # beats given of the frame
        ended = Signal()  # all beats of the frame have come
        bad = Signal()  # it has the wrong length, or a hole
        taken, given, final = (Signal(name=name) for name in ("taken", "given", "final"))
        m.d.comb += [
            taken.eq(self.i.tvalid & self.i.tready),
            given.eq(self.o.tvalid & self.o.tready),
            self.i.tready.eq(~ended & (bad | (count < self.layer.simd))),
            self.o.tvalid.eq(ended | (~bad & (count >= self.layer.simd))),
            self.o.tlast.eq(Mux(bad, slot == beats, slot == beats - 1)),
            final.eq(given & self.o.tlast),
        ]
        self._judge(m, taken, bad, final)
        held = self._hold(m, taken, given, count)
        m.d.comb += self.o.tdata.eq(Cat(held[: self.layer.simd]))
        with m.If(taken):
            m.d.sync += [ended.eq(self.i.tlast), count.eq(count + self.stream.codes)]
        with m.Elif(given):
            m.d.sync += [slot.eq(slot + 1), count.eq(count - self.layer.simd)]
        with m.If(final):
            m.d.sync += [slot.eq(0), count.eq(0), ended.eq(0)]
        return m

    def _judge(self, m: Module, taken: Value, bad: Signal, final: Value) -> None:
        """Whether the frame has the right length and no hole; told once."""
        due = self.stream.beats(self.layer.inputs) - 1
        beat = Signal(range(due + 2))
        missing, short, long = (Signal(name=name) for name in ("missing", "short", "long"))
        every, last = self.stream.keep, self.stream.last_keep(self.layer.inputs)
        m.d.comb += [
            missing.eq((~self.i.tkeep & Mux(beat == due, last, every)).any()),
            self.torn.eq(taken & missing),
            short.eq(missing | (self.i.tlast & (beat != due))),
            long.eq(~self.i.tlast & (beat == due) & ~missing),
        ]
        fresh = taken & ~bad
        m.d.sync += [self.short_frame.eq(fresh & short), self.long_frame.eq(fresh & long)]
        with m.If(fresh):
            m.d.sync += [beat.eq(Mux(self.i.tlast, 0, beat + 1)), bad.eq(short | long)]
        with m.If(final):
            m.d.sync += [beat.eq(0), bad.eq(0)]

    def _hold(self, m: Module, taken: Value, given: Value, count: Signal) -> list[Signal]:
        """The codes that wait, the first lowest: new ones behind them, the first `simd` go together."""
        simd, codes, bits = self.layer.simd, self.stream.codes, self.layer.code_bits
        held = [Signal(bits, name=f"held_{p}", reset_less=True) for p in range(simd + codes - 1)]
        fresh = [self.i.tdata[8 * self.stream.code_bytes * q :][:bits] for q in range(codes)]
        with m.If(taken), m.Switch(count):
            for waiting in range(simd):
                with m.Case(waiting):
                    m.d.sync += [held[waiting + q].eq(code) for q, code in enumerate(fresh)]
        with m.Elif(given):
            m.d.sync += [low.eq(high) for low, high in zip(held, held[simd:], strict=False)]
        return held
