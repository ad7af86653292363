"""One dense layer: acc = bias + sum of weight x code, for `pe` neurons and `simd` inputs a cycle."""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import ReadPort
from amaranth.lib.wiring import In, Out

from ..memory.dense import weights
from ..memory.protection import protection_of
from ..shape.engine import LayerShape
from .frame_buffer import FrameBuffer
from .protected import decoded
from .rom import tables
from .stream.beat import beats
from .stream.pipeline import delayed
from .stream.serializer import serialize

STAGES = ("addressed", "fetched", "loaded", "multiplied", "accumulated")


class Dense(wiring.Component):
    """Accumulators of one layer, one a beat, in the order of the neurons.

    The first result of an isolated frame is transferred `beats` + 5 cycles after the frame's last
    input beat; a group of `pe` results leaves while the next is computed, without a gap between
    groups or frames. If results are not taken, everything waits.

    Ports
    -----
    i : stream of `simd` codes; see `FrameBuffer`, also for `checked`
    o : stream of accumulators, signed, `accumulator_bits` wide
    short_frame, long_frame : out; see `FrameBuffer`
    memory_corrected, memory_failed : out
        High for a cycle for each word of weights that was read with a flip and put right, or with what
        cannot be put right.

    Attributes
    ----------
    memories : dict of Memory, the two below by name
    weights : Memory of groups x beats words
        Lane (p, s) of word (g, b), at bit (p * simd + s) * bits, is the stored code that joins
        neuron g * pe + p to input b * simd + s.
    bias : Memory of one word a group: `pe` biases, `accumulator_bits` each
    """

    def __init__(self, shape: LayerShape, checked: bool = True) -> None:
        self.shape, self.checked = shape, checked
        self.memories = tables(weights(shape))
        self.weights, self.bias = self.memories["weights"], self.memories["bias"]
        code = Shape(shape.code_bits, shape.code_signed)
        super().__init__(
            {
                "i": In(beats(data.ArrayLayout(code, shape.simd))),
                "o": Out(beats(signed(shape.accumulator_bits))),
                "short_frame": Out(1),
                "long_frame": Out(1),
                "memory_corrected": Out(1),
                "memory_failed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = FrameBuffer(self.shape, self.checked)
        wiring.connect(m, wiring.flipped(self.i), buffer.i)
        m.d.comb += [
            self.short_frame.eq(buffer.short_frame),
            self.long_frame.eq(buffer.long_frame),
        ]

        m.submodules.weights, m.submodules.bias = self.weights, self.bias
        weights, bias = self.weights.read_port(), self.bias.read_port()
        advance = Signal()
        # Of a beat in the pipeline only what makes something leave must be 0 after a reset.
        ends_group = [Signal(name=f"{name}_ends_group") for name in STAGES]
        position = data.StructLayout({"first": 1, "ends_frame": 1, "group": range(self.shape.groups)})
        places = [Signal(position, name=name, reset_less=True) for name in STAGES]
        addressed, _, loaded, multiplied, accumulated = places
        lanes = self.shape.pe * self.shape.simd * self.shape.bits
        word, *found = decoded(m, weights.data, lanes, protection_of(self.shape.protection))
        words = Signal(lanes, name="loaded_weights", reset_less=True)
        codes = Signal.like(buffer.codes, name="loaded_codes", reset_less=True)
        m.d.comb += [
            buffer.read.eq(advance),
            weights.en.eq(advance),
            bias.en.eq(advance),
            bias.addr.eq(loaded.group),
        ]
        with m.If(advance):
            m.d.sync += [
                *(later.eq(earlier) for earlier, later in pairwise(places)),
                *(later.eq(earlier) for earlier, later in pairwise(ends_group)),
                words.eq(word),
                codes.eq(buffer.codes),
            ]
        fetches = delayed(m, advance, buffer.filled, name="fetches")
        for port, flag in zip((self.memory_corrected, self.memory_failed), found, strict=True):
            m.d.sync += port.eq(advance & fetches & flag)

        self._address(m, advance, addressed, ends_group[0], buffer, weights)
        products = self._multiply(m, advance, words, codes)
        accs = self._accumulate(m, advance, multiplied, bias.data, products)
        ends = ends_group[-1], accumulated.ends_frame
        m.d.comb += advance.eq(serialize(m, self.o, accs, *ends, self.shape.last_group))
        return m

    def _address(
        self,
        m: Module,
        advance: Signal,
        stage: data.View,
        ends_group: Signal,
        buffer: FrameBuffer,
        weights: ReadPort,
    ) -> None:
        """Walk through all groups, and through all beats in each, while a frame is there."""
        last_beat, last_group = self.shape.beats - 1, self.shape.groups - 1
        beat = Signal(range(self.shape.beats))
        group = Signal(range(self.shape.groups))
        m.d.comb += [
            stage.first.eq(beat == 0),
            ends_group.eq(buffer.filled & (beat == last_beat)),
            stage.ends_frame.eq(ends_group & (group == last_group)),
            stage.group.eq(group),
            buffer.beat.eq(beat),
            buffer.release.eq(advance & stage.ends_frame),
        ]
        with m.If(advance & buffer.filled):
            m.d.sync += [
                weights.addr.eq(Mux(stage.ends_frame, 0, weights.addr + 1)),
                beat.eq(Mux(ends_group, 0, beat + 1)),
            ]
        with m.If(advance & ends_group):
            m.d.sync += group.eq(Mux(stage.ends_frame, 0, group + 1))

    def _multiply(self, m: Module, advance: Signal, words: Value, codes: data.View) -> list[list[Signal]]:
        """The registered products of each neuron."""
        row = data.ArrayLayout(signed(self.shape.bits), self.shape.simd)
        stored = data.View(data.ArrayLayout(row, self.shape.pe), words)
        products: list[list[Signal]] = []
        for p in range(self.shape.pe):
            products.append([])
            for s in range(self.shape.simd):
                weight = stored[p][s]
                if self.shape.grid == "odd":
                    weight = Cat(Const(1, 1), weight).as_signed()
                value = weight * codes[s]
                product = Signal(value.shape(), name=f"product_{p}_{s}", reset_less=True)
                with m.If(advance):
                    m.d.sync += product.eq(value)
                products[p].append(product)
        return products

    def _accumulate(
        self, m: Module, advance: Signal, stage: data.View, words: Value, products: list[list[Signal]]
    ) -> list[Signal]:
        """The accumulators: a group's first beat starts from the bias."""
        bias = data.View(data.ArrayLayout(signed(self.shape.accumulator_bits), self.shape.pe), words)
        accs = []
        for p, terms in enumerate(products):
            acc = Signal(signed(self.shape.accumulator_bits), name=f"acc_{p}", reset_less=True)
            with m.If(advance):
                m.d.sync += acc.eq(Mux(stage.first, bias[p], acc) + _tree(terms))
            accs.append(acc)
        return accs


def _tree(terms: list[Value]) -> Value:
    """The sum of all terms, in a balanced tree of adders."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return _tree(terms[:half]) + _tree(terms[half:])
