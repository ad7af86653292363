"""The waist: one trained network, frozen to exactly the integers that the hardware stores.

Everything that can change an output bit is in a `Model`, and nothing else is. A model comes from
`qsim.quantize`, from a file (`qsim.load`), or straight from integer arrays, as here:

>>> import numpy as np
>>> hidden = Layer(weights=[[1, -3], [3, 1], [-1, -1]], bias=[0, 5, -2], bits=2, thresholds=[0, 4, 8])
>>> output = Layer(weights=[[1, 1, -1], [-3, 1, 3]], bias=[0, 0], bits=2)
>>> model = Model(layers=(hidden, output), input=InputFormat(bits=4, signed=False))
>>> model.logits(np.array([[1, 2], [15, 0]]))
array([[ 3,  3],
       [ 6, -6]])
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from . import container, crossbar_run, kernel, spec
from .crossbar import Crossbar
from .errors import QsimError
from .integers import MAX_CODE_BITS as MAX_CODE_BITS
from .integers import InputFormat as InputFormat
from .integers import integers

GRIDS = ("odd", "twos_complement")
ACTIVATIONS = ("step", "sigmoid", "relu")
FORMAT = 1  # the file layout
MAX_WEIGHT_BITS = 16

IntArray = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Layer:
    """One dense layer in integers.

    Parameters
    ----------
    weights : int array (outputs, inputs)
        Integer values: on the `odd` grid the odd numbers from -(2**bits - 1) to 2**bits - 1, on
        the `twos_complement` grid any number from -2**(bits - 1) to 2**(bits - 1) - 1.
    bias : int array (outputs,)
        Added to the accumulator.
    bits : int
        Width q of a stored weight, 1 to 16.
    thresholds : int array (T,) or (outputs, T), or None
        Ascending. A hidden neuron's code is the number of its thresholds <= acc, so 0 to T, with
        T at most 65,535. One row serves all neurons. None marks the last layer.
    grid : "odd" or "twos_complement"
    one : float
        The input code that stands for 1.0 (255 for 8-bit pixels). Gives logits and attack
        strengths their real scale; no output bit depends on it.
    activation : "step", "sigmoid", "relu" or None
        What the thresholds sample, for the float shadow's gradient; None if unknown.
    gain : float
        Constant factor on the pre-activation, already contained in the thresholds.
    crossbar : Crossbar, optional
        The tiles that compute the products, instead of ideal integers. The weights then say what the
        cells were meant to hold, and give the float shadow.

    Raises
    ------
    QsimError
        If the parts contradict each other or a value is off its grid.
    """

    weights: npt.NDArray[np.int64]
    bias: npt.NDArray[np.int64]
    bits: int
    thresholds: npt.NDArray[np.int64] | None = None
    grid: str = "odd"
    one: float = 1.0
    activation: str | None = None
    gain: float = 1.0
    crossbar: Crossbar | None = None

    def __post_init__(self) -> None:
        weights = integers(self.weights, "weights", 2)
        bias = integers(self.bias, "bias", 1)
        if type(self.bits) is not int or not 1 <= self.bits <= MAX_WEIGHT_BITS:
            raise QsimError(f"weights of {self.bits!r} bits; 1 to {MAX_WEIGHT_BITS} are allowed")
        if self.grid not in GRIDS:
            raise QsimError(f"grid is {self.grid!r}; one of {', '.join(GRIDS)} is needed")
        if self.activation is not None and self.activation not in ACTIVATIONS:
            raise QsimError(
                f"activation is {self.activation!r}; one of {', '.join(ACTIVATIONS)} or none is needed"
            )
        for name in ("one", "gain"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e18:
                raise QsimError(f"{name} is {value!r}; a positive finite number is needed")
            object.__setattr__(self, name, float(value))
        low, high = _grid_range(self.grid, self.bits)
        if weights.min() < low or weights.max() > high:
            worst = weights.max() if weights.max() > high else weights.min()
            raise QsimError(
                f"weight {worst} is outside {low} to {high}, the {self.bits}-bit {self.grid} grid"
            )
        if self.grid == "odd" and not (weights & 1).all():
            raise QsimError(f"weight {weights[weights & 1 == 0][0]} is even; the odd grid has none")
        if len(bias) != len(weights):
            raise QsimError(f"{len(bias)} biases for {len(weights)} neurons; one each is needed")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "bias", bias)
        if self.thresholds is not None:
            object.__setattr__(self, "thresholds", self._checked_thresholds(len(weights)))
        if self.crossbar is not None:
            self.crossbar.check(self)

    def _checked_thresholds(self, outputs: int) -> npt.NDArray[np.int64]:
        """Thresholds as (outputs, T); rows that are all equal share one row of memory."""
        given = np.asarray(self.thresholds)
        rows = integers(given[None] if given.ndim == 1 else given, "thresholds", 2)
        if len(rows) not in (1, outputs):
            raise QsimError(
                f"{len(rows)} rows of thresholds for {outputs} neurons; 1 or {outputs} are needed"
            )
        if rows.shape[1] >= 1 << MAX_CODE_BITS:
            raise QsimError(
                f"{rows.shape[1]} thresholds a neuron; at most {(1 << MAX_CODE_BITS) - 1} are allowed"
            )
        if (rows[:, 1:] < rows[:, :-1]).any():
            raise QsimError("thresholds are not in ascending order; each must be >= the one before")
        if (rows == rows[0]).all():
            rows = np.broadcast_to(rows[0], (outputs, rows.shape[1]))
        return rows

    @property
    def inputs(self) -> int:
        return self.weights.shape[1]

    @property
    def outputs(self) -> int:
        return self.weights.shape[0]

    @property
    def levels(self) -> int:
        """The largest code that the thresholds can give: T, or 0 for the last layer."""
        return 0 if self.thresholds is None else self.thresholds.shape[1]

    @property
    def shared_thresholds(self) -> bool:
        """Whether one row of thresholds serves every neuron."""
        return self.thresholds is not None and self.thresholds.strides[0] == 0

    @property
    def scale(self) -> int:
        """The weight's integer that stands for 1.0: 2**bits - 1 on the odd grid, else 2**(bits - 1)."""
        return (1 << self.bits) - 1 if self.grid == "odd" else 1 << self.bits - 1

    @property
    def stored(self) -> npt.NDArray[np.int64]:
        """The q-bit two's complement codes that memories hold (outputs, inputs)."""
        return (self.weights - 1) >> 1 if self.grid == "odd" else self.weights


