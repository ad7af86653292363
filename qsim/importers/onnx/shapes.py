"""Operations that move data or only report it, and those that are refused with advice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx

from ...errors import QsimError
from .graph import Node
from .walk import Inputs, Walk, affine, constant


def identity(walk: Walk, node: Node, inputs: Inputs) -> None:
    """The data as they are: Identity, and Dropout, which does nothing after training."""


def flatten(walk: Walk, node: Node, inputs: Inputs) -> None:
    """All values of an image in a row."""
    if node.get("axis", 1) not in (1, -len(walk.shape)):
        raise QsimError(
            f"{node.label} flattens from axis {node.get('axis', 1)}; 1 is needed: an image stays a row"
        )
    walk.shape = (walk.elements,)


def reshape(walk: Walk, node: Node, inputs: Inputs) -> None:
    """Another shape of each image; images stay apart."""
    target = [int(d) for d in constant(node, inputs, 1, "a shape").reshape(-1)]
    batch, rest = (target[0], target[1:]) if target else (1, [])
    rest = [walk.shape[i] if d == 0 and i < len(walk.shape) else d for i, d in enumerate(rest)]
    known = math.prod(d for d in rest if d != -1)
    declared = walk.graph.shape[0] if len(walk.graph.shape) > 1 else 1
    if rest.count(-1) == 1 and known > 0 and walk.elements % known == 0:
        rest = [walk.elements // known if d == -1 else d for d in rest]
    keeps = batch in (0, -1) or batch == (declared or 1)
    if not keeps or math.prod(rest) != walk.elements or any(d < 1 for d in rest) or target.count(-1) > 1:
        raise QsimError(
            f"{node.label} makes {target} of images of shape {walk.shape}; (images, …) must stay apart"
        )
    walk.shape = tuple(rest)


def squeeze(walk: Walk, node: Node, inputs: Inputs) -> None:
    """Without dimensions of 1; the batch stays."""
    rank = len(walk.shape) + 1
    axes = {a % rank for a in _axes(node, inputs)}
    if 0 in axes or any(walk.shape[a - 1] != 1 for a in axes):
        raise QsimError(f"{node.label} drops axes {sorted(axes)} of data of shape (images, {walk.shape})")
    walk.shape = tuple(d for a, d in enumerate(walk.shape, 1) if (a not in axes if axes else d != 1))


def unsqueeze(walk: Walk, node: Node, inputs: Inputs) -> None:
    """With dimensions of 1; the batch stays in front."""
    axes = _axes(node, inputs)
    rank = len(walk.shape) + 1 + len(axes)
    places = {a % rank for a in axes}
    if 0 in places:
        raise QsimError(f"{node.label} puts a dimension before the images; it must stay behind them")
    old = iter(walk.shape)
    walk.shape = tuple(1 if a in places else next(old) for a in range(1, rank))


def _axes(node: Node, inputs: Inputs) -> list[int]:
    if len(node.inputs) > 1 and node.inputs[1]:
        return [int(a) for a in constant(node, inputs, 1, "axes").reshape(-1)]
    return [int(a) for a in node.get("axes", [])]


def transpose(walk: Walk, node: Node, inputs: Inputs) -> None:
    """Other places of an image's values: the next weights move with them."""
    perm = list(node.get("perm", range(len(walk.shape), -1, -1)))
    if sorted(perm) != list(range(len(walk.shape) + 1)) or perm[0] != 0:
        raise QsimError(
            f"{node.label} permutes axes {perm}; images must stay the first of {len(walk.shape) + 1}"
        )
    order = np.arange(walk.elements) if walk.order is None else walk.order
    axes = [p - 1 for p in perm[1:]]
    walk.order = np.ascontiguousarray(order.reshape(walk.shape).transpose(axes)).reshape(-1)
    walk.shape = tuple(walk.shape[a] for a in axes)


def cast(walk: Walk, node: Node, inputs: Inputs) -> None:
    """Floats of integers, or doubles of floats; no other change of type."""
    to = int(node.get("to", 1))
    if to not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        kind = onnx.TensorProto.DataType.Name(to) if to in onnx.TensorProto.DataType.values() else to
        raise QsimError(f"{node.label} makes {kind} of the data; FLOAT or DOUBLE is allowed")
    one, zero = _unit()
    walk.double = to == onnx.TensorProto.DOUBLE
    kind = np.float64 if walk.double else np.float32
    walk.steps.append(affine(one, zero, lambda x: x.astype(kind)))


def _unit() -> Any:
    from fractions import Fraction

    return (Fraction(1),), (Fraction(0),)


def softmax(walk: Walk, node: Node, inputs: Inputs) -> None:
    """Probabilities: the classes stay."""
    _reports(walk, node, node.get("axis", -1))


def arg_max(walk: Walk, node: Node, inputs: Inputs) -> None:
    """The class; the lowest index on a tie."""
    _reports(walk, node, node.get("axis", 0))
    if node.get("select_last_index", 0):
        raise QsimError(
            f"{node.label} takes the last of equal logits; the first is needed (select_last_index 0)"
        )


def top_k(walk: Walk, node: Node, inputs: Inputs) -> None:
    """The largest logits."""
    _reports(walk, node, node.get("axis", -1))
    if not node.get("largest", 1):
        raise QsimError(f"{node.label} takes the smallest logits; the largest are needed")


def _reports(walk: Walk, node: Node, axis: int) -> None:
    if axis not in (-1, len(walk.shape)):
        raise QsimError(f"{node.label} works along axis {axis}; the last is needed: an image's logits")
    walk.logits = walk.logits or walk.current
    walk.ended = walk.ended or node.label


ADVICE = {
    **dict.fromkeys(
        ("Conv", "ConvTranspose", "QLinearConv", "ConvInteger"),
        "is a convolution; only fully connected layers are supported: unroll it into a matrix "
        "(one row for each place and channel) or train a multilayer perceptron",
    ),
    **dict.fromkeys(
        ("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean"),
        "pools; only fully connected layers are supported",
    ),
    **dict.fromkeys(
        ("LSTM", "GRU", "RNN", "Loop", "Scan", "If"), "has a state or a branch; a chain of layers is needed"
    ),
    **dict.fromkeys(
        ("LeakyRelu", "PRelu", "Elu", "Selu", "Gelu", "Softplus", "Swish", "Mish", "HardSwish"),
        "is an activation without thresholds here; Relu, Clip, Sigmoid, Tanh or HardSigmoid is allowed",
    ),
    "Trunc": "truncates an integer; a Quant of the wanted width in its place is allowed",
    "DynamicQuantizeLinear": "finds its scale from the data; a constant one is needed (static quantization)",
    "FloatQuant": "quantizes to small floats; integers (Quant, BipolarQuant, QuantizeLinear) are allowed",
}
