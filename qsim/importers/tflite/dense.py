"""FULLY_CONNECTED: an integer product, a 32-bit bias, and the staircase of its requantization."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from ...errors import QsimError
from ..stages import Stage
from ..steps import Affine, Quantizer
from .kernels import Kernels, half_away
from .schema import SPANS, Graph, Operator, Tensor, one_scale, values

Array = npt.NDArray[Any]
ONE = (Fraction(1),)
FUSED: dict[int, tuple[str, float | None, float | None]] = {  # name, lowest and highest real number
    0: ("none", None, None),
    1: ("RELU", 0.0, None),
    2: ("RELU_N1_TO_1", -1.0, 1.0),
    3: ("RELU6", 0.0, 6.0),
}
LARGEST = (1 << 31) - 1  # accumulators have 32 bits


def shifted(zero: int) -> Affine:
    """Codes as the integers that stand for multiples of their scale."""
    return Affine(ONE, (Fraction(-zero),), lambda x: x - zero)


def stage(graph: Graph, operator: Operator, taken: Tensor, kernels: Kernels) -> Stage:
    """One layer, from the integers of its input to those of its output.

    Raises
    ------
    QsimError
        If types, scales or options are not those of an int8 layer; the sentence names the operator.
    """
    label = operator.label
    weights, made = graph.tensors[operator.inputs[1]], graph.tensors[operator.outputs[0]]
    if weights.kind != "INT8" or made.kind != "INT8":
        found = f"{taken.kind} data, {weights.kind} weights and {made.kind} results"
        raise QsimError(f"{label} has {found}; INT8 weights and results are needed")
    _, zero = one_scale(made, label)
    integers = values(weights, np.int8, label).astype(np.int64)
    if integers.ndim != 2 or integers.shape[1] != taken.elements:
        raise QsimError(
            f"{label} has weights of shape {integers.shape} for {taken.elements} inputs; "
            "two dimensions are needed, outputs times inputs"
        )
    bias = _bias(graph, operator, len(integers))
    _check_sums(integers, bias, taken, label)
    low, high = _limits(operator, made, zero)
    factors = _factors(label, (taken, weights, made), len(integers), kernels)
    quantizer = requantizer(label, made.name, factors, (low, high, zero), kernels)
    offset = tuple(Fraction(int(b)) for b in bias)
    steps = (Affine(ONE, offset, lambda x: x + bias), quantizer, shifted(zero))
    return Stage(label, integers, ONE, steps, integer=True)


def _bias(graph: Graph, operator: Operator, outputs: int) -> npt.NDArray[np.int64]:
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return np.zeros(outputs, np.int64)
    tensor = graph.tensors[operator.inputs[2]]
    if tensor.kind != "INT32" or tensor.elements != outputs:
        raise QsimError(
            f"{operator.label} has a bias of {tensor.elements} {tensor.kind}; {outputs} INT32 are needed"
        )
    return values(tensor, np.int32, operator.label).reshape(-1).astype(np.int64)


def _check_sums(weights: Array, bias: Array, taken: Tensor, label: str) -> None:
    """Refuse what could leave 32 bits, where runtimes wrap around."""
    _, zero = one_scale(taken, label)
    ends = np.stack([weights * (end - zero) for end in SPANS[taken.kind]])
    most = max((ends.max(0).sum(1) + bias).max(), -(ends.min(0).sum(1) + bias).min())
    if most >= LARGEST:
        raise QsimError(f"{label} adds up to {most}; less than {LARGEST} is needed")


def _limits(operator: Operator, made: Tensor, zero: int) -> tuple[int, int]:
    """The lowest and the highest code that the fused activation leaves, rounded in float32 as TFLite does."""
    options = tflite.FullyConnectedOptions()
    table = operator.table.BuiltinOptions()
    activation = 0
    if table is not None:
        options.Init(table.Bytes, table.Pos)
        activation = options.FusedActivationFunction()
        if options.WeightsFormat():
            raise QsimError(f"{operator.label} has shuffled weights; the default format is needed")
    if activation not in FUSED:
        names = ", ".join(name for name, _, _ in FUSED.values())
        raise QsimError(f"{operator.label} has fused activation {activation}; {names} are allowed")
    low, high = SPANS[made.kind]
    _, least, most = FUSED[activation]
    scale = np.float32(made.scale[0])
    if least is not None:
        low = max(low, zero + _rounded(np.float32(least) / scale))
    if most is not None:
        high = min(high, zero + _rounded(np.float32(most) / scale))
    return min(low, high), high


def _rounded(x: np.float32) -> int:
    return int(half_away(np.array(x, np.float64)))


def _factors(
    label: str, ends: tuple[Tensor, Tensor, Tensor], outputs: int, kernels: Kernels
) -> list[tuple[float, Any]]:
    """For each output the real factor of its accumulators, and that as the kernels hold it."""
    taken, weights, made = ends
    scales = weights.scale.astype(np.float32)
    if len(scales) not in (1, outputs) or (len(scales) > 1 and weights.axis != 0) or weights.zero.any():
        raise QsimError(
            f"{label} has {len(scales)} weight scales along axis {weights.axis} and zero points "
            f"{sorted(set(weights.zero.tolist()))[:4]}; one scale or {outputs} along axis 0 are needed, "
            "and zero points 0"
        )
    if not (np.isfinite(scales) & (scales > 0)).all():
        raise QsimError(f"{label} has weight scale {scales.min():g}; positive scales are needed")
    (data, _), (result, _) = one_scale(taken, label), one_scale(made, label)
    reals = [float(data) * float(s) / float(result) for s in scales]
    if max(reals) >= kernels.limit:
        raise QsimError(
            f"{label} multiplies by {max(reals):g} to requantize; less than {kernels.limit:g} is needed"
        )
    pairs = [(real, kernels.factor(data, s, result)) for real, s in zip(reals, scales, strict=True)]
    return pairs * (outputs if len(pairs) == 1 else 1)


def requantizer(
    label: str,
    tensor: str,
    factors: list[tuple[float, Any]],
    codes: tuple[int, int, int],
    kernels: Kernels,
) -> Quantizer:
    """The staircase of min(max(rounded(acc * factor) + zero, low), high), found by bisection in integers.

    Parameters
    ----------
    label, tensor : names of operator and result
    factors : real number and the kernels' own, one each output
    codes : low, high and zero
    kernels : Kernels
    """
    low, high, zero = codes

    @cache
    def starts(j: int) -> list[int]:
        """The least accumulator of each code above the lowest."""
        wanted = np.arange(low + 1, high + 1) - zero
        left, right = np.full(len(wanted), -LARGEST), np.full(len(wanted), LARGEST)
        while (left < right).any():
            middle = (left + right) >> 1
            reached = kernels.apply(middle, factors[j][1]) >= wanted
            right = np.where(reached, middle, right)
            left = np.where(reached, left, np.minimum(middle + 1, right))
        return [int(v) for v in left]

    def begins(k: int, j: int) -> tuple[Fraction, bool]:
        return Fraction(starts(j)[k - 1]), True

    def run(acc: Array) -> Array:
        whole = np.rint(acc).astype(np.int64)
        columns = [kernels.apply(whole[:, j], factor) for j, (_, factor) in enumerate(factors)]
        return (np.stack(columns, axis=1) + zero).clip(low, high).astype(np.float64)

    return Quantizer(label, high - low, (Fraction(low),), ONE, begins, run, tensor)
