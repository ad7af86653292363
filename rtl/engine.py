"""The whole network in hardware: layers one after another, each working on a frame of its own."""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .argmax import ArgMax
from .dense import Dense
from .lanes import Lanes
from .shape import EngineShape
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
    """

    def __init__(self, shape: EngineShape) -> None:
        self.shape = shape
        first, last = shape.layers[0], shape.layers[-1]
        ports = {
            "s_axis_tdata": In(first.simd * first.code_bits),
            "s_axis_tvalid": In(1),
            "s_axis_tready": Out(1),
            "s_axis_tlast": In(1),
            "m_axis_tdata": Out(last.accumulator_bits),
            "m_axis_tuser": Out(shape.class_bits),
            "m_axis_tvalid": Out(1),
            "m_axis_tready": In(1),
            "m_axis_tlast": Out(1),
            "short_frame": Out(1),
            "long_frame": Out(1),
        }
        if shape.monitor:
            for i, layer in enumerate(shape.layers[:-1]):
                ports[f"code{i}"] = Out(layer.result_bits)
                ports[f"code{i}_valid"] = Out(1)
        super().__init__(ports)
        self.dense = [Dense(layer) for layer in shape.layers]
        self.thresholds = [Threshold(layer) for layer in shape.layers[:-1]]

    @property
    def memories(self) -> dict[str, Memory]:
        """The memories that a model fills, by name, in the order in which they are filled."""
        memories: dict[str, Memory] = {}
        for i, dense in enumerate(self.dense):
            memories |= {f"layer{i}_weights": dense.weights, f"layer{i}_bias": dense.bias}
            stages = self.thresholds[i].stages if i < len(self.thresholds) else []
            memories |= {f"threshold{i}_stage{k}": stage for k, stage in enumerate(stages)}
        return memories

    def elaborate(self, platform: object) -> Module:
        m = Module()
        accs = self._first(m)
        for i, (layer, following) in enumerate(pairwise(self.shape.layers)):
            threshold, lanes = self.thresholds[i], Lanes(layer.result_bits, following.simd)
            dense = self.dense[i + 1]
            m.submodules[f"threshold{i}"] = threshold
            m.submodules[f"lanes{i}"] = lanes
            m.submodules[f"layer{i + 1}"] = dense
            wiring.connect(m, accs, threshold.i)
            wiring.connect(m, threshold.o, lanes.i)
            wiring.connect(m, lanes.o, dense.i)
            if self.shape.monitor:
                m.d.comb += [
                    getattr(self, f"code{i}").eq(threshold.o.p.data),
                    getattr(self, f"code{i}_valid").eq(threshold.o.valid & threshold.o.ready),
                ]
            accs = dense.o
        self._last(m, accs)
        return m

    def _first(self, m: Module) -> wiring.PureInterface:
        """Connect the input to the first layer; its results."""
        m.submodules.layer0 = dense = self.dense[0]
        m.d.comb += [
            dense.i.p.data.eq(self.s_axis_tdata),
            dense.i.p.last.eq(self.s_axis_tlast),
            dense.i.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(dense.i.ready),
            self.short_frame.eq(dense.short_frame),
            self.long_frame.eq(dense.long_frame),
        ]
        return dense.o

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
