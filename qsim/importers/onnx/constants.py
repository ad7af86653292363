"""Constants of a graph: what nodes make of weights before any data come, with the integers kept beside.

A quantizer of weights leaves two things: the floats that a runtime multiplies with, and the integers and
scale that they stand for. Both go through transposes and reshapes together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import QsimError
from ..rounding import rounding
from .graph import Node

Array = npt.NDArray[Any]
MAX_BITS = 24  # of an integer on a grid of data
MAX_CONSTANT_BITS = 32  # of a constant, such as a bias, which is rounded once, here


@dataclass(frozen=True, eq=False)
class Stored:
    """What a `DequantizeLinear` makes a constant of: integers, their scale and their zero point."""

    integers: Array
    scale: Array
    zero: Array


@dataclass(frozen=True, eq=False)
class Constant:
    """An array, and if it was quantized the integers and the scale (of the same shape) that give it.

    `stored` is there where the array comes straight from a `DequantizeLinear`.
    """

    value: Array
    integers: Array | None = None
    scale: Array | None = None
    stored: Stored | None = None

    def map(self, change: Callable[[Array], Array]) -> Constant:
        """The constant after a change of places."""
        if self.integers is None or self.scale is None:
            return Constant(change(self.value))
        return Constant(change(self.value), change(self.integers), change(self.scale))


def scalar(values: Array, what: str) -> Any:
    """The one number that an array holds, however often.

    Raises
    ------
    QsimError
        If it holds none or several.
    """
    if values.size == 0 or (values != values.flat[0]).any():
        raise QsimError(f"{what} holds {values.size} values; one for all is needed")
    return values.flat[0].item()


def quantizer_range(node: Node, bits: Array, most: int = MAX_BITS) -> tuple[int, int]:
    """The least and the greatest integer of a `Quant` node of at most so many bits."""
    width = scalar(bits, f"{node.label}'s bit width")
    if width != int(width) or not 1 <= width <= most:
        raise QsimError(f"{node.label} has bit width {width:g}; a whole number from 1 to {most} is needed")
    signed, narrow = bool(node.get("signed", 1)), bool(node.get("narrow", 1))
    half = 1 << int(width) - 1
    if signed:
        return (-half + narrow, half - 1) if width > 1 else (-1, 1)
    return 0, 2 * half - 1 - narrow


def quant(node: Node, inputs: Sequence[Array]) -> tuple[Array, Array]:
    """Float32 values and integers (zero point taken off) of a `Quant` node, as qonnx computes them."""
    x, scale, zero, bits = inputs
    scale, zero = scale.astype(np.float32), zero.astype(np.float32)
    y: Array = x.astype(np.float32) / scale + zero
    low, high = quantizer_range(node, bits, MAX_CONSTANT_BITS)
    if (low, high) == (-1, 1) and scalar(bits, "bits") == 1:  # qonnx runs signed 1-bit ones as bipolar
        y = np.where(y >= 0, np.float32(1), np.float32(-1))
    else:
        y = rounding(node.get("rounding_mode", "ROUND"), node.label).apply(
            np.clip(y, low, high).astype(np.float32)
        )
    integers = y - zero
    return (integers * scale).astype(np.float32), integers


def bipolar(inputs: Sequence[Array]) -> tuple[Array, Array]:
    """Float32 values and signs of a `BipolarQuant` node."""
    x, scale = inputs
    signs = np.where(x >= 0, np.float32(1), np.float32(-1))
    return (signs * scale).astype(np.float32), signs


def along(values: Array, axis: int, rank: int) -> Array:
    """A vector reshaped to lie along an axis; a scalar as it is."""
    if values.size == 1 or values.ndim != 1 or rank < 1:
        return values.reshape(()) if values.size == 1 else values
    shape = [1] * rank
    shape[axis] = values.size
    return values.reshape(shape)


def _quant(node: Node, c: Sequence[Constant]) -> Constant:
    value, integers = quant(node, [x.value for x in c])
    return Constant(value, integers, np.broadcast_to(c[1].value.astype(np.float32), value.shape))


def _bipolar(node: Node, c: Sequence[Constant]) -> Constant:
    value, signs = bipolar([x.value for x in c])
    return Constant(value, signs, np.broadcast_to(c[1].value.astype(np.float32), value.shape))


def _dequantize(node: Node, c: Sequence[Constant]) -> Constant:
    x, axis = c[0].value, node.get("axis", 1)
    scale = along(c[1].value.astype(np.float32), axis, x.ndim)
    zero = along(c[2].value.astype(np.int64), axis, x.ndim) if len(c) > 2 else np.int64(0)
    integers = x.astype(np.int64) - zero
    own = Stored(x, c[1].value.astype(np.float32), c[2].value if len(c) > 2 else np.zeros(1, x.dtype))
    value = (integers * scale).astype(np.float32)
    return Constant(value, integers, np.broadcast_to(scale, x.shape), own)


def _quantize(node: Node, c: Sequence[Constant]) -> Constant:
    x, axis = c[0].value, node.get("axis", 1)
    kind = np.dtype(np.uint8) if len(c) < 3 else c[2].value.dtype
    zero = along(c[2].value.astype(np.float32), axis, x.ndim) if len(c) > 2 else np.float32(0)
    info = np.iinfo(kind)
    y = np.rint(x / along(c[1].value.astype(np.float32), axis, x.ndim)) + zero
    return Constant(y.clip(info.min, info.max).astype(kind))


def _reshape(node: Node, c: Sequence[Constant]) -> Constant:
    shape = [int(d) for d in c[1].value.reshape(-1)]
    shape = [c[0].value.shape[i] if d == 0 and i < c[0].value.ndim else d for i, d in enumerate(shape)]
    return c[0].map(lambda a: a.reshape(shape))


def axes_of(node: Node, inputs: Sequence[Constant]) -> list[int]:
    """The axes of a Squeeze or Unsqueeze, from its second input or its attribute."""
    if len(inputs) > 1:
        return [int(a) for a in inputs[1].value.reshape(-1)]
    return [int(a) for a in node.get("axes", [])]


def _unsqueeze(node: Node, c: Sequence[Constant]) -> Constant:
    return c[0].map(lambda a: np.expand_dims(a, tuple(axes_of(node, c))))


def _squeeze(node: Node, c: Sequence[Constant]) -> Constant:
    axes = tuple(axes_of(node, c))
    return c[0].map(lambda a: a.squeeze(axes) if axes else a.squeeze())


def _transpose(node: Node, c: Sequence[Constant]) -> Constant:
    return c[0].map(lambda a: a.transpose(node.get("perm", None)))


def _concat(node: Node, c: Sequence[Constant]) -> Constant:
    return Constant(np.concatenate([x.value for x in c], node.get("axis", 0)))


def _gather(node: Node, c: Sequence[Constant]) -> Constant:
    return Constant(np.take(c[0].value, c[1].value.astype(np.int64), node.get("axis", 0)))


def _cast(node: Node, c: Sequence[Constant]) -> Constant:
    import onnx

    return Constant(c[0].value.astype(onnx.helper.tensor_dtype_to_np_dtype(int(node.get("to", 1)))))


def _clip(node: Node, c: Sequence[Constant]) -> Constant:
    low = c[1].value if len(c) > 1 else node.get("min", None)
    high = c[2].value if len(c) > 2 else node.get("max", None)
    return Constant(np.clip(c[0].value, low, high).astype(c[0].value.dtype))


def _made(node: Node, c: Sequence[Constant]) -> Constant:
    value = node.attributes.get("value", node.attributes.get("value_float", node.attributes.get("value_int")))
    if value is None:
        value = node.attributes.get("value_floats", node.attributes.get("value_ints"))
    return Constant(np.asarray(value, np.float32) if "value_float" in node.attributes else np.asarray(value))


def _plain(function: Callable[..., Array]) -> Callable[[Node, Sequence[Constant]], Constant]:
    def fold(node: Node, c: Sequence[Constant]) -> Constant:
        arrays = [x.value for x in c]
        return Constant(function(*arrays).astype(np.result_type(*arrays), copy=False))

    return fold


FOLDS: dict[str, Callable[[Node, Sequence[Constant]], Constant]] = {
    "Constant": _made,
    "Identity": lambda node, c: c[0],
    "Cast": _cast,
    "Reshape": _reshape,
    "Flatten": lambda node, c: c[0].map(lambda a: a.reshape(math.prod(a.shape[: node.get("axis", 1)]), -1)),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Gather": _gather,
    "Clip": _clip,
    "Add": _plain(np.add),
    "Sub": _plain(np.subtract),
    "Mul": _plain(np.multiply),
    "Div": _plain(lambda a, b: a // b if a.dtype.kind in "iu" else a / b),
    "Pow": _plain(np.power),
    "Sqrt": _plain(np.sqrt),
    "Neg": _plain(np.negative),
    "Quant": _quant,
    "IntQuant": _quant,
    "BipolarQuant": _bipolar,
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
}


def elements(node: Node, inputs: Sequence[Constant]) -> int:
    """At most how many elements a node makes of constants, before it makes them."""
    arrays = [c.value for c in inputs]
    if node.op == "Concat":
        return sum(a.size for a in arrays)
    if node.op == "Gather":
        return arrays[0].size * max(1, arrays[1].size)
    if node.op in ("Quant", "IntQuant", "BipolarQuant", "Add", "Sub", "Mul", "Div", "Pow"):
        try:
            return math.prod(np.broadcast_shapes(*(a.shape for a in arrays)))
        except ValueError:
            return 0  # refused when it is folded
    return max((a.size for a in arrays), default=0)


def fold(node: Node, inputs: Sequence[Constant]) -> Constant:
    """What a node makes of constants.

    Raises
    ------
    QsimError
        If it cannot be computed: damaged shapes, a division by zero.
    """
    try:
        with np.errstate(all="ignore"):
            return FOLDS[node.op](node, inputs)
    except (ValueError, TypeError, IndexError, ZeroDivisionError, MemoryError) as error:
        raise QsimError(f"{node.label} cannot be computed from its constants: {error}") from None


def on_grid(weights: Constant, label: str) -> tuple[npt.NDArray[np.int64], tuple[Fraction, ...]]:
    """Integers (inputs, outputs) and the real value of 1 for each output, whose products are the weights.

    Raises
    ------
    QsimError
        If the weights are on no grid, or on another one for each input.
    """
    value = weights.value
    if value.ndim != 2 or value.size == 0:
        raise QsimError(f"{label} has weights of shape {value.shape}; (inputs, outputs) is needed")
    if not np.isfinite(value.astype(np.float64)).all():
        raise QsimError(f"{label} has a weight that is no finite number")
    if weights.integers is not None and weights.scale is not None:
        integers, scale = weights.integers, weights.scale
        if (scale != scale[:1]).any():
            raise QsimError(
                f"{label} has a weight scale for each input; one for all, or one an output, is needed"
            )
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise QsimError(
                f"{label} has the weight scale {scale.min():g}; a positive finite number is needed"
            )
        if (integers != np.rint(integers)).any():
            raise QsimError(f"{label} has weights with a fractional zero point; a whole one is needed")
        return integers.astype(np.int64), tuple(Fraction(float(s)) for s in scale[0])
    return _found_grid(value, label)


def _found_grid(value: Array, label: str) -> tuple[npt.NDArray[np.int64], tuple[Fraction, ...]]:
    """The coarsest grid on which plain weights lie, one for all."""
    distinct = [Fraction(float(v)) for v in np.unique(value) if v != 0]
    if not distinct:
        return np.zeros(value.shape, np.int64), (Fraction(1),) * value.shape[1]
    top = math.lcm(*(d.denominator for d in distinct))
    unit = Fraction(math.gcd(*(int(d * top) for d in distinct)), top)
    if max(abs(d) for d in distinct) / unit >= 1 << 15:
        raise QsimError(
            f"{label} has weights that are not quantized; a quantizer of at most 16 bits is needed"
        )
    integers = np.rint(value.astype(np.float64) / float(unit)).astype(np.int64)
    return integers, (unit,) * value.shape[1]
