"""Matrix products: float `MatMul` and `Gemm` of quantized weights, and those that runtimes do in integers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import QsimError
from ..stages import Stage
from ..steps import Quantizer
from . import fusion
from .constants import Constant, Stored, on_grid
from .graph import Node
from .quantizers import integer_quantizer, integer_range
from .walk import Inputs, Trail, Walk, affine, constant, fractions

Array = npt.NDArray[Any]
ONE, ZERO = (Fraction(1),), (Fraction(0),)


def _weights(node: Node, inputs: Inputs, i: int) -> Constant:
    found = inputs[i]
    if found is None or inputs[0] is not None:
        raise QsimError(
            f"{node.label} multiplies data by data, or constants by data; data times constants are needed"
        )
    return found


def matmul(walk: Walk, node: Node, inputs: Inputs) -> None:
    """x @ w."""
    integers, unit = on_grid(_weights(node, inputs, 1), node.label)
    walk.begin(Stage(node.label, integers.T, unit, ()))
    walk.weights = _weights(node, inputs, 1).stored


def gemm(walk: Walk, node: Node, inputs: Inputs) -> None:
    """alpha * x @ w + beta * c."""
    weights = _weights(node, inputs, 1)
    if node.get("transA", 0):
        raise QsimError(f"{node.label} transposes its data; transA 0 is needed")
    if node.get("transB", 0):
        weights = replace(weights.map(np.transpose), stored=weights.stored)
    integers, unit = on_grid(weights, node.label)
    alpha, beta = (Fraction(float(node.get(name, 1.0))) for name in ("alpha", "beta"))
    if not alpha:
        raise QsimError(f"{node.label} has alpha 0; another number is needed")
    rounded = fusion.rounded_bias(walk, node, inputs)
    walk.begin(Stage(node.label, integers.T, tuple(u * alpha for u in unit), ()))
    walk.weights = weights.stored if alpha == beta == 1 else None
    if len(inputs) > 2 and node.inputs[2]:
        inputs = inputs if rounded is None else [*inputs[:2], rounded]
        bias = constant(node, inputs, 2, "a bias").astype(np.float32)
        c = walk.spread(bias * np.float32(beta), f"{node.label}'s bias")
        exact = [b * beta for b in fractions(walk.spread(bias, f"{node.label}'s bias"))]
        walk.steps.append(affine(ONE, exact, lambda x: x + c.astype(x.dtype)))
        own = inputs[2].stored if inputs[2] is not None else None
        walk.trail.append(Trail("bias" if own is not None else "other", integers=_integers(own)))


def _integers(stored: Stored | None) -> Array:
    return np.zeros(0) if stored is None else stored.integers


def _integer_weights(node: Node, weights: Array, zero: Array | None) -> Array:
    """Integers (inputs, outputs) less their zero point, one for all or one an output."""
    if weights.ndim != 2 or weights.dtype.kind not in "iu":
        raise QsimError(
            f"{node.label} has {weights.dtype} weights of shape {weights.shape}; integers are needed"
        )
    integers = weights.astype(np.int64)
    return integers if zero is None else integers - zero.astype(np.int64).reshape(1, -1)


def _take_off(walk: Walk, node: Node, zero: Array | None) -> None:
    """Take the zero point off the data."""
    if zero is None or not zero.any():
        return
    if zero.size != 1:
        raise QsimError(f"{node.label} has {zero.size} zero points of its data; one is needed")
    z = zero.astype(np.float32).reshape(1)
    walk.steps.append(affine(ONE, [-f for f in fractions(z)], lambda x: x - z))


def _optional(node: Node, inputs: Inputs, i: int, what: str) -> Array | None:
    return constant(node, inputs, i, what) if i < len(node.inputs) and node.inputs[i] else None


def matmul_integer(walk: Walk, node: Node, inputs: Inputs) -> None:
    """(x - zero) @ (w - zero) in 32-bit integers."""
    zero = _optional(node, inputs, 3, "a zero point of weights")
    integers = _integer_weights(node, _weights(node, inputs, 1).value, zero)
    _take_off(walk, node, _optional(node, inputs, 2, "a zero point of data"))
    walk.begin(Stage(node.label, integers.T, ONE, (), integer=True))


def qlinear_matmul(walk: Walk, node: Node, inputs: Inputs) -> None:
    """The product of quantized data and weights, quantized again."""
    a_scale, a_zero = (constant(node, inputs, i, "a parameter") for i in (1, 2))
    b = _weights(node, inputs, 3).value
    b_scale, b_zero, y_scale, y_zero = (constant(node, inputs, i, "a parameter") for i in (4, 5, 6, 7))
    integers = _integer_weights(node, b, b_zero)
    _take_off(walk, node, a_zero)
    walk.begin(Stage(node.label, integers.T, ONE, (), integer=True))
    walk.steps.append(_requantizer(walk, node, (a_scale, b_scale, y_scale), y_zero))


def qgemm(walk: Walk, node: Node, inputs: Inputs) -> None:
    """onnxruntime's `QGemm`: product and 32-bit bias in integers, then quantized again or made real."""
    if node.get("transA", 0) or node.get("alpha", 1.0) != 1.0:
        raise QsimError(f"{node.label} has transA or alpha; transA 0 and alpha 1 are needed")
    a_scale, a_zero = (constant(node, inputs, i, "a parameter") for i in (1, 2))
    b = _weights(node, inputs, 3).value
    b_scale, b_zero = (constant(node, inputs, i, "a parameter") for i in (4, 5))
    integers = _integer_weights(node, b.T if node.get("transB", 0) else b, b_zero)
    _take_off(walk, node, a_zero)
    walk.begin(Stage(node.label, integers.T, ONE, (), integer=True))
    bias = _optional(node, inputs, 6, "a bias")
    if bias is not None:
        c = walk.spread(bias, f"{node.label}'s bias")
        walk.steps.append(affine(ONE, fractions(c), lambda x: x + c.astype(x.dtype)))
    y_scale = _optional(node, inputs, 7, "a scale")
    if y_scale is not None:
        y_zero = _optional(node, inputs, 8, "a zero point")
        zero = np.zeros(1, np.uint8) if y_zero is None else y_zero
        walk.steps.append(_requantizer(walk, node, (a_scale, b_scale, y_scale), zero))
        return
    factor = (a_scale.astype(np.float32) * b_scale.astype(np.float32)).reshape(-1)
    walk.steps.append(affine(fractions(factor), ZERO, lambda x: x.astype(np.float32) * factor))


