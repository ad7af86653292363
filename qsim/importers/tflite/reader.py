"""TFLite files of int8 fully connected layers, read through the schema alone: nothing in them is run."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from ...errors import QsimError
from ...model.input_format import InputFormat
from ..rounding import ROUNDINGS as ROUNDING_MODES
from ..stages import Input, Levels, Reading, Stage
from ..steps import Affine, Quantizer
from .rounding import ROUNDINGS, Requantize, multiplier

Array = npt.NDArray[Any]
LOW, HIGH = -128, 127
ONE = (Fraction(1),)
OPERATORS = ("FULLY_CONNECTED", "RESHAPE", "SOFTMAX")
ACTIVATIONS = {0: None, 1: "RELU"}  # of TFLite's enumeration
LARGEST = 1 << 30


@dataclass(frozen=True)
class Tensor:
    """A tensor's name, shape and int8 or int32 quantization: real = (integer - zero) * scale."""

    index: int
    name: str
    shape: tuple[int, ...]
    kind: int
    scale: Array
    zero: Array
    data: bytes


@dataclass(frozen=True)
class File:
    """A TFLite file, for comparisons."""

    content: bytes
    facts: dict[str, Any]
    shape: tuple[int, ...]
    kind: np.dtype[Any]


def read(source: str | PathLike[str], rounding: str = "single") -> tuple[Reading, File]:
    """Read an int8 multilayer perceptron.

    Parameters
    ----------
    source : path
    rounding : "double" or "single"
        Which of TFLite's requantizations the thresholds are.

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
    if rounding not in ROUNDINGS:
        raise QsimError(f"rounding is {rounding!r}; {' or '.join(ROUNDINGS)} is needed")
    try:
        return _read(content, path.name, rounding)
    except QsimError as error:
        raise QsimError(f"{path.name}: {error}") from None
    except (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise QsimError(f"{path.name}: a damaged TFLite file ({error})") from None


def _read(content: bytes, name: str, rounding: str) -> tuple[Reading, File]:
    model = tflite.Model.GetRootAsModel(content, 0)
    if model.SubgraphsLength() != 1:
        raise QsimError(f"{model.SubgraphsLength()} subgraphs; one is needed")
    graph = model.Subgraphs(0)
    if graph.InputsLength() != 1 or graph.OutputsLength() != 1:
        raise QsimError(
            f"{graph.InputsLength()} inputs and {graph.OutputsLength()} outputs; one of each is needed"
        )
    current = entry = _tensor(model, graph, graph.Inputs(0))
    if entry.kind != tflite.TensorType.INT8:
        raise QsimError(f"input {entry.name!r} is of type {entry.kind}; int8 is needed")
    stages: list[Stage] = []
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        kind = _kind(model, operator)
        if kind not in OPERATORS:
            raise QsimError(f"{kind} {i} is not supported; {', '.join(OPERATORS)} are allowed")
        if operator.Inputs(0) != current.index:
            raise QsimError(f"{kind} {i} takes in another tensor than the last; a chain of layers is needed")
        made = _tensor(model, graph, operator.Outputs(0))
        if kind == "FULLY_CONNECTED":
            stages.append(_layer(model, graph, operator, (current, made), i, ROUNDINGS[rounding]))
        elif kind == "SOFTMAX":
            break
        current = made
    if not stages:
        raise QsimError("no FULLY_CONNECTED operator; one is needed")
    stages[-1] = replace(stages[-1], steps=stages[-1].steps[:2])  # outputs stay TFLite's integers
    real = {"scale": float(current.scale[0]), "zero": int(current.zero[0])}
    facts = {
        "output": real,
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "rounding": rounding,
    }
    file = File(content, facts, entry.shape, np.dtype(np.float32))
    return Reading(_input(entry), tuple(stages), facts, current.name), file


def _input(entry: Tensor) -> Input:
    """The input's codes, and how real inputs become codes: halves away from zero, as TFLite quantizes."""
    if len(entry.scale) != 1:
        raise QsimError(f"input {entry.name!r} has {len(entry.scale)} scales; one is needed")
    scale, zero = Fraction(float(entry.scale[0])), int(entry.zero[0])
    away = ROUNDING_MODES["HALF_UP"]

    def begins(k: int, j: int) -> tuple[Fraction, bool]:
        place, inclusive = away.cut(LOW + k - zero)
        return place * scale, inclusive

    def run(x: Array) -> Array:
        return (away.apply(x / x.dtype.type(scale)) + zero).clip(LOW, HIGH)

    quantizer = Quantizer("the input", HIGH - LOW, (Fraction(LOW),), ONE, begins, run)
    levels = Levels(Fraction(-zero), Fraction(1), LOW, HIGH)
    steps = (quantizer, Affine(ONE, (Fraction(-zero),), lambda x: x - zero))
    return Input(InputFormat(8, signed=True), levels, steps=steps, codes_per_unit=float(1 / scale))


def _kind(model: Any, operator: Any) -> str:
    code = model.OperatorCodes(operator.OpcodeIndex())
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    names = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
    return names.get(number, f"operator {number}")


