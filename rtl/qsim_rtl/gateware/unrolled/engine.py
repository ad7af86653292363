"""An engine of constant weights, all layers side by side: an image a cycle, or every few cycles."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from qsim.model.model import Model

from ...unrolled.graph import width
from ...unrolled.products import check_ideal, layer_graph
from .activation import Activation
from .adders import Adders, range_shape
from .argmax import ArgmaxTree
from .delay import delayed
from .results import QUEUE_CYCLES, Results
from .serial import SerialAdders


class UnrolledEngine(wiring.Component):
    """The network of one model, whose weights cannot be changed: each image's result `latency` cycles later.

    Ports
    -----
    i : stream of images; all input codes, the first lowest
    o : stream of results; `logits`, all of one width, and `category`
    hidden0, hidden1, ... : the hidden codes of each layer while `hidden0_valid`, ... is high, if watched
    busy : an image is inside, or its result waits

    A beat is transferred in each cycle in which valid and ready are high. The pipeline never stands still;
    an image is taken while there is a place for its result in the queue behind it.

    Parameters
    ----------
    model : Model of ideal layers
    levels : int
        Adders between two registers, at least 1: fewer registers, a slower clock.
    monitor : bool
        Whether hidden codes are brought out to be watched.
    interval : int
        Cycles from one image to the next, at most. Beyond 1 the products are digit-serial; `interval` is then
        what their digits need.
    """

    def __init__(self, model: Model, levels: int = 1, monitor: bool = True, interval: int = 1) -> None:
        check_ideal(model)
        self.model, self.monitor, self.serial = model, monitor, interval > 1
        self.layers = [_Layer(model, i, levels, interval) for i in range(len(model.layers))]
        self.interval = max(layer.interval for layer in self.layers)
        low, high = model.bounds[-1]
        self.logit_bits = max(width(min(low, -1), high), 2)
        self.argmax = ArgmaxTree(model.outputs, signed(self.logit_bits))
        depth = 1 + sum(layer.latency for layer in self.layers) + self.argmax.latency
        self.latency = depth + QUEUE_CYCLES
        code = range_shape(*model.code_range(0))
        result = data.StructLayout(
            {
                "logits": data.ArrayLayout(signed(self.logit_bits), model.outputs),
                "category": unsigned(self.argmax.bits),
            }
        )
        self.results = Results(result.size, -(-depth // self.interval))
        hidden: dict[str, Out] = {}
        for k, layer in enumerate(self.layers[:-1] if monitor else []):
            hidden |= {f"hidden{k}": Out(layer.code_bits * layer.outputs), f"hidden{k}_valid": Out(1)}
        super().__init__(
            {
                "i": In(stream.Signature(data.ArrayLayout(code, model.inputs))),
                "o": Out(stream.Signature(result)),
                "busy": Out(1),
                **hidden,
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.results = results = self.results
        valid = self.i.valid & self.i.ready
        m.d.comb += [self.i.ready.eq(results.room & self._rested(m, valid)), results.enters.eq(valid)]
        m.d.comb += self.busy.eq(results.filled)
        codes = [self.i.payload[k] for k in range(self.model.inputs)]
        values: list[Value] = [delayed(m, x, name=f"code{k}", reset_less=True) for k, x in enumerate(codes)]
        ahead: Value = valid  # a cycle before the values
        for k, layer in enumerate(self.layers):
            values = layer.build(m, values, ahead, f"layer{k}")
            ahead = delayed(m, ahead, layer.latency, f"ahead{k}")
            valid = delayed(m, ahead, name=f"valid{k}")
            if self.monitor and k < len(self.layers) - 1:
                for j, code in enumerate(values):
                    m.d.comb += getattr(self, f"hidden{k}").word_select(j, layer.code_bits).eq(code)
                m.d.comb += getattr(self, f"hidden{k}_valid").eq(valid)
        m.submodules.argmax = self.argmax
        kept = []
        for j, logit in enumerate(values):
            m.d.comb += getattr(self.argmax, f"z{j}").eq(logit)
            wide = Signal(signed(self.logit_bits), name=f"wide{j}")
            m.d.comb += wide.eq(logit)
            kept.append(delayed(m, wide, self.argmax.latency, f"logit{j}", reset_less=True))
        m.d.comb += [
            results.result.eq(Cat(*kept, self.argmax.index)),
            results.result_valid.eq(delayed(m, valid, self.argmax.latency, "valid_out")),
            self.o.payload.as_value().eq(results.o.payload),
            self.o.valid.eq(results.o.valid),
            results.o.ready.eq(self.o.ready),
        ]
        return m

    def _rested(self, m: Module, taken: Value) -> Value:
        """Whether the last image is `interval` cycles ago or more."""
        if self.interval == 1:
            return Const(1, 1)
        left = Signal(range(self.interval), name="left")
        m.d.sync += left.eq(Mux(taken, self.interval - 1, left - (left != 0)))
        return left == 0


class _Layer:
    """One layer: products, then thresholds of the accumulators, or the accumulators themselves."""

    def __init__(self, model: Model, number: int, levels: int, interval: int) -> None:
        layer = model.layers[number]
        low, high = model.code_range(number)
        self.bias, self.outputs = layer.bias.tolist(), layer.outputs
        graph = layer_graph(layer, (low, high))
        self.adders: Adders | SerialAdders
        if interval == 1:
            self.adders, self.interval = Adders(graph, low, high, levels), 1
        else:
            self.adders = serial = SerialAdders(graph, low, high, interval)
            self.interval = serial.digits
        self.activations: list[Activation | int] = []
        self.latency = self.adders.latency + 1
        if layer.thresholds is None:
            return
        self.code_bits = layer.max_code.bit_length()
        for j, (row, ends) in enumerate(
            zip(layer.thresholds.tolist(), self.adders.output_ranges, strict=True)
        ):
            own = [t - self.bias[j] for t in row]
            known = [sum(t <= end for t in own) for end in ends]
            shape = getattr(self.adders, f"y{j}").shape()
            self.activations.append(known[0] if known[0] == known[1] else Activation(own, shape, *ends))
        built = [a.latency for a in self.activations if isinstance(a, Activation)]
        self.latency = self.adders.latency + max(built, default=0)

    def build(self, m: Module, values: list[Value], ahead: Value, name: str) -> list[Value]:
        """The layer's results, `latency` cycles after `values`, which come a cycle after `ahead` is high."""
        m.submodules[name] = adders = self.adders
        if isinstance(adders, SerialAdders):
            m.d.comb += adders.start.eq(ahead)
        m.d.comb += [getattr(adders, f"x{k}").eq(value) for k, value in enumerate(values)]
        products = [getattr(adders, f"y{j}") for j in range(self.outputs)]
        if not self.activations:
            sums = [product + bias for product, bias in zip(products, self.bias, strict=True)]
            return [delayed(m, s, name=f"{name}_acc{j}", reset_less=True) for j, s in enumerate(sums)]
        return [self._code(m, j, product, name) for j, product in enumerate(products)]

    def _code(self, m: Module, j: int, product: Value, name: str) -> Value:
        activation = self.activations[j]
        if isinstance(activation, int):  # whatever the inputs are
            return Signal(self.code_bits, init=activation, name=f"{name}_code{j}")
        m.submodules[f"{name}_activation{j}"] = activation
        m.d.comb += activation.acc.eq(product)
        rest = self.latency - self.adders.latency - activation.latency
        return delayed(m, activation.code, rest, f"{name}_code{j}", reset_less=True)
