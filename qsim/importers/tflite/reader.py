"""From a TFLite file of int8 fully connected layers to a reading: operators in order, each by its kind."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import QsimError
from ...model.input_format import InputFormat
from ..rounding import ROUNDINGS
from ..stages import Input, Levels, Reading, Stage
from ..steps import Affine, Quantizer
from . import dense, tables
from .kernels import KERNELS, Kernels, half_away, kernels
from .schema import SPANS, Graph, Operator, Tensor, one_scale, parse

Array = npt.NDArray[Any]
SHAPES = ("SHAPE", "STRIDED_SLICE", "PACK", "CONCATENATION", "REDUCE_PROD")  # how files compute a new shape
MOVES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")  # keep the order of the numbers
ENDS = ("SOFTMAX", "LOG_SOFTMAX", "ARG_MAX", "DEQUANTIZE")
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "CONV_3D")


@dataclass(frozen=True)
class File:
    """A TFLite file, for comparisons."""

    content: bytes
    facts: dict[str, Any]
    shape: tuple[int, ...]
    kind: np.dtype[Any]
    names: dict[str, int]
    floats: bool


@dataclass
class Walk:
    """Where a reader is: the tensor that holds data, and the layers up to it.

    Parameters
    ----------
    graph : Graph
    content : bytes
    level : name of the kernels
    current : Tensor
    entry : Tensor or None
        The first tensor of 8-bit codes.
    stages : complete layers, the last of which may still get steps
    shapes : indices of tensors that hold shapes
    ended : label of the operator after which only reports come
    logits : the tensor that it took in
    """

    graph: Graph
    content: bytes
    level: str
    current: Tensor
    entry: Tensor | None = None
    stages: list[Stage] = field(default_factory=list)
    shapes: set[int] = field(default_factory=set)
    ended: str = ""
    logits: Tensor | None = None

    @property
    def kernels(self) -> Kernels:
        return KERNELS[self.level]


def read(source: str | PathLike[str], level: str = "reference") -> tuple[Reading, File]:
    """Read an int8 multilayer perceptron.

    Parameters
    ----------
    source : path
    level : "reference", "xnnpack" or "micro"
        Whose requantization the thresholds are.

    Raises
    ------
    QsimError
        If it is no such network; the sentence names the operator.
    """
    path = Path(source)
    if not path.is_file():
        raise QsimError(f"{path}: no such file")
    content = path.read_bytes()
    if content[4:8] != b"TFL3":
        raise QsimError(f"{path}: not a TFLite file; its identifier is {content[4:8]!r}, not b'TFL3'")
    kernels(level)
    try:
        return _read(content, path.name, level)
    except QsimError as error:
        raise QsimError(f"{path.name}: {error}") from None
    except (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise QsimError(f"{path.name}: a damaged TFLite file ({error})") from None


def _read(content: bytes, name: str, level: str) -> tuple[Reading, File]:
    graph = parse(content)
    walk = Walk(graph, content, level, graph.entry)
    if graph.entry.kind in SPANS:
        walk.entry = graph.entry
    elif graph.entry.kind != "FLOAT32":
        raise QsimError(f"input {graph.entry.name!r} is {graph.entry.kind}; INT8, UINT8 or FLOAT32 is needed")
    for operator in graph.operators:
        _visit(walk, operator)
    if walk.entry is None or not walk.stages:
        raise QsimError("no FULLY_CONNECTED operator; one is needed")
    if graph.output != walk.current.index:
        raise QsimError(f"the way from the input ends at {walk.current.name!r}, which is not the output")
    logits = walk.logits or walk.current
    last = walk.stages[-1]
    walk.stages[-1] = replace(last, steps=last.steps[:-1])  # outputs stay TFLite's integers
    scale, zero = one_scale(logits, "the output")
    facts = {
        "output": {"scale": float(scale), "zero": zero},
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    names = {tensor.name: tensor.index for tensor in reversed(graph.tensors)}
    floats = graph.entry.kind == "FLOAT32"
    file = File(content, facts, graph.entry.shape, np.dtype(np.float32), names, floats)
    return Reading(_input(walk.entry, level), tuple(walk.stages), facts, logits.name), file


def _visit(walk: Walk, operator: Operator) -> None:
    kind, label = operator.kind, operator.label
    data = [i for i in operator.inputs if i >= 0 and not len(walk.graph.tensors[i].data)]
    if kind in SHAPES and all(
        i in walk.shapes or (kind == "SHAPE" and i == walk.current.index) for i in data
    ):
        walk.shapes.update(operator.outputs)
        return
    if kind in CONVOLUTIONS:
        raise QsimError(
            f"{label} is a convolution; only fully connected layers are supported: unroll it into a matrix "
            "(one row for each place and channel) or train a multilayer perceptron"
        )
    if kind not in OPERATORS:
        raise QsimError(f"{label} is not supported; {', '.join(OPERATORS)} are allowed")
    if [i for i in data if i not in walk.shapes] != [walk.current.index] or len(operator.outputs) != 1:
        raise QsimError(f"{label} takes in or gives other data than one tensor; a chain of layers is needed")
    if walk.ended and kind not in (*ENDS, *MOVES, "QUANTIZE"):
        raise QsimError(f"{label} follows {walk.ended}; nothing may follow that but the output")
    if not walk.ended:
        OPERATORS[kind](walk, operator)
    walk.current = walk.graph.tensors[operator.outputs[0]]


def _fully_connected(walk: Walk, operator: Operator) -> None:
    if walk.entry is None or walk.current.kind not in SPANS:
        raise QsimError(
            f"{operator.label} takes in {walk.current.kind} data; INT8 or UINT8 is needed: "
            "convert with full integer quantization (a representative data set)"
        )
    walk.stages.append(dense.stage(walk.graph, operator, walk.current, walk.kernels))


def _reshape(walk: Walk, operator: Operator) -> None:
    made = walk.graph.tensors[operator.outputs[0]]
    if made.elements != walk.current.elements:
        raise QsimError(
            f"{operator.label} makes {made.elements} of {walk.current.elements} numbers; as many are needed"
        )


def _elementwise(walk: Walk, operator: Operator) -> None:
    """After a layer: one more staircase. Before the first, only what makes the codes."""
    made = walk.graph.tensors[operator.outputs[0]]
    if walk.stages:
        last = walk.stages[-1]
        more = tables.steps(walk.graph, operator, walk.content, walk.level)
        walk.stages[-1] = replace(last, steps=(*last.steps, *more))
        return
    if operator.kind != "QUANTIZE":
        raise QsimError(f"{operator.label} comes before the first layer; a FULLY_CONNECTED is needed there")
    if walk.entry is None:
        walk.entry = made
    elif _as_integers(walk.entry, operator.label) != _as_integers(made, operator.label):
        raise QsimError(
            f"{operator.label} gives the input another scale or range; equal scales and a zero point that "
            "moves with the codes are needed"
        )


def _as_integers(tensor: Tensor, label: str) -> tuple[float, int, int]:
    """The scale of a tensor's integers, and the lowest and highest one, less the zero point."""
    scale, zero = one_scale(tensor, label)
    low, high = SPANS[tensor.kind]
    return float(scale), low - zero, high - zero