def _tensor(model: Any, graph: Any, index: int) -> Tensor:
    tensor = graph.Tensors(index)
    own = tensor.Quantization()
    scale = own.ScaleAsNumpy() if own is not None and own.ScaleLength() else np.zeros(0, np.float32)
    zero = (
        own.ZeroPointAsNumpy()
        if own is not None and own.ZeroPointLength()
        else np.zeros(len(scale), np.int64)
    )
    held = model.Buffers(tensor.Buffer())
    data = held.DataAsNumpy().tobytes() if held.DataLength() else b""
    shape = tuple(tensor.Shape(i) for i in range(tensor.ShapeLength()))
    name = (tensor.Name() or b"").decode(errors="replace")
    return Tensor(index, name, shape, tensor.Type(), scale, zero, data)


def _values(tensor: Tensor, kind: Any, label: str) -> Array:
    array = np.frombuffer(tensor.data, kind)
    if array.size != int(np.prod(tensor.shape, dtype=object)):
        raise QsimError(f"{label}: {tensor.name!r} of shape {tensor.shape} holds {array.size} values")
    return array.reshape(tensor.shape)


def _layer(
    model: Any, graph: Any, operator: Any, ends: tuple[Tensor, Tensor], i: int, rounding: Requantize
) -> Stage:
    """One fully connected layer: integer product, 32-bit bias, requantization."""
    label = f"FULLY_CONNECTED {i}"
    taken, made = ends
    weights = _tensor(model, graph, operator.Inputs(1))
    kinds = (taken.kind, weights.kind, made.kind)
    if kinds != (tflite.TensorType.INT8,) * 3:
        raise QsimError(f"{label} has types {kinds}; int8 data, weights and results are needed")
    if len(taken.scale) != 1 or len(made.scale) != 1 or not len(weights.scale) or weights.zero.any():
        raise QsimError(f"{label} lacks a scale of its data, or has zero points of weights; none are allowed")
    integers = _values(weights, np.int8, label).astype(np.int64)
    outputs = len(integers)
    if len(weights.scale) not in (1, outputs):
        raise QsimError(f"{label} has {len(weights.scale)} weight scales; 1 or {outputs} are needed")
    bias = np.zeros(outputs, np.int64)
    if operator.InputsLength() > 2 and operator.Inputs(2) >= 0:
        bias = _values(_tensor(model, graph, operator.Inputs(2)), np.int32, label).astype(np.int64)
    options = tflite.FullyConnectedOptions()
    options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
    activation = options.FusedActivationFunction()
    if activation not in ACTIVATIONS:
        raise QsimError(f"{label} has fused activation {activation}; none or RELU is allowed")
    zero = int(made.zero[0])
    factors = np.broadcast_to(weights.scale.astype(np.float64), (outputs,))
    reals = [float(taken.scale[0]) * float(s) / float(made.scale[0]) for s in factors]
    low = max(LOW, zero) if ACTIVATIONS[activation] else LOW
    multipliers = [multiplier(r) for r in reals]
    if max(shift for _, shift in multipliers) > 1:
        raise QsimError(f"{label} multiplies by {max(reals):g} to requantize; less than 2 is needed")
    quantizer = _requantizer(label, made.name, multipliers, zero, low, rounding)
    offset = tuple(Fraction(int(b)) for b in bias)
    steps = (
        Affine(ONE, offset, lambda x: x + bias),
        quantizer,
        Affine(ONE, (Fraction(-zero),), lambda x: x - zero),  # as the next layer takes it in
    )
    return Stage(label, integers, ONE, steps, integer=True)


def _requantizer(
    label: str, tensor: str, multipliers: list[tuple[int, int]], zero: int, low: int, rounding: Requantize
) -> Quantizer:
    """The staircase of min(max(rounded(acc * real) + zero, low), 127), found by bisection in integers."""

    def reaches(acc: int, k: int, j: int) -> bool:
        return int(rounding(np.int64(acc), *multipliers[j])) + zero >= low + k

    def begins(k: int, j: int) -> tuple[Fraction, bool]:
        q, shift = multipliers[j]
        near = round((low + k - zero - 0.5) / (q * 2.0 ** (shift - 31))) if q else LARGEST
        left, right = near - 3, near + 3
        if abs(near) >= LARGEST or reaches(left, k, j) or not reaches(right, k, j):
            left, right = -LARGEST, LARGEST
        while left < right:
            middle = (left + right) >> 1
            left, right = (left, middle) if reaches(middle, k, j) else (middle + 1, right)
        return Fraction(left), True

    def run(acc: Array) -> Array:
        whole = np.rint(acc).astype(np.int64)
        columns = [rounding(whole[:, j], *m) for j, m in enumerate(multipliers)]
        return (np.stack(columns, axis=1) + zero).clip(low, HIGH).astype(np.float64)

    return Quantizer(label, HIGH - low, (Fraction(low),), ONE, begins, run, tensor)


Runner = Callable[[Array, Any], dict[str, Array]]


def interpreter(file: File) -> Runner:
    """The file in LiteRT's reference kernels: codes (N, inputs) to tensors by name."""
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise QsimError(f"the runtime tflite needs {error.name}: pip install ai-edge-litert") from None
    made = Interpreter(
        model_content=file.content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    made.allocate_tensors()
    places = {d["name"]: d["index"] for d in made.get_tensor_details()}
    entry = made.get_input_details()[0]

    def run(codes: Array, wanted: Any) -> dict[str, Array]:
        rows: dict[str, list[Array]] = {name: [] for name in wanted}
        for row in codes:
            made.set_tensor(entry["index"], row.reshape(entry["shape"]).astype(np.int8))
            made.invoke()
            for name in wanted:
                rows[name].append(made.get_tensor(places[name]).reshape(-1).copy())
        return {name: np.stack(values) for name, values in rows.items()}

    return run