def _requantizer(walk: Walk, node: Node, scales: tuple[Array, Array, Array], zero: Array) -> Quantizer:
    """clip(round_half_even(acc * scale) + zero), scale = a * b / y in float32 as onnxruntime's kernels do."""
    a, b, y = (walk.spread(s.astype(np.float32).reshape(-1), f"{node.label}'s scale") for s in scales)
    if len(a) > 1 or len(y) > 1:
        raise QsimError(f"{node.label} has a scale of data for each neuron; one for all is needed")
    limits = integer_range(zero.dtype, node.label)
    wide = walk.spread(zero.astype(np.float32).reshape(-1), f"{node.label}'s zero point")
    low, high = limits
    factor = (a * b / y).astype(np.float32)
    exact = [fractions(y)[0] / (fractions(a)[0] * s) for s in fractions(b)]
    made = integer_quantizer(node, limits, np.ones(1, np.float32), wide)
    unit = made.begins

    def begins(k: int, j: int) -> tuple[Fraction, bool]:
        place, inclusive = unit(k, j)
        return place * exact[j if len(exact) > 1 else 0], inclusive

    def run(x: Array) -> Array:
        return (np.rint(x.astype(np.float32) * factor) + wide).clip(low, high).astype(np.float32)

    if not all(e > 0 for e in exact):
        raise QsimError(f"{node.label} has a scale that is not positive")
    return replace(made, begins=begins, run=run)
