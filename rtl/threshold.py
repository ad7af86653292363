"""code = how many thresholds t have t <= acc: a binary search, one stage for each bit of the code."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .beat import beats
from .shape import LayerShape
from .table import table


class Threshold(wiring.Component):
    """Hidden codes of one layer, one a cycle, `result_bits` + 1 cycles after their accumulators.

    The last comparison ends in a register, so that what follows starts its cycle with the code.

    Ports
    -----
    i : stream of accumulators, signed, `accumulator_bits` wide
    o : stream of codes, unsigned, `result_bits` wide

    Attributes
    ----------
    stages : list of Memory, one for each bit of the code, the highest first
        The thresholds of each neuron (or the one list that all share), padded with a value above
        every accumulator to 2**result_bits - 1, are a sorted tree: word (neuron, prefix) of stage
        k, at address neuron * 2**k + prefix, is what the accumulator is compared with when the k
        highest bits of its code are `prefix`.
    """

    def __init__(self, shape: LayerShape) -> None:
        self.shape = shape
        neurons = 1 if shape.shared_thresholds else shape.outputs
        self.stages = [table(shape.accumulator_bits, neurons << k) for k in range(shape.result_bits)]
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
        valid, acc, last = self.i.valid, self.i.p.data, self.i.p.last
        neuron, code = self._neuron(m), Signal(0)
        for k, stage in enumerate(self.stages):
            m.submodules[f"stage{k}"] = stage
            read = stage.read_port()
            m.d.comb += [read.en.eq(advance), read.addr.eq(Cat(code, neuron))]
            valid = _register(m, advance, valid, f"valid{k}")
            acc = _register(m, advance, acc, f"acc{k}")
            last = _register(m, advance, last, f"last{k}")
            neuron = _register(m, advance, neuron, f"neuron{k}")
            code = Cat(read.data.as_signed() <= acc, _register(m, advance, code, f"prefix{k}"))
        m.d.comb += [
            self.o.valid.eq(_register(m, advance, valid, "valid")),
            self.o.p.data.eq(_register(m, advance, code, "code")),
            self.o.p.last.eq(_register(m, advance, last, "last")),
        ]
        return m

    def _neuron(self, m: Module) -> Signal:
        """The index of the accumulator at the input; of no width where thresholds are shared."""
        neuron = Signal(0 if self.shape.shared_thresholds else range(self.shape.outputs))
        if not self.shape.shared_thresholds:
            with m.If(self.i.valid & self.i.ready):
                m.d.sync += neuron.eq(Mux(self.i.p.last, 0, neuron + 1))
        return neuron


def _register(m: Module, enable: Signal, value: Signal, name: str) -> Signal:
    """The value of the last cycle in which `enable` was high; reset makes only a valid bit low."""
    register = Signal(value.shape(), name=name, reset_less=not name.startswith("valid"))
    with m.If(enable):
        m.d.sync += register.eq(value)
    return register
