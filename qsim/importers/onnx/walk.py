"""Where a reader is in a graph: the one tensor that holds data, and what has been read up to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import QsimError
from ...model.input_format import InputFormat
from ..stages import Input, Levels, Stage, coding, lowest_integer, split
from ..steps import Affine, Run, Step, composed
from .constants import Constant, Stored
from .graph import Graph, Node

Array = npt.NDArray[Any]
MAX_INPUTS = 1 << 24
MIN_MADE = 1 << 20  # constants that nodes may always make
MAX_GROWTH = 16  # times what the file holds


@dataclass(frozen=True)
class Codes:
    """How real inputs are to be coded where the file has no quantizer for them: x = code * scale."""

    bits: int
    scale: float
    signed: bool = False


def _none() -> Array:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class Trail:
    """A node of a quantize-dequantize chain on the way, and its arrays.

    Parameters
    ----------
    kind : "quantize", "dequantize", "bias", "add", "clamp" or "other"
    scale, zero : of a dequantizer, or of the constant that is added
    integers : of that constant
    limits : of a clamp, real numbers
    """

    kind: str
    scale: Array = field(default_factory=_none)
    zero: Array = field(default_factory=_none)
    integers: Array = field(default_factory=_none)
    limits: tuple[float, float] = (-math.inf, math.inf)


@dataclass
class Walk:
    """The state of reading a graph from its input to its output.

    Parameters
    ----------
    graph : Graph
    codes : Codes or None
    current : name of the tensor that holds data
    shape : its shape without the batch
    order : int array or None
        Which element of the product (or input) each element is, if a transpose moved them.
    constants : by name
    stages : products that are complete
    product : the last product, its steps still to come; None before the first
    steps : after the last product, or after the input
    ended : name of the operation that only reports, such as Softmax, once it has come
    reported : tensor that such an operation took in beside the way
    logits : tensor that the first such operation took in
    made : elements of constants that nodes have made so far
    level : "all" or "none", onnxruntime's optimisations
    trail : nodes since the last product, or since the input
    data : the dequantizer before the last product, if one stands there
    weights : of the last product, if a dequantizer made them
    double : whether the data are doubles, in which integer sums are exact
    """

    graph: Graph
    codes: Codes | None
    current: str
    shape: tuple[int, ...]
    order: npt.NDArray[np.int64] | None = None
    constants: dict[str, Constant] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    product: Stage | None = None
    steps: list[Step] = field(default_factory=list)
    input: Input | None = None
    ended: str = ""
    reported: str = ""
    logits: str = ""
    made: int = 0
    level: str = "all"
    trail: list[Trail] = field(default_factory=list)
    data: Trail | None = None
    weights: Stored | None = None
    double: bool = False

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    def spend(self, count: int, label: str) -> None:
        """Count constants that a node is about to make.

        Raises
        ------
        QsimError
            If nodes make many times more than the file holds.
        """
        held = sum(value.size for value in self.graph.constants.values())
        self.made += count
        if self.made > max(MIN_MADE, MAX_GROWTH * held):
            raise QsimError(
                f"{label} makes constants many times larger than the {held:,} values that the file holds"
            )

    def spread(self, values: Array, what: str) -> Array:
        """Constants by element of the product: one for all (1,), or one each (elements,).

        Raises
        ------
        QsimError
            If the constants have another shape than an image's data.
        """
        if values.size == 1:
            return values.reshape(1)
        target = (1, *self.shape)
        if values.ndim > len(target) or np.broadcast_shapes(values.shape, target) != target:
            raise QsimError(
                f"{what} has shape {values.shape}; one value, or one for each of {self.shape}, is needed"
            )
        wide = np.broadcast_to(values, target).reshape(-1)
        if self.order is None:
            return wide
        moved = np.empty_like(wide)
        moved[self.order] = wide
        return moved

    def channels(self, values: Array, axis: int, what: str) -> Array:
        """Constants along an axis of the data (1 is the first after the batch), by element."""
        if values.size == 1:
            return values.reshape(1)
        rank = len(self.shape) + 1
        axis = axis + rank if axis < 0 else axis
        if values.ndim != 1 or not 1 <= axis < rank or self.shape[axis - 1] != values.size:
            raise QsimError(f"{what} has shape {values.shape} along axis {axis}; the data have {self.shape}")
        shape = [values.size if i == axis else 1 for i in range(1, rank)]
        return self.spread(values.reshape(shape), what)

    def begin(self, product: Stage) -> None:
        """Close what came before and start a product of weights (outputs, inputs) in the data's order."""
        rows, width = self.shape[:-1], self.shape[-1] if self.shape else 0
        if width != product.weights.shape[1] or math.prod(rows) != 1:
            raise QsimError(
                f"{product.name} takes {product.weights.shape[1]} inputs from data of shape {self.shape}; "
                f"({product.weights.shape[1]},) is needed"
            )
        if self.double:
            product = replace(product, integer=True)
        if self.order is not None:
            back = np.empty_like(product.weights)
            back[:, self.order] = product.weights
            product = replace(product, weights=back)
        if self.product is None:
            self.input = _input(self, product.name)
        else:
            self.stages.append(replace(self.product, steps=tuple(self.steps)))
        chained = [t.kind for t in self.trail[-2:]] == ["quantize", "dequantize"]
        self.data = self.trail[-1] if chained else None
        self.trail, self.weights = [], None
        self.product, self.steps, self.order = product, [], None
        self.shape = (*rows, product.weights.shape[0])

    def finish(self) -> None:
        """Close the last product."""
        if self.product is None:
            raise QsimError(
                "no MatMul or Gemm on the way from input to output; a fully connected layer is needed"
            )
        if self.order is not None and (self.order != np.arange(len(self.order))).any():
            raise QsimError("the outputs are transposed; they must stay in the order of the last layer")
        self.stages.append(replace(self.product, steps=tuple(self.steps)))


