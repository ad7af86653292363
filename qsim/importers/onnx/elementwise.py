"""Operations on single values: scales, offsets, normalisation, clipping, and curves."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import QsimError
from ..steps import Clamp, logistic, tanh
from .graph import Node
from .runtime import single
from .walk import Inputs, Trail, Walk, affine, constant, fractions

Array = npt.NDArray[Any]
ROOT_BITS = 200  # of square roots
ONE, ZERO = (Fraction(1),), (Fraction(0),)


def _operand(walk: Walk, node: Node, inputs: Inputs) -> tuple[Array, bool]:
    """The constant of a node with two inputs, by element, and whether it comes first."""
    first = inputs[0] is not None
    values = constant(node, inputs, 0 if first else 1, "an operand")
    return walk.spread(values, f"{node.label}'s constant"), first


def add(walk: Walk, node: Node, inputs: Inputs) -> None:
    """x + c."""
    c, _ = _operand(walk, node, inputs)
    walk.steps.append(affine(ONE, fractions(c), lambda x: x + c.astype(x.dtype)))
    own = next((i.stored for i in inputs if i is not None), None)
    if own is not None and own.scale.size == 1:
        walk.trail.append(Trail("add", own.scale, own.zero, own.integers))


def subtract(walk: Walk, node: Node, inputs: Inputs) -> None:
    """x - c, or c - x."""
    c, first = _operand(walk, node, inputs)
    exact = fractions(c)
    if first:
        walk.steps.append(affine((Fraction(-1),), exact, lambda x: c.astype(x.dtype) - x))
    else:
        walk.steps.append(affine(ONE, [-e for e in exact], lambda x: x - c.astype(x.dtype)))


def multiply(walk: Walk, node: Node, inputs: Inputs) -> None:
    """x * c."""
    c, _ = _operand(walk, node, inputs)
    walk.steps.append(affine(fractions(c), ZERO, lambda x: x * c.astype(x.dtype)))


def divide(walk: Walk, node: Node, inputs: Inputs) -> None:
    """x / c."""
    c, first = _operand(walk, node, inputs)
    exact = fractions(c)
    if first or not all(exact):
        raise QsimError(
            f"{node.label} divides by {'data' if first else 'zero'}; a constant other than 0 is needed"
        )
    walk.steps.append(affine([1 / e for e in exact], ZERO, lambda x: x / c.astype(x.dtype)))


def negate(walk: Walk, node: Node, inputs: Inputs) -> None:
    """-x."""
    walk.steps.append(affine((Fraction(-1),), ZERO, lambda x: -x))


def batch_normalization(walk: Walk, node: Node, inputs: Inputs) -> None:
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, as onnxruntime computes it."""
    if node.get("training_mode", 0):
        raise QsimError(
            f"{node.label} normalises by its batch; frozen statistics are needed (training_mode 0)"
        )
    names = ("gamma", "beta", "mean", "variance")
    raw = [constant(node, inputs, i, name) for i, name in enumerate(names, 1)]
    parts = [
        fractions(walk.channels(v, 1, f"{node.label}'s {name}")) for v, name in zip(raw, names, strict=True)
    ]
    epsilon = Fraction(float(np.float32(node.get("epsilon", 1e-5))))
    slope, offset, shift, exact = [], [], [], True
    for gamma, beta, mean, variance in zip(*_equally_long(parts), strict=True):
        if variance + epsilon <= 0:
            raise QsimError(f"{node.label} has variance {float(variance):g}; above -epsilon is needed")
        root, whole = _root(variance + epsilon)
        exact = exact and whole
        slope.append(gamma / root)
        offset.append(beta)
        shift.append(-mean)
    plain = {k: v for k, v in node.attributes.items() if k in ("epsilon", "momentum")}
    if not walk.shape or walk.order is not None:
        raise QsimError(
            f"{node.label} normalises transposed data; data in the order of their layer are needed"
        )
    shape = walk.shape
    own = Node(node.op, "", node.label, (), (), plain)
    run_shaped = single(own, [None, *(_vector(v, shape[0]) for v in raw)], walk.graph.opset)

    def run(x: Array) -> Array:
        return run_shaped(x.reshape(len(x), *shape)).reshape(len(x), -1)

    walk.steps.append(affine(ONE, shift, lambda x: x))  # the runtime does both at once, in the next
    walk.steps.append(affine(slope, offset, run, exact))


def _vector(values: Array, width: int) -> Array:
    return np.ascontiguousarray(np.broadcast_to(values.reshape(-1), (width,)), np.float32)


def _equally_long(parts: list[tuple[Fraction, ...]]) -> list[tuple[Fraction, ...]]:
    width = max(len(p) for p in parts)
    return [p * (width if len(p) == 1 else 1) for p in parts]


def _root(value: Fraction) -> tuple[Fraction, bool]:
    """The square root, and whether that is exact; else to 200 bits."""
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom), True
    scaled = (value.numerator << 2 * ROOT_BITS) // value.denominator
    return Fraction(math.isqrt(scaled), 1 << ROOT_BITS), False


def relu(walk: Walk, node: Node, inputs: Inputs) -> None:
    """max(x, 0)."""
    walk.steps.append(Clamp(Fraction(0), math.inf, lambda x: np.maximum(x, x.dtype.type(0))))
    walk.trail.append(Trail("clamp", limits=(0.0, math.inf)))


def clip(walk: Walk, node: Node, inputs: Inputs) -> None:
    """min(max(x, low), high): hard tanh, ReLU6; limits from inputs or attributes."""
    limits: list[Fraction | float] = []
    for i, name, none in ((1, "min", -math.inf), (2, "max", math.inf)):
        value: Any = node.get(name, None)
        if i < len(node.inputs) and node.inputs[i]:
            value = constant(node, inputs, i, f"a {name}")
        number = none if value is None else float(np.asarray(value).reshape(-1)[0])
        if math.isnan(number):
            raise QsimError(f"{node.label} has a {name} that is no number")
        limits.append(number if math.isinf(number) else Fraction(number))
    low, high = limits
    if low > high:
        raise QsimError(
            f"{node.label} clips from {float(low):g} to {float(high):g}; an ascending range is needed"
        )
    walk.steps.append(
        Clamp(low, high, lambda x: np.clip(x, x.dtype.type(float(low)), x.dtype.type(float(high))))
    )
    walk.trail.append(Trail("clamp", limits=(float(low), float(high))))


def sigmoid(walk: Walk, node: Node, inputs: Inputs) -> None:
    """1 / (1 + exp(-x)), as onnxruntime computes it."""
    walk.steps.append(logistic(node.label, single(node, [None], walk.graph.opset)))


def hyperbolic_tangent(walk: Walk, node: Node, inputs: Inputs) -> None:
    """tanh x, as onnxruntime computes it."""
    walk.steps.append(tanh(node.label, single(node, [None], walk.graph.opset)))


def hard_sigmoid(walk: Walk, node: Node, inputs: Inputs) -> None:
    """min(max(alpha * x + beta, 0), 1)."""
    alpha, beta = np.float32(node.get("alpha", 0.2)), np.float32(node.get("beta", 0.5))
    walk.steps.append(affine((Fraction(float(alpha)),), (Fraction(float(beta)),), lambda x: alpha * x + beta))
    walk.steps.append(Clamp(Fraction(0), Fraction(1), lambda x: np.clip(x, 0, 1).astype(x.dtype)))
