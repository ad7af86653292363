"""Int8 networks of fully connected layers as TFLite files, built object by object."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

SHAPE = (24, 16, 12, 8)


def network(
    shape: tuple[int, ...] = SHAPE, per_channel: bool = False, relu: bool = True, seed: int = 0
) -> bytes:
    """A random network; hidden layers have a fused ReLU if asked for."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    rng = np.random.default_rng(seed)
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, model.subgraphs = 3, [schema.BufferT()], [graph]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 4
    model.operatorCodes, graph.tensors, graph.operators = [code], [], []

    def tensor(name: str, dims: Any, kind: int, scale: Any, zero: int, data: Any = None) -> int:
        made, own = schema.TensorT(), schema.QuantizationParametersT()
        made.name, made.shape, made.type = name, list(dims), kind
        own.scale = [float(s) for s in np.atleast_1d(scale)]
        own.zeroPoint = [zero] * len(own.scale)
        made.quantization = own
        if data is not None:
            held = schema.BufferT()
            held.data = np.frombuffer(data.tobytes(), np.uint8)
            model.buffers.append(held)
            made.buffer = len(model.buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    kinds = schema.TensorType
    scale, zero = 0.05, -3
    current = tensor("x", (1, shape[0]), kinds.INT8, scale, zero)
    graph.inputs = [current]
    for i, (n, m) in enumerate(pairwise(shape)):
        last = i == len(shape) - 2
        own = rng.uniform(0.002, 0.01, m if per_channel else 1).astype(np.float32)
        weights = rng.integers(-127, 128, (m, n)).astype(np.int8)
        bias = rng.integers(-2000, 2000, m).astype(np.int32)
        after = float(np.float32(scale * own.mean() * 60 * np.sqrt(n)))
        names = [
            current,
            tensor(f"w{i}", (m, n), kinds.INT8, own, 0, weights),
            tensor(f"b{i}", (m,), kinds.INT32, np.float32(scale) * own, 0, bias),
        ]
        zero = -128 if relu and not last else 7
        current, scale = tensor(f"y{i}", (1, m), kinds.INT8, after, zero), after
        operator, options = schema.OperatorT(), schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = int(relu and not last)
        operator.inputs, operator.outputs = names, [current]
        operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        operator.builtinOptions = options
        graph.operators.append(operator)
    graph.outputs = [current]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
