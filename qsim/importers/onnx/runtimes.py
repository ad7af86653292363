"""Runtimes that a model can be held against, each by name: what they compute of a graph's tensors."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from ...errors import QsimError
from .graph import Graph
from .runtime import NodeRunner, session

Array = npt.NDArray[Any]


def nodes(graph: Graph, x: Array, wanted: Sequence[str]) -> dict[str, Array]:
    """Node after node, in onnxruntime and, for the nodes of QONNX, in numpy."""
    return NodeRunner(graph).run(x, wanted)


def whole_graph(graph: Graph, x: Array, wanted: Sequence[str], level: str = "all") -> dict[str, Array]:
    """The whole graph in onnxruntime at an optimisation level; `wanted` become outputs."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.proto)
    known = {o.name for o in model.graph.output}
    model.graph.output.extend(helper.make_empty_tensor_value_info(n) for n in wanted if n not in known)
    made = session(model, level)
    size = graph.shape[0] or len(x)
    parts = [made.run(list(wanted), {graph.input: x[i : i + size]}) for i in range(0, len(x), size)]
    return {name: np.concatenate([part[k] for part in parts]) for k, name in enumerate(wanted)}


def unoptimised(graph: Graph, x: Array, wanted: Sequence[str]) -> dict[str, Array]:
    """The whole graph in onnxruntime without optimisations."""
    return whole_graph(graph, x, wanted, "none")


def qonnx_executor(graph: Graph, x: Array, wanted: Sequence[str]) -> dict[str, Array]:
    """The qonnx package's own executor, as many images at a time as the file declares."""
    try:
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.core.onnx_exec import execute_onnx
        from qonnx.transformation.infer_shapes import InferShapes
    except ImportError as error:
        raise QsimError(f"the runtime qonnx needs {error.name}: pip install qonnx") from None
    size = graph.shape[0] or len(x)
    with warnings.catch_warnings(action="ignore"):  # on names of domains that it replaces
        model = ModelWrapper(graph.proto.SerializeToString()).transform(InferShapes())
        parts = [
            execute_onnx(model, {graph.input: x[i : i + size]}, return_full_exec_context=True)
            for i in range(0, len(x), size)
        ]
    return {name: np.concatenate([part[name] for part in parts]) for name in wanted}


RUNTIMES: dict[str, Callable[[Graph, Array, Sequence[str]], dict[str, Array]]] = {
    "nodes": nodes,
    "onnxruntime": whole_graph,
    "onnxruntime-unoptimised": unoptimised,
    "qonnx": qonnx_executor,
}