def _end(walk: Walk, operator: Operator) -> None:
    if not walk.stages:
        raise QsimError(f"{operator.label} comes before the first layer; a FULLY_CONNECTED is needed there")
    walk.ended, walk.logits = operator.label, walk.current


OPERATORS: dict[str, Callable[[Walk, Operator], None]] = {
    "FULLY_CONNECTED": _fully_connected,
    **dict.fromkeys(MOVES, _reshape),
    **dict.fromkeys(tables.ELEMENTWISE, _elementwise),
    **dict.fromkeys(ENDS, _end),
}


def _input(entry: Tensor, level: str) -> Input:
    """The input's codes, and how real inputs become codes, as the kernels' QUANTIZE does."""
    scale32, zero = one_scale(entry, "the input")
    low, high = SPANS[entry.kind]
    scale = Fraction(float(scale32))
    even = level == "xnnpack"
    rounding = ROUNDINGS["HALF_EVEN" if even else "HALF_UP"]

    def begins(k: int, j: int) -> tuple[Fraction, bool]:
        place, inclusive = rounding.cut(low + k - zero)
        return place * scale, inclusive

    def run(x: Array) -> Array:
        x = x.astype(np.float32)
        rounded = (
            np.rint(x * (np.float32(1) / scale32)) if even else half_away((x / scale32).astype(np.float64))
        )
        return (rounded + zero).clip(low, high)

    quantizer = Quantizer("the input", high - low, (Fraction(low),), dense.ONE, begins, run)
    levels = Levels(Fraction(-zero), Fraction(1), low, high)
    steps: tuple[Quantizer | Affine, ...] = (quantizer, dense.shifted(zero))
    form = InputFormat(8, signed=low < 0)
    return Input(form, levels, steps=steps, codes_per_unit=float(1 / scale))
