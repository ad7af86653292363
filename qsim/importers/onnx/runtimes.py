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
    """The whole graph in onnxruntime at an optimisation level.

    Outputs come from the graph as it is, other tensors from one in which they are outputs too. That stops
    onnxruntime from making an int8 tensor unsigned, which is what it does at level `all`: such tensors
    are left out.
    """
    outputs = [name for name in wanted if name in graph.outputs]
    inside = [name for name in wanted if name not in graph.outputs]
    found = _run(graph.proto, graph, x, outputs, level) if outputs else {}
    if inside:
        model = onnx.ModelProto()
        model.CopyFrom(graph.proto)
        model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in inside)
        tapped = _run(model, graph, x, inside, level)
        found |= {k: v for k, v in tapped.items() if level != "all" or v.dtype != np.int8}
    return found


def _run(
    model: onnx.ModelProto, graph: Graph, x: Array, names: Sequence[str], level: str
) -> dict[str, Array]:
    made = session(model, level)
    size = graph.shape[0] or len(x)
    try:
        parts = [made.run(list(names), {graph.input: x[i : i + size]}) for i in range(0, len(x), size)]
    except Exception as error:  # onnxruntime's own exceptions have no common base
        raise QsimError(f"onnxruntime cannot run it: {' '.join(str(error).split())[:200]}") from None
    return {name: np.concatenate([part[k] for part in parts]) for k, name in enumerate(names)}


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
