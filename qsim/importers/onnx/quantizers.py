"""Quantizers of data: QONNX's `Quant`, `BipolarQuant` and `MultiThreshold`, and ONNX's `QuantizeLinear`."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import QsimError
from ..rounding import ROUNDINGS, Rounding, rounding
from ..steps import Quantizer, at
from .constants import bipolar, quant, quantizer_range, scalar
from .fusion import fuse, fused_sum
from .graph import Node
from .walk import Inputs, Trail, Walk, affine, constant, fractions

Array = npt.NDArray[Any]


def _scales(values: Array, label: str) -> tuple[Fraction, ...]:
    exact = fractions(values)
    if not all(e > 0 for e in exact):
        raise QsimError(f"{label} has scale {float(min(exact)):g}; a positive number is needed")
    return exact


def _zeros(values: Array, label: str) -> tuple[Fraction, ...]:
    exact = fractions(values)
    if any(e.denominator != 1 for e in exact):
        raise QsimError(f"{label} has zero point {float(values.reshape(-1)[0]):g}; a whole number is needed")
    return exact


def _staircase(
    node: Node, low: int, high: int, mode: Rounding, scale: tuple[Fraction, ...], zero: tuple[Fraction, ...]
) -> dict[str, Any]:
    """Levels and places of round(clip(x / scale + zero))."""
    width = max(len(scale), len(zero))

    def begins(k: int, j: int) -> tuple[Fraction, bool]:
        place, inclusive = mode.cut(low + k)
        return (place - at(zero, j)) * at(scale, j), inclusive

    return {
        "name": node.label,
        "levels": high - low,
        "first": tuple((low - at(zero, j)) * at(scale, j) for j in range(width)),
        "step": scale,
        "begins": begins,
        "tensor": node.outputs[0],
    }


def quant_node(walk: Walk, node: Node, inputs: Inputs) -> None:
    """(round(clip(x / scale + zero, low, high)) - zero) * scale, in any rounding mode."""
    parts = [
        constant(node, inputs, i, what)
        for i, what in enumerate(("a scale", "a zero point", "a bit width"), 1)
    ]
    scale32 = walk.spread(parts[0].astype(np.float32), f"{node.label}'s scale")
    zero32 = walk.spread(parts[1].astype(np.float32), f"{node.label}'s zero point")
    low, high = quantizer_range(node, parts[2])
    scale, zero = _scales(scale32, node.label), _zeros(zero32, node.label)

    def run(x: Array) -> Array:
        return quant(node, [x, scale32, zero32, parts[2]])[0]

    if scalar(parts[2], "bits") == 1 and low < 0:  # runs as bipolar
        if any(zero):
            raise QsimError(
                f"{node.label} has one signed bit and a zero point; no zero point is allowed there"
            )
        walk.steps.append(_two_levels(node, scale, run))
        return
    mode = rounding(node.get("rounding_mode", "ROUND"), node.label)
    walk.steps.append(Quantizer(**_staircase(node, low, high, mode, scale, zero), run=run))


def _two_levels(node: Node, scale: tuple[Fraction, ...], run: Any) -> Quantizer:
    return Quantizer(
        name=node.label,
        levels=1,
        first=tuple(-s for s in scale),
        step=tuple(2 * s for s in scale),
        begins=lambda k, j: (Fraction(0), True),
        run=run,
        tensor=node.outputs[0],
    )


def bipolar_quant(walk: Walk, node: Node, inputs: Inputs) -> None:
    """scale where x >= 0, else -scale."""
    scale32 = walk.spread(constant(node, inputs, 1, "a scale").astype(np.float32), f"{node.label}'s scale")
    scale = _scales(scale32, node.label)
    walk.steps.append(_two_levels(node, scale, lambda x: bipolar([x, scale32])[0]))


def multi_threshold(walk: Walk, node: Node, inputs: Inputs) -> None:
    """out_bias + out_scale * (how many thresholds are <= x)."""
    rows = constant(node, inputs, 1, "thresholds").astype(np.float64 if walk.double else np.float32)
    if rows.ndim != 2 or rows.size == 0 or np.isnan(rows).any():
        raise QsimError(
            f"{node.label} has thresholds of shape {rows.shape}; (1 or channels, T) numbers are needed"
        )
    if len(rows) != 1 and (walk.shape != (len(rows),) or walk.order is not None):
        raise QsimError(f"{node.label} has {len(rows)} rows of thresholds for data of shape {walk.shape}")
    rows = np.sort(rows, axis=1).clip(-np.finfo(np.float32).max, np.finfo(np.float32).max)
    scale, bias = np.float32(node.get("out_scale", 1.0)), np.float32(node.get("out_bias", 0.0))
    exact = [fractions(row) for row in rows]

    def run(x: Array) -> Array:
        count = np.empty(x.shape, np.float32)
        for j in range(x.shape[1]):
            count[:, j] = np.searchsorted(rows[j if len(rows) > 1 else 0], x[:, j], side="right")
        return scale * count + bias

    walk.steps.append(
        Quantizer(
            name=node.label,
            levels=rows.shape[1],
            first=(Fraction(float(bias)),),
            step=_scales(np.array([scale]), node.label),
            begins=lambda k, j: (at(exact, j)[k - 1], True),
            run=run,
            tensor=node.outputs[0],
        )
    )


def integer_range(kind: np.dtype[Any], label: str) -> tuple[int, int]:
    """The range of an integer type of a quantized tensor."""
    name = kind.name
    if name in ("int4", "uint4"):
        return (-8, 7) if name == "int4" else (0, 15)
    if kind.kind not in "iu" or kind.itemsize > 2:
        raise QsimError(f"{label} gives {kind}; int4 to uint16 are allowed")
    info = np.iinfo(kind)
    return int(info.min), int(info.max)


def quantize_linear(walk: Walk, node: Node, inputs: Inputs) -> None:
    """clip(round_half_even(x / scale) + zero), an integer."""
    axis = node.get("axis", 1)
    scale32 = walk.channels(_scale32(node, inputs), axis, f"{node.label}'s scale")
    kind, zero32 = np.dtype(np.uint8), np.zeros(1, np.float32)
    if len(inputs) > 2 and node.inputs[2]:
        zero_point = constant(node, inputs, 2, "a zero point")
        kind = zero_point.dtype
        zero32 = walk.channels(zero_point.astype(np.float32), axis, f"{node.label}'s zero point")
    elif node.get("output_dtype", 0):
        import onnx

        kind = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(node.get("output_dtype", 2)))
    made = integer_quantizer(node, integer_range(kind, node.label), scale32, zero32)
    walk.steps.append(fuse(walk, node, made, scale32, zero32.astype(kind)))
    walk.trail.append(Trail("quantize"))


def _scale32(node: Node, inputs: Inputs) -> Array:
    """The scale of a (de)quantizer of float32 data."""
    scale = constant(node, inputs, 1, "a scale")
    if scale.dtype != np.float32:
        raise QsimError(f"{node.label} has a scale of {scale.dtype}; float32 is needed, as data are")
    return scale


def integer_quantizer(node: Node, limits: tuple[int, int], scale32: Array, zero32: Array) -> Quantizer:
    """The staircase of clip(round_half_even(x / scale) + zero), whose values are integers."""
    scale, zero = _scales(scale32, node.label), _zeros(zero32, node.label)
    low, high = limits
    half_even = ROUNDINGS["ROUND"]

    def begins(k: int, j: int) -> tuple[Fraction, bool]:
        place, inclusive = half_even.cut(low + k - int(at(zero, j)))
        return place * at(scale, j), inclusive

    return Quantizer(
        name=node.label,
        levels=high - low,
        first=(Fraction(low),),
        step=(Fraction(1),),
        begins=begins,
        run=lambda x: (np.rint(x / scale32) + zero32).clip(low, high).astype(np.float32),
        tensor=node.outputs[0],
    )


def dequantize_linear(walk: Walk, node: Node, inputs: Inputs) -> None:
    """(q - zero) * scale."""
    axis = node.get("axis", 1)
    scale32 = walk.channels(_scale32(node, inputs), axis, f"{node.label}'s scale")
    zero32 = np.zeros(1, np.float32)
    if len(inputs) > 2 and node.inputs[2]:
        zero_point = constant(node, inputs, 2, "a zero point").astype(np.float32)
        zero32 = walk.channels(zero_point, axis, f"{node.label}'s zero point")
    scale, zero = _scales(scale32, node.label), _zeros(zero32, node.label)
    width = max(len(scale), len(zero))
    offset = [-at(scale, j) * at(zero, j) for j in range(width)]
    walk.steps.append(affine(scale, offset, lambda x: ((x - zero32) * scale32).astype(np.float32)))
    kind = np.dtype(np.uint8) if len(inputs) < 3 or inputs[2] is None else inputs[2].value.dtype
    walk.trail.append(Trail("dequantize", scale32, zero32.astype(kind)))


def qlinear_add_node(walk: Walk, node: Node, inputs: Inputs) -> None:
    """onnxruntime's `QLinearAdd` of codes and constants, quantized again."""
    data, other = (0, 3) if inputs[0] is None else (3, 0)
    parts = [
        constant(node, inputs, i, "a parameter")
        for i in (data + 1, data + 2, other, other + 1, other + 2, 6, 7)
    ]
    a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = parts
    if any(p.size != 1 for p in (a_scale, a_zero, b_scale, b_zero, y_scale, y_zero)):
        raise QsimError(f"{node.label} has a scale or zero point for each neuron; one for all is needed")
    codes = Trail("dequantize", a_scale.astype(np.float32).reshape(1), a_zero.reshape(1))
    added = Trail("add", b_scale.astype(np.float32).reshape(1), b_zero.reshape(1), walk.spread(b, node.label))
    (a,), (z,) = _scales(codes.scale, node.label), _zeros(codes.zero, node.label)
    (s,), (t,) = _scales(added.scale, node.label), _zeros(added.zero, node.label)
    offset = [s * (v - t) - a * z for v in fractions(added.integers)]
    shift = np.array([float(o) for o in offset])
    walk.steps.append(affine((a,), offset, lambda x: x.astype(np.float64) * float(a) + shift))
    scale = y_scale.astype(np.float32).reshape(1)
    limits = integer_range(y_zero.dtype, node.label)
    made = integer_quantizer(node, limits, scale, y_zero.astype(np.float32).reshape(1))
    walk.steps.append(fused_sum(made, codes, added, scale, y_zero.reshape(1)))
    walk.trail.append(Trail("quantize"))
