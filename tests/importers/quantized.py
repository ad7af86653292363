"""Networks that onnxruntime's own quantizer makes: trained nowhere, calibrated on random data."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPE = (64, 48, 24, 10)
KINDS: dict[str, tuple[str, str, str, bool]] = {  # format, activations, weights, per channel
    "QOperator u8u8": ("QOperator", "QUInt8", "QUInt8", False),
    "QOperator u8s8 per channel": ("QOperator", "QUInt8", "QInt8", True),
    "QDQ u8s8": ("QDQ", "QUInt8", "QInt8", False),
    "QDQ s8s8 per channel": ("QDQ", "QInt8", "QInt8", True),
}


def inputs(images: int, seed: int = 1) -> Any:
    """Real inputs, a third of them zero."""
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 1, (images, SHAPE[0])) * (rng.random((images, SHAPE[0])) < 0.7)).astype(np.float32)


def floats(gemm: bool = True) -> onnx.ModelProto:
    """A multilayer perceptron in floats, of Gemm nodes or of MatMul and Add."""
    rng = np.random.default_rng(0)
    nodes, constants, x = [], [], "x"
    for i, (n, m) in enumerate(pairwise(SHAPE)):
        constants += [
            numpy_helper.from_array(rng.normal(0, n**-0.5, (n, m)).astype(np.float32), f"w{i}"),
            numpy_helper.from_array(rng.normal(0, 0.3, m).astype(np.float32), f"b{i}"),
        ]
        if gemm:
            nodes.append(helper.make_node("Gemm", [x, f"w{i}", f"b{i}"], [f"z{i}"], name=f"Gemm_{i}"))
        else:
            nodes.append(helper.make_node("MatMul", [x, f"w{i}"], [f"m{i}"], name=f"MatMul_{i}"))
            nodes.append(helper.make_node("Add", [f"m{i}", f"b{i}"], [f"z{i}"], name=f"Add_{i}"))
        x = f"z{i}"
        if i < len(SHAPE) - 2:
            nodes.append(helper.make_node("Relu", [x], [f"r{i}"], name=f"Relu_{i}"))
            x = f"r{i}"
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", SHAPE[0]])
    result = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["N", SHAPE[-1]])
    graph = helper.make_graph(nodes, "mlp", [entry], [result], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def quantized(kind: str, folder: Path, gemm: bool = True) -> onnx.ModelProto:
    """The network as `onnxruntime.quantization.quantize_static` makes it."""
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rows: Iterator[Any] = iter(inputs(64, 2))

        def get_next(self) -> Any:
            row = next(self.rows, None)
            return None if row is None else {"x": row[None]}

    logging.disable(logging.WARNING)
    form, activations, weights, per_channel = KINDS[kind]
    before, after = folder / "float.onnx", folder / "quantized.onnx"
    onnx.save(floats(gemm), before)
    quantization.quantize_static(
        before,
        after,
        Reader(),
        quant_format=quantization.QuantFormat[form],
        activation_type=quantization.QuantType[activations],
        weight_type=quantization.QuantType[weights],
        per_channel=per_channel,
    )
    logging.disable(logging.NOTSET)
    return onnx.load(after)
