"""What a runtime computes in float32: single nodes for probing, and whole graphs for comparison.

Standard nodes run in onnxruntime, one node a session, as the qonnx executor does it; the nodes of QONNX
follow its definitions in numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from ...errors import QsimError
from .constants import bipolar, quant
from .graph import Graph, Node

Array = npt.NDArray[Any]
IR_VERSION = 8
OLDEST_OPSET = 7  # that onnxruntime runs


@cache
def _onnxruntime() -> Any:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    return onnxruntime


def version() -> str:
    """The runtime that probes: its name and version."""
    return f"onnxruntime {_onnxruntime().__version__}"


def session(model: onnx.ModelProto, level: str = "all") -> Any:
    """An onnxruntime session of one thread at an optimisation level, `all` or `none`."""
    ort = _onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if level == "all" else levels.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no common base
        raise QsimError(f"onnxruntime cannot run it: {' '.join(str(error).split())[:200]}") from None


def single(node: Node, inputs: Sequence[Array | None], opset: int) -> Callable[[Array], Array]:
    """One standard node in onnxruntime, as a function of its data input; None stands for that input."""
    entries, initializers, names = [], [], []
    for i, value in enumerate(inputs):
        names.append(f"i{i}")
        if value is None:
            entries.append(helper.make_tensor_value_info(f"i{i}", onnx.TensorProto.FLOAT, None))
        else:
            initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), f"i{i}"))
    proto = helper.make_node(node.op, names, ["y"], domain=node.domain, **node.attributes)
    result = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([proto], "node", entries, [result], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", max(opset, OLDEST_OPSET))])
    model.ir_version = IR_VERSION
    made = session(model)

    def run(x: Array) -> Array:
        return np.asarray(made.run(None, {entries[0].name: np.ascontiguousarray(x, np.float32)})[0])

    return run


def multithreshold(node: Node, x: Array, thresholds: Array) -> Array:
    """`MultiThreshold` of x (N, channels, …) with thresholds (1 or channels, T), as qonnx computes it."""
    last = node.get("data_layout", "") in ("NHWC", "NWC")
    channels_last = x if last else np.moveaxis(x, 1, -1)
    count = (channels_last[..., None] >= thresholds).sum(axis=-1).astype(np.float32)
    back = count if last else np.moveaxis(count, -1, 1)
    scale, bias = np.float32(node.get("out_scale", 1.0)), np.float32(node.get("out_bias", 0.0))
    return (scale * back + bias).astype(np.float32)


CUSTOM: dict[str, Callable[[Node, Sequence[Array]], Array]] = {
    "Quant": lambda node, x: quant(node, x)[0],
    "IntQuant": lambda node, x: quant(node, x)[0],
    "BipolarQuant": lambda node, x: bipolar(x)[0],
    "MultiThreshold": lambda node, x: multithreshold(node, x[0], x[1]),
}


class NodeRunner:
    """Runs a graph node after node, as the qonnx executor does; standard nodes in onnxruntime.

    Parameters
    ----------
    graph : Graph
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.sessions: dict[tuple[Any, ...], Any] = {}

    def run(self, x: Array, wanted: Sequence[str], batch: int | None = None) -> dict[str, Array]:
        """Tensors by name for inputs x (N, …).

        Images go `batch` at a time, by default as many as the file declares: a float product may round
        its sums differently in another batch.
        """
        size = batch or self.graph.shape[0] or len(x)
        parts = [self._run(x[i : i + size], wanted) for i in range(0, len(x), size)]
        return {name: np.concatenate([part[name] for part in parts]) for name in wanted}

    def _run(self, x: Array, wanted: Sequence[str]) -> dict[str, Array]:
        values: dict[str, Array] = {**self.graph.constants, self.graph.input: x}
        for i, node in enumerate(self.graph.nodes):
            inputs = [values[name] for name in node.inputs if name]
            if node.op in CUSTOM:
                values[node.outputs[0]] = CUSTOM[node.op](node, inputs)
                continue
            results = self._session(i, node, inputs).run(None, {f"i{k}": v for k, v in enumerate(inputs)})
            values.update(zip((name for name in node.outputs if name), results, strict=True))
        return {name: values[name] for name in wanted}

    def _session(self, i: int, node: Node, inputs: Sequence[Array]) -> Any:
        """The session of one node for inputs of these types and numbers of dimensions."""
        key = (i, *((v.dtype, v.ndim) for v in inputs))
        if key not in self.sessions:
            self.sessions[key] = session(_standard(node, inputs, self.graph.opset))
        return self.sessions[key]


def _standard(node: Node, inputs: Sequence[Array], opset: int) -> onnx.ModelProto:
    """A model of one standard node."""
    names = [f"i{i}" for i in range(len(inputs))]
    used = iter(names)
    slots = [next(used) if name else "" for name in node.inputs]
    outputs = [name for name in node.outputs if name]
    entries = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), [None] * v.ndim)
        for n, v in zip(names, inputs, strict=True)
    ]
    proto = helper.make_node(node.op, slots, outputs, domain=node.domain, **_attributes(node))
    results = [helper.make_empty_tensor_value_info(name) for name in outputs]
    versions = [helper.make_opsetid("", max(opset, OLDEST_OPSET)), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(helper.make_graph([proto], "node", entries, results), opset_imports=versions)
    model.ir_version = IR_VERSION
    return model


def _attributes(node: Node) -> dict[str, Any]:
    """Attributes as `make_node` takes them."""
    return {
        k: numpy_helper.from_array(v) if isinstance(v, np.ndarray) else v for k, v in node.attributes.items()
    }
