"""TFLite files built object by object: tensors, operators, and int8 networks of fully connected layers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

SHAPE = (24, 16, 12, 8)


class File:
    """A TFLite file of one subgraph, as it grows."""

    def __init__(self) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.schema = schema
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.buffers, self.model.subgraphs = 3, [schema.BufferT()], [self.graph]
        self.model.operatorCodes, self.graph.tensors, self.graph.operators = [], [], []

    def tensor(
        self, name: str, dims: Any, kind: str, scale: Any = None, zero: int = 0, data: Any = None
    ) -> int:
        made = self.schema.TensorT()
        made.name, made.shape = name, list(dims)
        made.type = getattr(self.schema.TensorType, kind)
        if scale is not None:
            own = self.schema.QuantizationParametersT()
            own.scale = [float(s) for s in np.atleast_1d(scale)]
            own.zeroPoint = [zero] * len(own.scale)
            made.quantization = own
        if data is not None:
            held = self.schema.BufferT()
            held.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(held)
            made.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def operator(self, kind: str, inputs: list[int], output: int, version: int = 1, **options: Any) -> int:
        """An operator; options are those of the schema's table for it, if it has any. Gives its output."""
        code, operator = self.schema.OperatorCodeT(), self.schema.OperatorT()
        code.builtinCode = getattr(self.schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        self.model.operatorCodes.append(code)
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        name = "".join(part.capitalize() for part in kind.split("_")) + "Options"
        if hasattr(self.schema, f"{name}T"):
            operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, name)
            operator.builtinOptions = getattr(self.schema, f"{name}T")()
            for key, value in options.items():
                setattr(operator.builtinOptions, key, value)
        self.graph.operators.append(operator)
        return output

    def content(self, entry: int, output: int) -> bytes:
        import flatbuffers

        self.graph.inputs, self.graph.outputs = [entry], [output]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def network(
    shape: tuple[int, ...] = SHAPE, per_channel: bool = False, relu: bool = True, seed: int = 0
) -> bytes:
    """A random network; hidden layers have a fused ReLU if asked for."""
    rng = np.random.default_rng(seed)
    file = File()
    scale, zero = 0.05, -3
    entry = current = file.tensor("x", (1, shape[0]), "INT8", scale, zero)
    for i, (n, m) in enumerate(pairwise(shape)):
        last = i == len(shape) - 2
        own = rng.uniform(0.002, 0.01, m if per_channel else 1).astype(np.float32)
        weights = rng.integers(-127, 128, (m, n)).astype(np.int8)
        bias = rng.integers(-2000, 2000, m).astype(np.int32)
        after = float(np.float32(scale * own.mean() * 60 * np.sqrt(n)))
        names = [
            current,
            file.tensor(f"w{i}", (m, n), "INT8", own, 0, weights),
            file.tensor(f"b{i}", (m,), "INT32", np.float32(scale) * own, 0, bias),
        ]
        zero = -128 if relu and not last else 7
        made = file.tensor(f"y{i}", (1, m), "INT8", after, zero)
        fused = int(relu and not last)
        current = file.operator("FULLY_CONNECTED", names, made, 4, fusedActivationFunction=fused)
        scale = after
    return file.content(entry, current)


def dense(
    file: File, entry: int, kind: str = "INT8", zero: int = 5, outputs: int = 6, seed: int = 0, fused: int = 0
) -> int:
    """A random layer at the end of a file; gives its result."""
    rng, tensor = np.random.default_rng(seed), file.graph.tensors[entry]
    inputs = int(np.prod(tensor.shape))
    weights = rng.integers(-127, 128, (outputs, inputs)).astype(np.int8)
    bias = rng.integers(-500, 500, outputs).astype(np.int32)
    names = [
        entry,
        file.tensor(f"w{entry}", weights.shape, "INT8", 0.01, 0, weights),
        file.tensor(f"b{entry}", (outputs,), "INT32", 0.0005, 0, bias),
    ]
    made = file.tensor(f"y{entry}", (1, outputs), kind, 0.08, zero)
    return file.operator("FULLY_CONNECTED", names, made, 4, fusedActivationFunction=fused)
