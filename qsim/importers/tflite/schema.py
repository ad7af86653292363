"""What a TFLite file holds, read through the schema alone: tensors, operators, constants. Nothing is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from ...errors import QsimError

Array = npt.NDArray[Any]


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


KINDS = _names(tflite.TensorType)
OPERATORS = _names(tflite.BuiltinOperator)
MAX_RANK = 16
SPANS = {"INT8": (-128, 127), "UINT8": (0, 255)}  # of 8-bit codes


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor and its quantization: real = (integer - zero) * scale.

    Parameters
    ----------
    index : int
    name : str
    shape : tuple of int
    kind : str
        FLOAT32, INT8, …
    scale, zero : float32 and int arrays
        Empty, one for all, or one for each index along `axis`.
    axis : int
    data : uint8 array
        Of a constant, as it lies in the file; else empty.
    sparse : bool
    """

    index: int
    name: str
    shape: tuple[int, ...]
    kind: str
    scale: Array
    zero: Array
    axis: int
    data: Array
    sparse: bool

    @property
    def elements(self) -> int:
        return int(np.prod(self.shape, dtype=object))


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator: its name with its number for messages, tensors by index, and its own table."""

    kind: str
    label: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    table: Any


@dataclass(frozen=True, eq=False)
class Graph:
    """A file with one subgraph, one input and one output."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    entry: Tensor
    output: int


def parse(content: bytes) -> Graph:
    """The graph in a file.

    Raises
    ------
    QsimError
        If it has several subgraphs, inputs or outputs. A damaged file raises errors of struct and numpy.
    """
    model = tflite.Model.GetRootAsModel(content, 0)
    if model.SubgraphsLength() != 1:
        raise QsimError(f"{model.SubgraphsLength()} subgraphs; one is needed")
    graph = model.Subgraphs(0)
    if graph.InputsLength() != 1 or graph.OutputsLength() != 1:
        raise QsimError(
            f"{graph.InputsLength()} inputs and {graph.OutputsLength()} outputs; one of each is needed"
        )
    tensors = tuple(_tensor(model, graph, i) for i in range(graph.TensorsLength()))
    operators = tuple(_operator(model, graph.Operators(i), i) for i in range(graph.OperatorsLength()))
    return Graph(tensors, operators, tensors[graph.Inputs(0)], graph.Outputs(0))


def _tensor(model: Any, graph: Any, index: int) -> Tensor:
    tensor = graph.Tensors(index)
    own = tensor.Quantization()
    scaled = own is not None and own.ScaleLength() > 0
    scale = own.ScaleAsNumpy() if scaled else np.zeros(0, np.float32)
    zero = np.zeros(len(scale), np.int64)
    if scaled and own.ZeroPointLength():
        zero = own.ZeroPointAsNumpy()
    held = model.Buffers(tensor.Buffer())
    data = held.DataAsNumpy() if held.DataLength() else np.zeros(0, np.uint8)
    if tensor.ShapeLength() > MAX_RANK:
        raise QsimError(f"tensor {index} has {tensor.ShapeLength()} dimensions; {MAX_RANK} are allowed")
    shape = tuple(tensor.Shape(i) for i in range(tensor.ShapeLength()))
    name = (tensor.Name() or b"").decode(errors="replace")
    kind = KINDS.get(tensor.Type(), f"type {tensor.Type()}")
    axis = own.QuantizedDimension() if scaled else 0
    return Tensor(index, name, shape, kind, scale, zero, axis, data, tensor.Sparsity() is not None)


def _operator(model: Any, operator: Any, number: int) -> Operator:
    code = model.OperatorCodes(operator.OpcodeIndex())
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    kind = OPERATORS.get(builtin, f"operator {builtin}")
    inputs = tuple(operator.Inputs(i) for i in range(operator.InputsLength()))
    outputs = tuple(operator.Outputs(i) for i in range(operator.OutputsLength()))
    return Operator(kind, f"{kind} {number}", inputs, outputs, operator)


def values(tensor: Tensor, kind: Any, label: str) -> Array:
    """The numbers of a constant.

    Raises
    ------
    QsimError
        If the file holds more or fewer than its shape says.
    """
    array = np.frombuffer(tensor.data, kind)
    if tensor.sparse or array.size != tensor.elements:
        held = "compressed values" if tensor.sparse else f"{array.size} values"
        raise QsimError(
            f"{label}: {tensor.name!r} of shape {tensor.shape} holds {held}; all of them are needed"
        )
    return array.reshape(tensor.shape)


def one_scale(tensor: Tensor, label: str) -> tuple[np.float32, int]:
    """Scale and zero point of an 8-bit tensor of data.

    Raises
    ------
    QsimError
        If it is of another type, or its scale is not one positive number.
    """
    if tensor.kind not in SPANS:
        raise QsimError(f"{label}: {tensor.name!r} is {tensor.kind}; {' or '.join(SPANS)} is needed")
    if len(tensor.scale) != 1 or not np.isfinite(tensor.scale[0]) or tensor.scale[0] <= 0:
        raise QsimError(
            f"{label}: {tensor.name!r} has scales {tensor.scale.tolist()[:4]}; one positive scale is needed"
        )
    low, high = SPANS[tensor.kind]
    zero = int(tensor.zero[0])
    if not low <= zero <= high:
        raise QsimError(f"{label}: {tensor.name!r} has zero point {zero}; {low} to {high} are allowed")
    return np.float32(tensor.scale[0]), zero
