"""The whole network in hardware: layers one after another, each working on a frame of its own."""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..shape.engine import EngineShape
from .argmax import ArgMax
from .bus.axi import AXIStream, ports
from .crossbar.layer import CrossbarLayer
from .crossbar.read_tag import cell_write
from .dense import Dense
from .rom import joined
from .stream.packer import Lanes
from .threshold import Threshold


class Engine(wiring.Component):
    """Frames of input codes in, logits and classes out; both sides follow AXI-Stream.

    Latency and throughput are `shape.timing()`. A frame whose tlast comes too early or too late is
    refused and gives no result; frames before and after it are not disturbed. `rst` empties
    everything but the memories' contents.

    Ports
    -----
    clk, rst : in; `rst` is synchronous and active high
    s_axis_tdata : in, `simd` codes of the first layer, lane 0 lowest
        One frame is ceil(inputs / simd) beats. Surplus lanes of its last beat are ignored.
    s_axis_tvalid, s_axis_tlast : in;  s_axis_tready : out
    m_axis_tdata : out, one logit, two's complement, `accumulator_bits` of the last layer wide
    m_axis_tuser : out, the class so far; the frame's class on the beat with tlast
    m_axis_tvalid, m_axis_tlast : out;  m_axis_tready : in
    short_frame, long_frame : out
        High for one cycle, the one after the offending beat, for each refused frame: tlast came
        early, or not with the last beat that was due. A long frame is dropped up to its tlast.
    code{l}, code{l}_valid : out, for each hidden layer l if the shape asks for a monitor
        Each hidden code once, in order, in the cycle in which it enters the next layer.
    columns{l}, columns{l}_valid : out, for each mapped layer l if the shape asks for a monitor
        The codes of `pe` converters, the first lowest; see `CrossbarLayer`.
    cells{l}_enable, cells{l}_bank, cells{l}_address, cells{l}_word : in, for each mapped layer l unless
        the shape has no `cell_ports`
        Writes cells, so that defects can come and go; see `read_tag.cell_write`.
    memory_corrected, memory_failed : out, if any layer's weights have check bits
        High in each cycle after one in which a word was found wrong; see `Dense`.
    first_image : in, if any layer has read noise
        The number of the first frame after a reset; constant between resets. Refused frames have none.
    """

    def __init__(self, shape: EngineShape) -> None:
        self.shape = shape
        first, last = shape.layers[0], shape.layers[-1]
        members = {
            **ports("s_axis", AXIStream(first.simd * first.code_bits).flip()),
            **ports("m_axis", AXIStream(last.accumulator_bits, shape.class_bits)),
            "short_frame": Out(1),
            "long_frame": Out(1),
        }
        for i, crossbar in shape.mapped if shape.cell_ports else []:
            for name, field in cell_write(crossbar):
                members[f"cells{i}_{name}"] = In(field.width)
        if shape.noisy:
            members["first_image"] = In(32)
        if shape.protected:
            members |= {"memory_corrected": Out(1), "memory_failed": Out(1)}
        if shape.monitor:
            for i, layer in enumerate(shape.layers[:-1]):
                members[f"code{i}"] = Out(layer.result_bits)
                members[f"code{i}_valid"] = Out(1)
            for i, crossbar in shape.mapped:
                members[f"columns{i}"] = Out(crossbar.pe * crossbar.adc_bits)
                members[f"columns{i}_valid"] = Out(1)
        super().__init__(members)
        self.layers = [
            Dense(layer, checked=i == 0)
            if layer.crossbar is None
            else CrossbarLayer(layer.crossbar, shape.cell_ports, checked=i == 0)
            for i, layer in enumerate(shape.layers)
        ]
        self.thresholds = [Threshold(layer) for layer in shape.layers[:-1]]

    @property
    def memories(self) -> dict[str, Memory]:
        """The memories that a model fills, by the names that `memory_map` and a netlist have for them."""
        layers = {f"layer{i}": layer for i, layer in enumerate(self.layers)}
        return joined(layers | {f"threshold{i}": each for i, each in enumerate(self.thresholds)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        accs = self._first(m)
        for i, (layer, following) in enumerate(pairwise(self.shape.layers)):
            threshold, lanes = self.thresholds[i], Lanes(layer.result_bits, following.simd)
            m.submodules[f"threshold{i}"] = threshold
            m.submodules[f"lanes{i}"] = lanes
            block = self._layer(m, i + 1)
            wiring.connect(m, accs, threshold.i)
            wiring.connect(m, threshold.o, lanes.i)
            wiring.connect(m, lanes.o, block.i)
            if self.shape.monitor:
                m.d.comb += [
                    getattr(self, f"code{i}").eq(threshold.o.p.data),
                    getattr(self, f"code{i}_valid").eq(threshold.o.valid & threshold.o.ready),
                ]
            accs = block.o
        self._last(m, accs)
        for name in ("memory_corrected", "memory_failed") if self.shape.protected else ():
            m.d.comb += getattr(self, name).eq(Cat(getattr(layer, name) for layer in self.layers).any())
        return m

    def _first(self, m: Module) -> wiring.PureInterface:
        """Connect the input to the first layer; its results."""
        block = self._layer(m, 0)
        m.d.comb += [
            block.i.p.data.eq(self.s_axis_tdata),
            block.i.p.last.eq(self.s_axis_tlast),
            block.i.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(block.i.ready),
            self.short_frame.eq(block.short_frame),
            self.long_frame.eq(block.long_frame),
        ]
        return block.o

    def _layer(self, m: Module, i: int) -> Dense | CrossbarLayer:
        """One layer, ideal or mapped, with what it takes and shows beside its streams."""
        layer = self.shape.layers[i]
        m.submodules[f"layer{i}"] = mapped = self.layers[i]
        if layer.crossbar is None:
            return mapped
        for name, _ in cell_write(layer.crossbar) if self.shape.cell_ports else []:
            m.d.comb += mapped.cell_write[name].eq(getattr(self, f"cells{i}_{name}"))
        if self.shape.noisy:
            m.d.comb += mapped.first_image.eq(self.first_image)
        if self.shape.monitor:
            m.d.comb += [
                getattr(self, f"columns{i}").eq(mapped.codes),
                getattr(self, f"columns{i}_valid").eq(mapped.codes_valid),
            ]
        return mapped

    def _last(self, m: Module, logits: wiring.PureInterface) -> None:
        """Connect the last layer's results to the output."""
        layer = self.shape.layers[-1]
        m.submodules.argmax = argmax = ArgMax(layer.accumulator_bits, layer.outputs)
        wiring.connect(m, logits, argmax.i)
        m.d.comb += [
            self.m_axis_tdata.eq(argmax.o.p.data.logit),
            self.m_axis_tuser.eq(argmax.o.p.data.category),
            self.m_axis_tlast.eq(argmax.o.p.last),
            self.m_axis_tvalid.eq(argmax.o.valid),
            argmax.o.ready.eq(self.m_axis_tready),
        ]
