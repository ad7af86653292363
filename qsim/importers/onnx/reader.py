"""From an ONNX graph to a reading: its nodes in order, each by its entry in one table.

Operations are those of QONNX, QDQ and QCDQ, and onnxruntime's integer operators; a file may mix them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import numpy as np
import onnx

from ...errors import QsimError
from ..stages import Reading
from . import elementwise, products, quantizers, shapes
from .constants import FOLDS, Constant, elements, fold
from .graph import Graph, Node, read
from .walk import Codes, Inputs, Trail, Walk, start

QONNX = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")
DOMAINS = ("", "ai.onnx", "com.microsoft", *QONNX)
NODES: dict[str, Callable[[Walk, Node, Inputs], None]] = {
    "MatMul": products.matmul,
    "Gemm": products.gemm,
    "MatMulInteger": products.matmul_integer,
    "QLinearMatMul": products.qlinear_matmul,
    "QGemm": products.qgemm,
    "Quant": quantizers.quant_node,
    "IntQuant": quantizers.quant_node,
    "BipolarQuant": quantizers.bipolar_quant,
    "MultiThreshold": quantizers.multi_threshold,
    "QuantizeLinear": quantizers.quantize_linear,
    "DequantizeLinear": quantizers.dequantize_linear,
    "QLinearAdd": quantizers.qlinear_add_node,
    "Add": elementwise.add,
    "Sub": elementwise.subtract,
    "Mul": elementwise.multiply,
    "Div": elementwise.divide,
    "Neg": elementwise.negate,
    "BatchNormalization": elementwise.batch_normalization,
    "Relu": elementwise.relu,
    "Clip": elementwise.clip,
    "Sigmoid": elementwise.sigmoid,
    "Tanh": elementwise.hyperbolic_tangent,
    "HardSigmoid": elementwise.hard_sigmoid,
    "Identity": shapes.identity,
    "Dropout": shapes.identity,
    "Flatten": shapes.flatten,
    "Reshape": shapes.reshape,
    "Squeeze": shapes.squeeze,
    "Unsqueeze": shapes.unsqueeze,
    "Transpose": shapes.transpose,
    "Cast": shapes.cast,
    "Softmax": shapes.softmax,
    "LogSoftmax": shapes.softmax,
    "ArgMax": shapes.arg_max,
    "TopK": shapes.top_k,
}
REPORTS = ("Softmax", "LogSoftmax", "ArgMax", "TopK", "Identity")  # may hang beside the way to the output
KEEP_TRAIL = ("MatMul", "Gemm", "MatMulInteger", "QLinearMatMul", "QGemm", "Identity", "Dropout")
AFTER_REPORTS = (*REPORTS, "Flatten", "Reshape", "Squeeze", "Unsqueeze")
HINTS = "qsim.layers"  # key of a file that qsim wrote, with what the graph does not tell


def read_onnx(
    source: str | PathLike[str] | onnx.ModelProto, codes: Codes | None = None, level: str = "all"
) -> tuple[Reading, Graph]:
    """Read a quantized multilayer perceptron.

    Parameters
    ----------
    source : path or onnx.ModelProto
    codes : Codes, optional
        How inputs are coded where the file does not quantize them.
    level : "all" or "none"
        Whether chains of QuantizeLinear and DequantizeLinear compute as onnxruntime's fused kernels do.

    Raises
    ------
    QsimError
        If anything in it is not supported; the sentence names the node.
    """
    graph = read(source)
    try:
        walk = start(graph, codes, level)
        for node in graph.nodes:
            _visit(walk, node)
        walk.finish()
        if walk.current not in (*graph.outputs, walk.reported):
            raise QsimError(
                f"the way from the input ends at {walk.current!r}; outputs are {list(graph.outputs)}"
            )
    except QsimError as error:
        raise QsimError(f"{graph.facts['file']}: {error}") from None
    assert walk.input is not None
    return Reading(walk.input, tuple(walk.stages), dict(graph.facts), walk.logits or walk.current), graph


def _visit(walk: Walk, node: Node) -> None:
    data = [name for name in node.inputs if name and name not in walk.constants]
    if node.op == "Shape" and data == [walk.current]:
        batch = walk.graph.shape[0] if len(walk.graph.shape) > 1 else 1
        shape = np.array([batch or 0, *walk.shape], np.int64)  # 0: Reshape keeps the dimension
        walk.constants[node.outputs[0]] = Constant(shape)
        return
    if not data:
        if node.op in FOLDS:
            constants = [walk.constants[name] for name in node.inputs if name]
            walk.spend(elements(node, constants), node.label)
            walk.constants[node.outputs[0]] = fold(node, constants)
        return
    if data != [walk.current]:
        _refuse_branch(walk, node, data)
        return
    if node.op not in NODES or node.domain not in DOMAINS:
        where = f" of domain {node.domain!r}" if node.domain not in DOMAINS else ""
        advice = shapes.ADVICE.get(node.op, f"is not supported; supported are {', '.join(NODES)}")
        raise QsimError(f"{node.label}{where} {advice}")
    if node.op in REPORTS and _ends(walk, node) and any(n in walk.graph.outputs for n in node.outputs):
        NODES[node.op](walk, node, _inputs(walk, node))
        walk.reported = walk.current
        return
    if walk.ended and node.op not in AFTER_REPORTS:
        raise QsimError(f"{node.label} follows {walk.ended}; nothing may follow that but the output")
    count = len(walk.trail)
    NODES[node.op](walk, node, _inputs(walk, node))
    if len(walk.trail) == count and node.op not in KEEP_TRAIL:
        walk.trail.append(Trail("other"))
    walk.current = node.outputs[0]


def _inputs(walk: Walk, node: Node) -> Inputs:
    return [walk.constants.get(name) if name else None for name in node.inputs]


def _ends(walk: Walk, node: Node) -> bool:
    """Whether no node takes in what this one makes."""
    return not any(name in other.inputs for other in walk.graph.nodes for name in node.outputs)


def _refuse_branch(walk: Walk, node: Node, data: list[str]) -> None:
    made = {name for other in walk.graph.nodes for name in other.outputs}
    unknown = [name for name in data if name in made and name != walk.current]
    raise QsimError(
        f"{node.label} takes in {', '.join(map(repr, unknown or data))} beside the way from the input to "
        f"{walk.current!r}; a chain of layers without branches is needed"
    )


def hints(metadata: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a file that qsim wrote says of its layers' storage; nothing for other files."""
    try:
        found = json.loads(metadata.get(HINTS, "[]"))
    except ValueError:
        return []
    keys = ("grid", "bits", "codes_per_unit", "activation", "preactivation_gain")
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        return []
    return [{k: entry[k] for k in keys if k in entry} for entry in found]