def _grid_range(grid: str, bits: int) -> tuple[int, int]:
    """The smallest and the largest weight on a grid."""
    half = 1 << bits - 1
    return spec.weight(-half, grid), spec.weight(half - 1, grid)


@dataclass(frozen=True)
class Trace:
    """Every integer between the layers: `hidden[l]` (N, outputs of layer l) and `logits` (N, outputs)."""

    hidden: tuple[IntArray, ...]
    logits: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Model:
    """A network of integer layers and the format of its input codes.

    Parameters
    ----------
    layers : sequence of Layer
        Each layer's inputs are the outputs of the one before; all but the last have thresholds.
    input : InputFormat
    provenance : mapping, optional
        JSON-able facts about how the model was made; stored, but not part of the digest.

    Raises
    ------
    QsimError
        If layers do not fit together, or an accumulator could leave 63 bits.
    """

    layers: Sequence[Layer]
    input: InputFormat
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        layers = tuple(self.layers)
        object.__setattr__(self, "layers", layers)
        try:
            object.__setattr__(self, "provenance", json.loads(json.dumps(self.provenance)))
        except (TypeError, ValueError) as error:
            raise QsimError(f"provenance cannot be written as JSON: {error}") from None
        if not layers:
            raise QsimError("a model of no layers; at least one is needed")
        for i, (layer, following) in enumerate(pairwise(layers)):
            if layer.thresholds is None:
                raise QsimError(f"layer {i} has no thresholds; every layer but the last needs them")
            if following.inputs != layer.outputs:
                raise QsimError(
                    f"layer {i + 1} has {following.inputs} inputs; layer {i} has {layer.outputs} outputs"
                )
        if layers[-1].thresholds is not None:
            raise QsimError(
                "the last layer has thresholds; its accumulators are the logits, so none are allowed"
            )
        for i, (low, high) in enumerate(self.bounds):
            if low < -(1 << 62) or high >= 1 << 62:
                raise QsimError(f"layer {i} accumulates from {low} to {high}; 63 bits are allowed")

    def __getstate__(self) -> dict[str, Any]:
        """All but the packed form, which holds compiled code: models are copied and pickled without it."""
        return {key: value for key, value in self.__dict__.items() if key not in ("_packed", "_plan")}

    @property
    def inputs(self) -> int:
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        return self.layers[-1].outputs

    @property
    def classes(self) -> int:
        """How many classes `predict` tells apart: two where there is one output."""
        return max(2, self.outputs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Widths from input to output, such as (784, 100, 10)."""
        return (self.inputs, *(layer.outputs for layer in self.layers))

    def code_range(self, layer: int) -> tuple[int, int]:
        """The smallest and the largest code that can enter a layer."""
        if layer == 0:
            return self.input.low, self.input.high
        return 0, self.layers[layer - 1].levels

    @cached_property
    def bounds(self) -> tuple[tuple[int, int], ...]:
        """For each layer, a range that no accumulator leaves.

        It is the worst case over the layer's actual weights and all possible codes, and holds for
        every partial sum too, in any order of addition, with the bias or without.
        """
        bounds = []
        for i, layer in enumerate(self.layers):
            low, high = self.code_range(i)
            if layer.crossbar is not None:
                bounds.append(layer.crossbar.bounds(layer, low, high))
                continue
            ends = np.stack([layer.weights * low, layer.weights * high])
            least, most = ends.min(0).clip(max=0).sum(1), ends.max(0).clip(min=0).sum(1)
            bias = layer.bias.tolist()
            bounds.append(
                (
                    min(m + min(b, 0) for m, b in zip(least.tolist(), bias, strict=True)),
                    max(m + max(b, 0) for m, b in zip(most.tolist(), bias, strict=True)),
                )
            )
        return tuple(bounds)

    @cached_property
    def digest(self) -> str:
        """sha256, in hex, of everything but the provenance: the name of this exact network."""
        return container.fingerprint(self.description(), self._tensors())

    def description(self) -> dict[str, Any]:
        """All of the model that is no array, as JSON-able values."""
        return {
            "format": FORMAT,
            "spec": spec.VERSION,
            "input": {"bits": self.input.bits, "signed": self.input.signed},
            "layers": [
                {
                    **({"kind": "dense"} if layer.crossbar is None else layer.crossbar.description()),
                    "grid": layer.grid,
                    "bits": layer.bits,
                    "one": layer.one,
                    "activation": layer.activation,
                    "gain": layer.gain,
                    "accumulator": list(bounds),
                }
                for layer, bounds in zip(self.layers, self.bounds, strict=True)
            ],
        }

    def _tensors(self) -> dict[str, IntArray]:
        tensors: dict[str, IntArray] = {}
        for i, layer in enumerate(self.layers):
            tensors[f"layers.{i}.weights"] = layer.weights
            tensors[f"layers.{i}.bias"] = layer.bias
            if layer.thresholds is not None:
                rows = layer.thresholds[:1] if layer.shared_thresholds else layer.thresholds
                tensors[f"layers.{i}.thresholds"] = rows
            if layer.crossbar is not None:
                tensors |= {f"layers.{i}.{k}": array for k, array in layer.crossbar.tensors().items()}
        return tensors

    @cached_property
    def _plan(self) -> crossbar_run.Plan:
        return crossbar_run.prepare(self)

    @cached_property
    def _packed(self) -> kernel.Packed:
        return kernel.pack(self)

    def checked(self, codes: npt.ArrayLike) -> IntArray:
        """`codes` as an integer array (N, inputs), refused where the input format does not allow it."""
        return self._admitted(codes).astype(self.input.dtype, copy=False)

    def _admitted(self, codes: npt.ArrayLike) -> IntArray:
        """`codes` in any integer type and without a copy; not even looked at if no value could be wrong."""
        array = codes if type(codes) is np.ndarray else np.asarray(codes)
        if not self.mapped:
            packed = self._packed
            if array.ndim == 2 and array.shape[1] == packed.inputs and array.dtype is packed.complete:
                return array
        if array.ndim != 2 or array.shape[1] != self.inputs:
            raise QsimError(f"codes have shape {array.shape}; (images, {self.inputs}) is needed")
        if array.dtype.kind not in "iu":
            raise QsimError(f"codes have type {array.dtype}; integers are needed")
        low, high = self.input.low, self.input.high
        info = np.iinfo(array.dtype)
        if array.size and (info.min < low or info.max > high):
            found = int(array.min()), int(array.max())
            if found[0] < low or found[1] > high:
                raise QsimError(f"codes run from {found[0]} to {found[1]}; {low} to {high} are allowed")
        return array

    @cached_property
    def mapped(self) -> bool:
        """Whether any layer is on a crossbar."""
        return any(layer.crossbar is not None for layer in self.layers)

    def logits(self, codes: npt.ArrayLike, first_image: int = 0) -> npt.NDArray[np.int64]:
        """The last layer's accumulators, int64 (N, outputs), for integer codes (N, inputs).

        Images are numbered from `first_image`; only a crossbar's read noise depends on the number.
        """
        if self.mapped:
            return crossbar_run.run(self._plan, self._admitted(codes), first_image)
        return kernel.run(self._packed, self._admitted(codes))

    def predict(self, codes: npt.ArrayLike, first_image: int = 0) -> npt.NDArray[np.int64]:
        """The class of each image (N,): the largest logit, the lowest index on a tie.

        With one output, class 1 is where the logit is >= 0. Images are numbered as in `logits`.
        """
        if self.mapped:
            return kernel.classify(self.logits(codes, first_image))
        return kernel.predict(self._packed, self._admitted(codes))

    def trace(self, codes: npt.ArrayLike, first_image: int = 0) -> Trace:
        """Hidden codes and logits of integer codes (N, inputs), images numbered as in `logits`."""
        admitted = self._admitted(codes)
        hidden = tuple(
            np.empty((len(admitted), layer.outputs), np.min_scalar_type(layer.levels))
            for layer in self.layers[:-1]
        )
        if self.mapped:
            return Trace(hidden, crossbar_run.run(self._plan, admitted, first_image, hidden))
        return Trace(hidden, kernel.run(self._packed, admitted, hidden))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as one file, completely or not at all."""
        header = {**self.description(), "digest": self.digest, "provenance": self.provenance}
        container.write(path, header, self._tensors())


def load(path: str | PathLike[str]) -> Model:
    """Read a model file.

    Raises
    ------
    QsimError
        If the file is missing, truncated, altered, from a newer version, or no model at all.
        Nothing in a file is ever executed.
    """
    header, tensors = container.read(path)
    for key, known in (("format", FORMAT), ("spec", spec.VERSION)):
        if header.get(key) != known:
            raise QsimError(
                f"{path}: written for {key} version {header.get(key)!r}; this qsim reads version {known}"
            )
    try:
        layers = []
        for i, entry in enumerate(header["layers"]):
            if entry["kind"] not in ("dense", "crossbar"):
                raise QsimError(f"layer {i} is of kind {entry['kind']!r}; 'dense' or 'crossbar' is needed")
            tiles = entry["kind"] == "crossbar"
            layers.append(
                Layer(
                    weights=tensors.pop(f"layers.{i}.weights"),
                    bias=tensors.pop(f"layers.{i}.bias"),
                    thresholds=tensors.pop(f"layers.{i}.thresholds", None),
                    crossbar=Crossbar.read(entry, tensors, f"layers.{i}.") if tiles else None,
                    **{key: entry[key] for key in ("bits", "grid", "one", "activation", "gain")},
                )
            )
        model = Model(tuple(layers), InputFormat(**header["input"]), header["provenance"])
        if tensors:
            raise QsimError(f"arrays that belong to no layer: {', '.join(sorted(tensors))}")
        if any(header[key] != value for key, value in model.description().items()):
            raise QsimError("its header states other formats or accumulator bounds than its arrays have")
        if model.digest != header["digest"]:
            raise QsimError("its digest is not that of its content")
    except QsimError as error:
        raise QsimError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise QsimError(f"{path}: its header lacks or misnames something ({error!r})") from None
    return model