def fractions(values: Array) -> tuple[Fraction, ...]:
    """Floats or integers as exact rationals.

    Raises
    ------
    QsimError
        If one is no finite number.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise QsimError("a constant is no finite number")
    return tuple(Fraction(v) for v in values.reshape(-1).tolist())


def affine(slope: Sequence[Fraction], offset: Sequence[Fraction], run: Run, exact: bool = True) -> Affine:
    """An affine step."""
    return Affine(tuple(slope), tuple(offset), run, exact)


def start(graph: Graph, codes: Codes | None, level: str) -> Walk:
    """At the input of a graph.

    Raises
    ------
    QsimError
        If its shape is open, or too large.
    """
    shape = graph.shape[1:] if len(graph.shape) > 1 else graph.shape
    if not shape or any(d is None for d in shape):
        raise QsimError(
            f"input {graph.input!r} has shape {graph.shape}; all dimensions but the first must be known"
        )
    known = tuple(int(d) for d in shape if d is not None)
    if math.prod(known) > MAX_INPUTS:
        raise QsimError(
            f"input {graph.input!r} has {math.prod(known):,} values an image; {MAX_INPUTS:,} are allowed"
        )
    constants = {name: Constant(value) for name, value in graph.constants.items()}
    return Walk(graph, codes, graph.input, known, constants=constants, level=level)


def _input(walk: Walk, product: str) -> Input:
    """The input's codes, from the quantizer on the way, from an integer type, or as the user says."""
    before, quantizer, after = split(walk.steps)
    if quantizer is None:
        return _unquantized(walk, product)
    code = coding(quantizer, after)
    slope = Fraction(1)
    for step in before:
        slope *= step.slope[0] if isinstance(step, Affine) else 1
    own = lowest_integer(quantizer, code)
    lowest = int(own) if own.denominator == 1 else 0
    levels = replace(
        code.levels,
        zero=code.levels.zero - lowest * code.levels.step,
        lowest=lowest,
        highest=lowest + code.levels.highest,
    )
    unit = abs(slope / levels.step)
    return Input(_format(levels), levels, steps=tuple(walk.steps), codes_per_unit=float(unit) or 1.0)


def _unquantized(walk: Walk, product: str) -> Input:
    kind = walk.graph.kind
    if kind.kind in "iu" and kind.itemsize <= 2:
        form, scale = InputFormat(8 * kind.itemsize, kind.kind == "i"), Fraction(1)
    elif walk.codes is None:
        raise QsimError(
            f"{product} takes the input {walk.graph.input!r} without a quantizer; say how it is coded: "
            "input_bits and input_scale (x = code * scale), input_signed if codes go below 0"
        )
    else:
        form = InputFormat(walk.codes.bits, walk.codes.signed)
        if not 0 < walk.codes.scale < float("inf"):
            raise QsimError(f"input_scale is {walk.codes.scale}; a positive finite number is needed")
        scale = Fraction(walk.codes.scale)
    for step in walk.steps:
        if not isinstance(step, Affine):
            kind_ = type(step).__name__
            raise QsimError(f"{product} takes the input through {kind_}; scales and offsets are allowed")
    slope, offset = composed(walk.steps, walk.elements)
    if len(set(slope)) > 1 or not slope[0]:
        raise QsimError(f"{product} takes inputs of different scales; one for all, not 0, is needed")
    levels = Levels(Fraction(0), slope[0] * scale, form.low, form.high)
    return Input(form, levels, tuple(offset), codes_per_unit=float(1 / scale))


def _format(levels: Levels) -> InputFormat:
    """The narrowest format that holds the codes."""
    if levels.lowest >= 0:
        return InputFormat(max(1, levels.highest.bit_length()))
    return InputFormat(max((-levels.lowest - 1).bit_length(), levels.highest.bit_length()) + 1, signed=True)


Inputs = Sequence[Constant | None]
Handler = Any  # function of (walk, node, inputs), one for each operation


def constant(node: Node, inputs: Inputs, i: int, what: str) -> Array:
    """Input i of a node, which must be constant."""
    value = inputs[i] if i < len(inputs) else None
    if value is None:
        raise QsimError(f"{node.label} has {what} that is not constant; a constant is needed")
    return value.value
