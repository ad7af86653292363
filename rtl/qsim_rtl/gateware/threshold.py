"""code = how many thresholds t have t <= acc: a binary search, one stage for each bit of the code."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..memory.dense import thresholds
from ..shape.engine import LayerShape
from .rom import tables
from .stream.beat import beats
from .stream.pipeline import delayed


class Threshold(wiring.Component):
    """Hidden codes of one layer, one a cycle, `result_bits` + 1 cycles after their accumulators.

    The last comparison ends in a register, so that what follows starts its cycle with the code.

    Ports
    -----
    i : stream of accumulators, signed, `accumulator_bits` wide
    o : stream of codes, unsigned, `result_bits` wide

    Attributes
    ----------
    memories : dict of Memory, those of `stages` by name
    stages : list of Memory, one for each bit of the code, the highest first
        The thresholds of each neuron (or the one list that all share), padded with a value above
        every accumulator to 2**result_bits - 1, are a sorted tree: word (neuron, prefix) of stage
        k, at address neuron * 2**k + prefix, is what the accumulator is compared with when the k
        highest bits of its code are `prefix`.
    """

    def __init__(self, shape: LayerShape) -> None:
        self.shape = shape
        self.memories = tables(thresholds(shape))
        self.stages = [*self.memories.values()]
        super().__init__(
            {
                "i": In(beats(signed(shape.accumulator_bits))),
                "o": Out(beats(unsigned(shape.result_bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += [
            advance.eq(self.o.ready | ~self.o.valid),
            self.i.ready.eq(advance),
        ]
        cycles = self.shape.result_bits + 1
        code = search(m, advance, self.stages, self.i.p.data, self._neuron(m))
        m.d.comb += [
            self.o.valid.eq(delayed(m, advance, self.i.valid, cycles, "valid")),
            self.o.p.data.eq(delayed(m, advance, code, name="code", reset_less=True)),
            self.o.p.last.eq(delayed(m, advance, self.i.p.last, cycles, "last", reset_less=True)),
        ]
        return m

    def _neuron(self, m: Module) -> Signal:
        """The index of the accumulator at the input; of no width where thresholds are shared."""
        neuron = Signal(0 if self.shape.shared_thresholds else range(self.shape.outputs))
        if not self.shape.shared_thresholds:
            with m.If(self.i.valid & self.i.ready):
                m.d.sync += neuron.eq(Mux(self.i.p.last, 0, neuron + 1))
        return neuron


def search(m: Module, advance: Value, stages: Sequence[Memory], acc: Value, row: Value) -> Value:
    """How many thresholds of a row are <= acc, one advance for each stage later; see `Threshold`."""
    code: Value = Signal(0)
    for k, stage in enumerate(stages):
        m.submodules[f"stage{k}"] = stage
        read = stage.read_port()
        m.d.comb += [read.en.eq(advance), read.addr.eq(Cat(code, row))]
        acc = delayed(m, advance, acc, name=f"acc{k}", reset_less=True)
        row = delayed(m, advance, row, name=f"row{k}", reset_less=True)
        prefix = delayed(m, advance, code, name=f"prefix{k}", reset_less=True)
        code = Cat(read.data.as_signed() <= acc, prefix)
    return code
