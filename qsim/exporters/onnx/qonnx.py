"""QONNX: `Quant` and `BipolarQuant` for weights, `MultiThreshold` for hidden codes, in floats that are exact.

The input is the code as a number, one image at a time as those tools take it. Float32 holds every sum
below 2**24; a layer whose sums can grow larger computes in double.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from ...model.layer import Layer
from ...model.model import Model
from .graph import FLOAT_EXACT, QONNX, Array, Graph, reachable


def export(model: Model) -> onnx.ModelProto:
    """A model as QONNX; output `logits`, float (N, outputs)."""
    graph = Graph()
    form = model.input
    bits = 2 if form.signed and form.bits == 1 else form.bits  # one signed bit would be bipolar
    x = graph.node(
        "Quant",
        ["codes", graph.scalar("one", 1), graph.scalar("zero", 0), graph.scalar("input_bits", bits)],
        "input",
        QONNX,
        signed=int(form.signed),
        narrow=0,
        rounding_mode="ROUND",
    )
    wide = False
    for i, (layer, bounds) in enumerate(zip(model.layers, model.bounds, strict=True)):
        wide = wide or max(-bounds[0], bounds[1] + 1) > FLOAT_EXACT
        kind = np.float64 if wide else np.float32
        weights = _weights(graph, layer, i)
        if wide:
            x = graph.node("Cast", [x], f"wide_x{i}", to=TensorProto.DOUBLE)
            weights = graph.node("Cast", [weights], f"wide_w{i}", to=TensorProto.DOUBLE)
        product = graph.node("MatMul", [x, weights], f"product{i}")
        last = layer.thresholds is None
        total = graph.node(
            "Add", [product, graph.constant(f"b{i}", layer.bias, kind)], "sums" if last else f"acc{i}"
        )
        if layer.thresholds is not None:
            rows = _rows(layer, bounds)
            facts = {"out_dtype": _data_type(layer.max_code), "out_scale": 1.0, "out_bias": 0.0}
            names = [total, graph.constant(f"t{i}", rows, kind)]
            x = graph.node("MultiThreshold", names, f"hidden{i}", QONNX, data_layout="NC", **facts)
    graph.node("Identity", ["sums"], "logits")
    kind_out = TensorProto.DOUBLE if wide else TensorProto.FLOAT
    outputs = [("logits", kind_out, [1, model.outputs])]
    return graph.finish(model, "qonnx", ("codes", TensorProto.FLOAT), outputs, 13, batch=1)


def _weights(graph: Graph, layer: Layer, i: int) -> str:
    """Weights (inputs, outputs) through their quantizer."""
    values = graph.constant(f"w{i}", layer.weights.T, np.float32)
    one = graph.scalar(f"w{i}_scale", 1)
    if (np.abs(layer.weights) == 1).all():
        return graph.node("BipolarQuant", [values, one], f"weights{i}", QONNX)
    bits = max(2, layer.bits + (layer.grid == "odd"))  # odd integers take one bit more than their codes
    names = [values, one, graph.scalar(f"w{i}_zero", 0), graph.scalar(f"w{i}_bits", bits)]
    return graph.node("Quant", names, f"weights{i}", QONNX, signed=1, narrow=0, rounding_mode="ROUND")


def _rows(layer: Layer, bounds: tuple[int, int]) -> Array:
    """One row of thresholds for all neurons, or one each; within reach if floats could not hold them."""
    assert layer.thresholds is not None
    rows = layer.thresholds[:1] if layer.shared_thresholds else layer.thresholds
    return rows if np.abs(rows).max() <= FLOAT_EXACT else reachable(rows, bounds)


def _data_type(max_code: int) -> str:
    return "BINARY" if max_code == 1 else f"UINT{max(2, max_code.bit_length())}"
