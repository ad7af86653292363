"""ONNX networks for tests, built node by node, and where the files of others lie."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from conftest import missing
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"
Array = npt.NDArray[Any]


def handed(name: str) -> Path:
    """A file of the folder onnx/ beside the data sets; skips the test where it is missing."""
    folder = os.environ.get("QSIM_DATA")
    if not folder or not Path(folder, "onnx", name).is_file():
        missing(f"{name} was not found: QSIM_DATA must name a folder that holds onnx/{name}")
    return Path(folder, "onnx", name)


def needs(module: str) -> None:
    """Skip the test, or fail it under CI=true, where a package is not installed."""
    if importlib.util.find_spec(module) is None:
        missing(f"{module} is not installed")


class Net:
    """A chain of nodes that grows; `x` is the tensor at its end."""

    def __init__(
        self, *shape: int, batch: int | str = 1, opset: int = 13, kind: int = TensorProto.FLOAT
    ) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.entry = helper.make_tensor_value_info("x", kind, [batch, *shape])
        self.x = "x"
        self.opset = opset

    def const(self, value: Any, kind: Any = np.float32) -> str:
        """A constant's name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node's output, off the chain."""
        name = f"t{len(self.nodes)}"
        label = f"{op}_{len(self.nodes)}"
        made = helper.make_node(op, list(inputs), [name], name=label, domain=domain, **attributes)
        self.nodes.append(made)
        return name

    def then(self, op: str, *constants: Any, first: bool = False, domain: str = "", **attributes: Any) -> Net:
        """A node on the chain; constants that are no names become initialisers."""
        names = [c if isinstance(c, str) else self.const(c) for c in constants]
        order = [*names, self.x] if first else [self.x, *names]
        self.x = self.node(op, *order, domain=domain, **attributes)
        return self

    def quant(
        self, scale: Any, zero: Any = 0, bits: int = 4, of: str | None = None, **attributes: Any
    ) -> Net:
        """A `Quant` node on the chain, or of another tensor, whose name is then `self.made`."""
        facts = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", **attributes}
        names = [self.const(scale), self.const(zero), self.const(bits)]
        made = self.node("Quant", of or self.x, *names, domain=QONNX, **facts)
        if of is None:
            self.x = made
        self.made = made
        return self

    def weights(self, integers: Array, scale: Any = 1.0, bits: int = 4) -> str:
        """Weights (inputs, outputs) through a `Quant` of their own."""
        values = integers * np.asarray(scale, np.float32)
        self.quant(scale, 0, bits, of=self.const(values))
        return self.made

    def dense(self, integers: Array, scale: Any = 1.0, bits: int = 4) -> Net:
        """A MatMul with quantized weights (inputs, outputs)."""
        return self.then("MatMul", self.weights(integers, scale, bits))

    def model(self, *outputs: str, width: int | None = None) -> onnx.ModelProto:
        """The finished model; its output has a declared shape if a width is given."""
        results = [helper.make_empty_tensor_value_info(name) for name in outputs or (self.x,)]
        if width is not None:
            results = [helper.make_tensor_value_info(self.x, TensorProto.FLOAT, [1, width])]
        graph = helper.make_graph(self.nodes, "net", [self.entry], results, self.constants)
        versions = [helper.make_opsetid("", self.opset), helper.make_opsetid(QONNX, 1)]
        model = helper.make_model(graph, opset_imports=versions)
        model.ir_version = 8
        return model


def small_weights(rng: np.random.Generator, inputs: int, outputs: int, bits: int = 4) -> Array:
    """Random integers of `bits` bits, both ends of the range included."""
    half = 1 << bits - 1
    made = rng.integers(-half, half, (inputs, outputs))
    made.flat[0], made.flat[-1] = -half, half - 1
    return made


def mixed() -> onnx.ModelProto:
    """Signed inputs, neurons turned round, bipolar and shifted codes, uneven offsets of the logits."""
    rng = np.random.default_rng(0)
    net = Net(9).quant(0.25, 0, 3, narrow=1).dense(small_weights(rng, 9, 8), 0.25)
    net.then("BatchNormalization", rng.normal(0, 1, 8), rng.normal(0, 1, 8), np.zeros(8), np.ones(8))
    net.then("BipolarQuant", 0.5, domain=QONNX).dense(small_weights(rng, 8, 6), 0.5)
    net.then("Tanh").quant(0.125, 0, 4).dense(small_weights(rng, 6, 4), 0.5)
    return net.then("Add", [0.1, 0.7, -0.3, 0.2]).model()
