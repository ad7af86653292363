"""QONNX of `Quant` nodes alone, for tools that read neither `MultiThreshold` nor `BipolarQuant`, as hls4ml.

A hidden code must be clip(round_half_even(acc * m / 2**k)) for integers m and k. Weights, biases and m
pass through quantizers of their own, whose scales are powers of two. hls4ml merges some of them, and then
forgets how wide they are; the metadata name a type that holds every number of the network, for its
`default_precision`.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import onnx
from onnx import TensorProto

from ...errors import QsimError
from ...model.layer import Layer
from ...model.model import Model
from .graph import FLOAT_EXACT, QONNX, Array, Graph

FINEST = 40  # the largest k that is tried
LOOK = "style qonnx or integer holds any thresholds"


def export(model: Model) -> onnx.ModelProto:
    """A model as QONNX without `MultiThreshold`; output `logits`, float (1, outputs).

    Raises
    ------
    QsimError
        If thresholds are not uniform, or sums too wide for float32.
    """
    graph = Graph()
    form = model.input
    largest, finest = max(-form.low, form.high), 0
    x = _quant(graph, "input", "codes", form.bits, signed=form.signed)
    for i, (layer, bounds) in enumerate(zip(model.layers, model.bounds, strict=True)):
        if max(-bounds[0], bounds[1] + 1) > FLOAT_EXACT:
            raise QsimError(
                f"layer {i} adds up to {max(-bounds[0], bounds[1])}; style quant holds sums below 2^24, "
                "styles integer and qonnx larger ones"
            )
        largest = max(largest, -bounds[0], bounds[1])
        product = graph.node("MatMul", [x, _constant(graph, f"w{i}", layer.weights.T)], f"product{i}")
        if layer.thresholds is None:
            graph.node("Add", [product, _constant(graph, f"b{i}", layer.bias)], "logits")
            continue
        shift, (m, k) = _staircase(layer, i, bounds)
        acc = graph.node("Add", [product, _constant(graph, f"b{i}", layer.bias + shift)], f"acc{i}")
        if (m, k) != (1, 0):
            factor = _constant(graph, f"m{i}", np.array([m]), 2.0**-k)
            acc = graph.node("Mul", [acc, factor], f"scaled{i}")
            largest, finest = max(largest, m), max(finest, k)
        x = _quant(graph, f"hidden{i}", acc, layer.max_code.bit_length(), signed=False)
    outputs = [("logits", TensorProto.FLOAT, [1, model.outputs])]
    made = graph.finish(model, "quant", ("codes", TensorProto.FLOAT), outputs, 13, batch=1)
    bits = 3 + largest.bit_length()  # with a sign, and wide enough for acc - t + 1
    made.metadata_props.add(key="qsim.fixed", value=f"fixed<{bits + finest},{bits}>")
    return made


def _quant(graph: Graph, name: str, x: str, bits: int, *, signed: bool, scale: float = 1.0) -> str:
    """A quantizer at the end of x."""
    facts = [graph.scalar(f"{name}_{k}", v) for k, v in (("scale", scale), ("zero", 0), ("bits", bits))]
    attributes = {"signed": int(signed), "narrow": 0, "rounding_mode": "ROUND"}
    return graph.node("Quant", [x, *facts], name, QONNX, **attributes)


def _constant(graph: Graph, name: str, integers: Array, scale: float = 1.0) -> str:
    """Integers times a power of two, through a quantizer just wide enough for them."""
    bits = 1 + max(1, *(int(v if v >= 0 else ~v).bit_length() for v in (integers.min(), integers.max())))
    values = graph.constant(f"{name}_values", integers * scale, np.float32)
    return _quant(graph, name, values, bits, signed=True, scale=scale)


def _staircase(layer: Layer, i: int, bounds: tuple[int, int]) -> tuple[Array, tuple[int, int]]:
    """What to add to each neuron's acc, and (m, k), so that rounding acc * m / 2**k gives its codes."""
    assert layer.thresholds is not None
    if layer.max_code == 1:  # acc - t + 1 rounds to 1 or more from t on
        return 1 - layer.thresholds[:, 0].clip(bounds[0], bounds[1] + 1), (1, 0)
    if layer.max_code & (layer.max_code + 1):
        raise QsimError(f"layer {i} has codes up to {layer.max_code}, not all of some bits; {LOOK}")
    factor = dyadic_factor(layer.thresholds[0].tolist(), bounds) if layer.shared_thresholds else None
    if factor is None:
        raise QsimError(f"layer {i} has thresholds of no uniform staircase; {LOOK}")
    return np.zeros(layer.outputs, np.int64), factor


def dyadic_factor(thresholds: list[int], bounds: tuple[int, int]) -> tuple[int, int] | None:
    """The shortest (m, k) with round_half_even(acc * m / 2**k) >= j from the j-th threshold on, if any.

    That holds in float32, too: both are checked at every threshold within `bounds` and just below it.
    """
    reached = [(j, t) for j, t in enumerate(thresholds, 1) if bounds[0] < t <= bounds[1]]
    if not reached or reached[0][1] <= 0:
        return None
    low = max(Fraction(2 * j - 1, 2 * t) for j, t in reached)
    high = min((Fraction(2 * j - 1, 2 * (t - 1)) for j, t in reached if t > 1), default=None)
    acc = np.array([a for t in thresholds for a in (t - 1, t)], np.int64).clip(*bounds)
    wanted = np.searchsorted(thresholds, acc, side="right")
    for k in range(FINEST + 1):
        m = -int(-low * 2**k // 1)
        if high is not None and Fraction(m, 2**k) > high:
            continue
        for factor in (m, m + 1):  # a tie may round the wrong way at the end of the range
            exact = [min(max(round(Fraction(int(a) * factor, 2**k)), 0), len(thresholds)) for a in acc]
            floats = np.rint(acc.astype(np.float32) * np.float32(factor * 2.0**-k)).clip(0, len(thresholds))
            if np.array_equal(exact, wanted) and np.array_equal(floats, wanted):
                return factor, k
    return None
