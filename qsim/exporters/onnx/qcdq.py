"""QCDQ: `QuantizeLinear`, `Clip`, `DequantizeLinear` around float products, where activations are uniform.

A hidden code must be clip(round_half_even(acc / scale)) for a float32 scale. That is looked for and checked
at every threshold and just below it, in float32 as a runtime divides; where there is none, the layer is
refused.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import onnx
from onnx import TensorProto

from ...errors import QsimError
from ...model.layer import Layer
from ...model.model import Model
from .graph import FLOAT_EXACT, Graph

MAX_CODE = 255  # of uint8


def export(model: Model) -> onnx.ModelProto:
    """A model as QCDQ; output `logits`, float (N, outputs).

    Raises
    ------
    QsimError
        If thresholds are not uniform, or codes or sums too wide.
    """
    graph = Graph()
    form = model.input
    if form.bits > 8:
        raise QsimError(f"input codes of {form.bits} bits; style qcdq holds 8, style integer 16")
    kind = np.int8 if form.signed else np.uint8
    x = _coded(graph, "input", "codes", 1.0, (form.low, form.high), kind)
    for i, (layer, bounds) in enumerate(zip(model.layers, model.bounds, strict=True)):
        if max(-bounds[0], bounds[1] + 1) > FLOAT_EXACT:
            raise QsimError(
                f"layer {i} adds up to {max(-bounds[0], bounds[1])}; style qcdq holds sums below 2^24, "
                "styles integer and qonnx larger ones"
            )
        small = int(layer.weights.min()) >= -128 and int(layer.weights.max()) <= 127
        values = graph.constant(f"w{i}", layer.weights.T, np.int8 if small else np.int32)
        weights = graph.node("DequantizeLinear", [values, graph.scalar(f"w{i}_scale", 1)], f"weights{i}")
        product = graph.node("MatMul", [x, weights], f"product{i}")
        shift, scale = _staircase(layer, i, bounds)
        name = "logits" if layer.thresholds is None else f"acc{i}"
        acc = graph.node("Add", [product, graph.constant(f"b{i}", layer.bias + shift, np.float32)], name)
        if layer.thresholds is not None:
            x = _coded(graph, f"hidden{i}", acc, scale, (0, layer.max_code), np.uint8)
    outputs = [("logits", TensorProto.FLOAT, ["N", model.outputs])]
    return graph.finish(model, "qcdq", ("codes", TensorProto.FLOAT), outputs, 17)


def _coded(graph: Graph, name: str, x: str, scale: float, limits: tuple[int, int], kind: type) -> str:
    """Codes of x at a scale, and their values."""
    zero = graph.scalar(f"{name}_zero", 0, kind)
    codes = graph.node("QuantizeLinear", [x, graph.scalar(f"{name}_scale", scale), zero], f"{name}_codes")
    info = np.iinfo(kind)
    if limits != (info.min, info.max):
        ends = [graph.scalar(f"{name}_{k}", v, kind) for k, v in zip(("low", "high"), limits, strict=True)]
        codes = graph.node("Clip", [codes, *ends], f"{name}_clipped")
    return graph.node("DequantizeLinear", [codes, graph.scalar(f"{name}_unit", 1), zero], name)


def _staircase(layer: Layer, i: int, bounds: tuple[int, int]) -> tuple[np.ndarray, float]:
    """What to add to each neuron's acc, and the scale, so that rounding gives its codes."""
    zero = np.zeros(layer.outputs, np.int64)
    if layer.thresholds is None:
        return zero, 1.0
    if layer.max_code > MAX_CODE:
        raise QsimError(f"layer {i} has codes up to {layer.max_code}; style qcdq holds {MAX_CODE}")
    if layer.max_code == 1:  # acc - t + 1 rounds to 1 or more from t on
        return 1 - layer.thresholds[:, 0].clip(bounds[0], bounds[1] + 1), 1.0
    if layer.shared_thresholds:
        scale = uniform_scale(layer.thresholds[0].tolist(), bounds)
        if scale is not None:
            return zero, scale
    raise QsimError(
        f"layer {i} has thresholds of no uniform staircase; style qonnx or integer holds any thresholds"
    )


def uniform_scale(thresholds: list[int], bounds: tuple[int, int]) -> float | None:
    """A float32 scale with round_half_even(acc / scale) >= k from the k-th threshold on, if there is one."""
    low, high = Fraction(0), None
    for k, t in enumerate(thresholds, 1):
        half = Fraction(2 * k - 1, 2)
        if bounds[0] < t <= bounds[1]:
            low, upper = max(low, (t - 1) / half), t / half
            high = upper if high is None else min(high, upper)
    if high is None or high <= 0:
        return None
    middle = np.float32(float((low + high) / 2))
    tries = [middle, np.float32(float(high)), np.nextafter(middle, np.float32(math.inf))]
    for scale in tries:
        acc = np.array([a for t in thresholds for a in (t - 1, t)], np.int64).clip(*bounds)
        codes = np.rint(acc.astype(np.float32) / scale).clip(0, len(thresholds))
        if scale > 0 and np.array_equal(codes, np.searchsorted(thresholds, acc, side="right")):
            return float(scale)
    return None
