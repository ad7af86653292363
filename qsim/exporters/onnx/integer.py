"""Plain ONNX in integers: `MatMulInteger` of 7-bit digits of the weights, then a binary search for each code.

Digits of 7 bits keep pairs of products below 2**15, where some processors' kernels would saturate. Inputs
or codes of more than 8 bits take an integer `MatMul` instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from ...model.layer import Layer
from ...model.model import Model
from .graph import Array, Graph, reachable

DIGIT_BITS = 7


def export(model: Model) -> onnx.ModelProto:
    """A model in integers; outputs `logits` (N, outputs), `class` (N,) and each layer's `hidden…`."""
    graph = Graph()
    wide = max(max(-low, high) for low, high in model.bounds) >= 1 << 30
    kind = np.int64 if wide else np.int32
    number = TensorProto.INT64 if wide else TensorProto.INT32
    entry: int = helper.np_dtype_to_tensor_dtype(model.input.dtype)
    x = "codes"
    outputs: list[tuple[str, int, tuple[Any, ...]]] = []
    for i, (layer, bounds) in enumerate(zip(model.layers, model.bounds, strict=True)):
        low, high = model.code_range(i)
        small = low >= -128 and high <= (127 if low < 0 else 255)
        product = _digits(graph, layer, i, x, kind) if small else _plain(graph, layer, i, x, kind)
        last = layer.thresholds is None
        name = "logits" if last else f"acc{i}"
        acc = graph.node("Add", [product, graph.constant(f"b{i}", layer.bias, kind)], name)
        if layer.thresholds is not None:
            found = _search(graph, layer, i, acc, bounds, kind)
            code = TensorProto.UINT8 if layer.max_code < 256 else TensorProto.UINT16
            x = graph.node("Cast", [found], f"hidden{i}", to=code)
            outputs.append((x, code, ("N", layer.outputs)))
    _class(graph, model, kind)
    results = [("logits", number, ("N", model.outputs)), ("class", TensorProto.INT64, ("N",)), *outputs]
    return graph.finish(model, "integer", ("codes", entry), results, 17)


def _digits(graph: Graph, layer: Layer, i: int, x: str, kind: type) -> str:
    """The sum of digit times power products, each in 8 bits."""
    rest: Array = layer.weights.T.copy()
    total, k = "", 0
    while k == 0 or rest.any():
        half = 1 << DIGIT_BITS - 1
        digit = ((rest + half) & (2 * half - 1)) - half
        rest = (rest - digit) >> DIGIT_BITS
        part = graph.node("MatMulInteger", [x, graph.constant(f"w{i}_{k}", digit, np.int8)], f"part{i}_{k}")
        if kind is np.int64:
            part = graph.node("Cast", [part], f"long{i}_{k}", to=TensorProto.INT64)
        if k:
            power = graph.scalar(f"power{i}_{k}", 1 << DIGIT_BITS * k, kind)
            scaled = graph.node("Mul", [part, power], f"scaled{i}_{k}")
            part = graph.node("Add", [total, scaled], f"sum{i}_{k}")
        total, k = part, k + 1
    return total


def _plain(graph: Graph, layer: Layer, i: int, x: str, kind: type) -> str:
    number = TensorProto.INT64 if kind is np.int64 else TensorProto.INT32
    wide = graph.node("Cast", [x], f"wide{i}", to=number)
    return graph.node("MatMul", [wide, graph.constant(f"w{i}", layer.weights.T, kind)], f"product{i}")


def _search(graph: Graph, layer: Layer, i: int, acc: str, bounds: tuple[int, int], kind: type) -> str:
    """How many thresholds are <= acc, by a binary search in a table of 2**k entries a row."""
    assert layer.thresholds is not None
    rows = reachable(layer.thresholds[:1] if layer.shared_thresholds else layer.thresholds, bounds)
    steps = layer.max_code.bit_length()
    table = np.full((len(rows), 1 << steps), bounds[1] + 1, np.int64)
    table[:, 1 : layer.max_code + 1] = rows  # entry c: from where on the code is c or more
    flat = graph.constant(f"t{i}", table.reshape(-1), kind)
    base = graph.constant(f"row{i}", (np.arange(len(rows)) << steps)[None], kind)
    position = graph.node("Mul", [acc, graph.scalar(f"none{i}", 0, kind)], f"start{i}")
    for b in range(steps - 1, -1, -1):
        further = graph.node("Add", [position, graph.scalar(f"step{i}_{b}", 1 << b, kind)], f"try{i}_{b}")
        place = graph.node("Add", [further, base], f"place{i}_{b}")
        threshold = graph.node("Gather", [flat, place], f"threshold{i}_{b}")
        passes = graph.node("GreaterOrEqual", [acc, threshold], f"passes{i}_{b}")
        position = graph.node("Where", [passes, further, position], f"position{i}_{b}")
    return position


def _class(graph: Graph, model: Model, kind: type) -> None:
    """The index of the largest logit, the lowest on a tie; with one output, whether it is >= 0."""
    if model.outputs > 1:
        graph.node("ArgMax", ["logits"], "class", axis=1, keepdims=0, select_last_index=0)
        return
    flag = graph.node("GreaterOrEqual", ["logits", graph.scalar("nought", 0, kind)], "positive")
    number = graph.node("Cast", [flag], "column", to=TensorProto.INT64)
    graph.node("Squeeze", [number, graph.constant("axis", [1], np.int64)], "class")
