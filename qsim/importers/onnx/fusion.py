"""What onnxruntime makes of QuantizeLinear/DequantizeLinear chains when it optimises: integer kernels.

A float product between dequantizers and a quantizer becomes one integer product (QGemm, QLinearMatMul), a
sum between them QLinearAdd. A float bias of a Gemm there is rounded to a whole number of input scale times
weight scale, and a clamp that changes no code is left out. All of this rounds otherwise than the float nodes
that it replaces, so a model can equal only one of the two; `level` says which.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from ...errors import QsimError
from ..steps import Quantizer, Run, at
from .constants import Constant, Stored
from .graph import Node
from .runtime import IR_VERSION, session
from .walk import Inputs, Trail, Walk, affine

Array = npt.NDArray[Any]


def fuse(walk: Walk, node: Node, made: Quantizer, scale: Array, zero: Array) -> Quantizer:
    """The quantizer, computing as the fused kernel where onnxruntime would fuse it with what is before.

    Parameters
    ----------
    walk : Walk
        Its steps after the product may be changed.
    node : the `QuantizeLinear` node
    made : the quantizer that stands for the node alone
    scale : float32 array (1,) or (elements,)
    zero : array of the quantized type (1,)
    """
    trail = walk.trail
    if walk.level != "all" or scale.size != 1 or zero.size != 1:
        return made
    kinds = [t.kind for t in trail]
    clamps = _idle_clamps(trail, scale, zero)
    bare = kinds[: len(kinds) - clamps]
    if (
        bare in ([], ["bias"])
        and walk.product is not None
        and walk.data is not None
        and walk.weights is not None
    ):
        del walk.steps[len(walk.steps) - clamps :]
        return _product(walk, made, trail[0] if bare else None, scale, zero)
    if bare[-3:] == ["quantize", "dequantize", "add"]:
        ends = len(bare)
        return fused_sum(made, trail[ends - 2], trail[ends - 1], scale, zero)
    return made


def _idle_clamps(trail: list[Trail], scale: Array, zero: Array) -> int:
    """How many clamps end the trail, if together they reach as far as the quantizer's own codes; else 0."""
    count, low, high = 0, -math.inf, math.inf
    for t in reversed(trail):
        if t.kind != "clamp":
            break
        count, low, high = count + 1, max(low, t.limits[0]), min(high, t.limits[1])
    ends = np.iinfo(zero.dtype)
    codes = (np.rint(np.array([low, high]) / float(scale[0])) + float(zero[0])).clip(ends.min, ends.max)
    return count if codes.tolist() == [ends.min, ends.max] else 0


def rounded_bias(walk: Walk, node: Node, inputs: Inputs) -> Constant | None:
    """The bias of a `Gemm` as onnxruntime rounds it; None where it leaves it alone.

    It rounds where the data come from a dequantizer, the bias is a float constant, and a quantizer follows,
    directly or after clamps.

    Raises
    ------
    QsimError
        If it would quantize the weights anew, too.
    """
    bias = inputs[2] if len(inputs) > 2 else None
    data = walk.trail[-1] if walk.trail and walk.trail[-1].kind == "dequantize" else None
    if walk.level != "all" or data is None or data.scale.size != 1 or not _quantized_later(walk, node):
        return None
    weights = inputs[1]
    if weights is not None and weights.stored is None and weights.integers is None:
        raise QsimError(
            f"{node.label} has weights without a quantizer between quantized data, and onnxruntime would "
            "round them; a DequantizeLinear before them is needed, or level none"
        )
    if bias is None or bias.stored is not None or weights is None or weights.stored is None:
        return None
    unit = data.scale.astype(np.float32).reshape(1) * weights.stored.scale.astype(np.float32).reshape(-1)
    integers = np.rint(bias.value.astype(np.float32) / unit).astype(np.int64)
    stored = Stored(integers, unit, np.zeros(1, np.int32))
    return Constant((integers.astype(np.float32) * unit).astype(np.float32), stored=stored)


def _quantized_later(walk: Walk, node: Node) -> bool:
    """Whether a `QuantizeLinear` takes a node's output, after clamps at most."""
    name = node.outputs[0]
    while True:
        readers = [n for n in walk.graph.nodes if name in n.inputs]
        if len(readers) != 1 or name in walk.graph.outputs:
            return False
        if readers[0].op == "QuantizeLinear":
            return True
        if readers[0].op not in ("Relu", "Clip", "Identity", "Dropout"):
            return False
        name = readers[0].outputs[0]


def _product(walk: Walk, made: Quantizer, bias: Trail | None, scale: Array, zero: Array) -> Quantizer:
    """(acc + bias) * (a * b / y), rounded half to even, in float32."""
    assert walk.data is not None
    assert walk.weights is not None
    assert walk.product is not None
    a, b = walk.data.scale, walk.weights.scale.reshape(-1)
    step = a.astype(np.float64) * b.astype(np.float64)
    factor = (a * b / scale).astype(np.float32)
    whole = zero.astype(np.float32).reshape(1)
    low, high = np.iinfo(zero.dtype).min, np.iinfo(zero.dtype).max
    walk.product = replace(walk.product, integer=True)
    if bias is not None:
        integers = bias.integers.astype(np.float64)
        unit = [Fraction(float(a[0])) * Fraction(float(v)) for v in b]
        exact = [int(i) * at(unit, j) for j, i in enumerate(bias.integers)]
        walk.steps[0] = affine((Fraction(1),), exact, lambda x: x + integers * step)

    def run(x: Array) -> Array:
        acc = np.rint(x / step).astype(np.float32)
        return (np.rint(acc * factor) + whole).clip(low, high).astype(np.float32)

    return replace(made, run=run)


def fused_sum(made: Quantizer, data: Trail, added: Trail, scale: Array, zero: Array) -> Quantizer:
    """QLinearAdd of codes and constants, as onnxruntime's kernel computes it."""
    run = qlinear_add(data, added, scale, zero)
    constant = (added.integers - added.zero.astype(np.float64)) * added.scale.astype(np.float64)

    def from_reals(x: Array) -> Array:
        codes = np.rint((x - constant) / data.scale.astype(np.float64)) + data.zero.astype(np.float64)
        return run(codes)

    return replace(made, run=from_reals)


def qlinear_add(data: Trail, added: Trail, scale: Array, zero: Array) -> Run:
    """onnxruntime's QLinearAdd as a function of codes (rows, elements)."""
    kind = data.zero.dtype
    values = {
        "as": data.scale.reshape(()),
        "az": data.zero.reshape(()),
        "b": added.integers.astype(kind),
        "bs": added.scale.reshape(()),
        "bz": added.zero.reshape(()),
        "ys": scale.astype(np.float32).reshape(()),
        "yz": zero.reshape(()),
    }
    tensors = [numpy_helper.from_array(v.copy(), k) for k, v in values.items()]
    entry = helper.make_tensor_value_info("a", helper.np_dtype_to_tensor_dtype(kind), [None, None])
    result = helper.make_empty_tensor_value_info("y")
    proto = helper.make_node("QLinearAdd", ["a", *values], ["y"], domain="com.microsoft")
    graph = helper.make_graph([proto], "sum", [entry], [result], tensors)
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=versions)
    model.ir_version = IR_VERSION
    made: list[Any] = []  # the session, when it is first needed

    def run(codes: Array) -> Array:
        if not made:
            made.append(session(model))
        return np.asarray(made[0].run(None, {"a": codes.astype(kind)})[0]).astype(np.float32)

    return run
