"""One trained network, frozen to exactly the integers that the hardware stores.

Everything that can change an output bit is in a `Model`, and nothing else is. A model comes from
`qsim.quantize`, from a file (`qsim.load`), or straight from integer arrays, as here:

>>> import numpy as np
>>> from qsim import InputFormat, Layer, Model
>>> hidden = Layer(weights=[[1, -3], [3, 1], [-1, -1]], bias=[0, 5, -2], bits=2, thresholds=[0, 4, 8])
>>> output = Layer(weights=[[1, 1, -1], [-3, 1, 3]], bias=[0, 0], bits=2)
>>> model = Model(layers=(hidden, output), input=InputFormat(bits=4, signed=False))
>>> model.logits(np.array([[1, 2], [15, 0]]))
array([[ 3,  3],
       [ 6, -6]])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from os import PathLike
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .. import spec
from ..errors import QsimError
from ..spec import geometry
from . import container
from .input_format import InputFormat
from .layer import Layer

FORMAT = 1  # the file layout

IntArray = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Trace:
    """Every integer between the layers, for N images.

    Parameters
    ----------
    hidden : tuple of int array (N, outputs)
        The codes of each hidden layer, unsigned.
    logits : int64 array (N, outputs)
        The last layer's accumulators.
    """

    hidden: tuple[IntArray, ...]
    logits: npt.NDArray[np.int64]


class Executor(Protocol):
    """What a model needs of that which runs it."""

    @property
    def complete(self) -> np.dtype[Any] | None:
        """The type of codes that need no look at their values, if there is one."""

    @property
    def sweeper(self) -> Callable[[IntArray, IntArray, IntArray, npt.NDArray[np.int64]], None] | None:
        """Fills in the classes (images, steps) of codes, signs and steps, if that has a short cut."""

    def logits(
        self, codes: IntArray, first_image: int = 0, hidden: Sequence[IntArray] = ()
    ) -> npt.NDArray[np.int64]:
        """The last accumulators (images, outputs); fills in hidden codes, one array a layer, if given."""

    def predict(self, codes: IntArray, first_image: int = 0) -> npt.NDArray[np.int64]:
        """The classes (images,)."""


_make_executor: Callable[[Model], Executor] | None = None


def run_models_with(make: Callable[[Model], Executor]) -> None:
    """Have every model run by what `make` gives for it: models know nothing of their executors."""
    global _make_executor
    _make_executor = make


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
        if layers[0].zero_code:
            raise QsimError(
                f"layer 0 has {layers[0].zero_code} as the code of 0.0; input codes are signed where needed, "
                "so it is 0"
            )
        if layers[-1].thresholds is not None:
            raise QsimError(
                "the last layer has thresholds; its accumulators are the logits, so none are allowed"
            )
        for i, layer in enumerate(layers):
            low, high = layer.sum_bounds(*self.code_range(i))
            if low < -(1 << 62) or high >= 1 << 62:
                raise QsimError(f"layer {i} accumulates from {low} to {high}; 63 bits are allowed")

    def __getstate__(self) -> dict[str, Any]:
        """All but the executor, which holds compiled code: models are copied and pickled without it."""
        return {key: value for key, value in self.__dict__.items() if key != "executor"}

    @property
    def inputs(self) -> int:
        """Input codes of an image."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Logits of an image."""
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
        """The smallest and the largest code that can enter a layer.

        Parameters
        ----------
        layer : int
            Index of the layer, from 0.

        Returns
        -------
        tuple of int
            The smallest and the largest code.
        """
        if layer == 0:
            return self.input.low, self.input.high
        return 0, self.layers[layer - 1].max_code

    @cached_property
    def bounds(self) -> tuple[tuple[int, int], ...]:
        """For each layer, a range that no accumulator leaves.

        It is the worst case over the layer's actual weights and all possible codes (`Layer.sum_bounds`), or
        all of the width at which the layer wraps around.
        """
        bounds = []
        for i, layer in enumerate(self.layers):
            half = 1 << (layer.wrap_bits or 1) - 1
            whole = -half, half - 1
            bounds.append(layer.sum_bounds(*self.code_range(i)) if layer.wrap_bits is None else whole)
        return tuple(bounds)

    @cached_property
    def accumulator_bits(self) -> tuple[int, ...]:
        """For each layer, the two's complement width of the engine's accumulators and biases.

        On a hidden layer it also holds one above the largest accumulator, so that a threshold can be a
        number that none reaches.
        """
        return tuple(
            layer.wrap_bits or geometry.signed_width(min(low, -1), high + (layer.max_code > 0))
            for layer, (low, high) in zip(self.layers, self.bounds, strict=True)
        )

    @property
    def wraps(self) -> bool:
        """Whether an accumulator of any layer may wrap around."""
        return any(layer.wrap_bits is not None for layer in self.layers)

    @cached_property
    def digest(self) -> str:
        """sha256, in hex, of everything but the provenance: the name of this exact network."""
        return container.fingerprint(self.description(), self.tensors())

    def description(self) -> dict[str, Any]:
        """All of the model that is no array, as JSON-able values.

        Returns
        -------
        dict
            As in the header of a model file.
        """
        return {
            "format": FORMAT,
            "spec": spec.VERSION,
            "input": {"bits": self.input.bits, "signed": self.input.signed},
            "layers": [
                {
                    **({"kind": "dense"} if layer.crossbar is None else layer.crossbar.description()),
                    "grid": layer.grid,
                    "bits": layer.bits,
                    "one": layer.codes_per_unit,
                    **({"zero": layer.zero_code} if layer.zero_code else {}),
                    "activation": layer.activation,
                    "gain": layer.preactivation_gain,
                    "accumulator": list(bounds),
                    **({} if layer.wrap_bits is None else {"wrap": layer.wrap_bits}),
                }
                for layer, bounds in zip(self.layers, self.bounds, strict=True)
            ],
        }

    def tensors(self) -> dict[str, IntArray]:
        """The arrays of the model file.

        Returns
        -------
        dict of str to int64 array
            As a model file names them.
        """
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
    def executor(self) -> Executor:
        """What runs this model, chosen when it first runs."""
        if _make_executor is None:
            raise QsimError("nothing that runs models is loaded; import qsim")
        return _make_executor(self)

    def checked(self, codes: npt.ArrayLike) -> IntArray:
        """`codes` as an integer array (N, inputs), refused where the input format does not allow it.

        Parameters
        ----------
        codes : int array (N, inputs)
            Of any integer type.

        Returns
        -------
        int array (N, inputs)
            In the narrowest type that holds every code of the format.

        Raises
        ------
        QsimError
            If shape, type or a value is not that of the input format.
        """
        return self._admitted(codes).astype(self.input.dtype, copy=False)

    def _admitted(self, codes: npt.ArrayLike) -> IntArray:
        """`codes` in any integer type and without a copy; not even looked at if no value could be wrong."""
        array = codes if type(codes) is np.ndarray else np.asarray(codes)
        fits = array.ndim == 2 and array.shape[1] == self.layers[0].weights.shape[1]
        complete = self.executor.complete
        if fits and (array.dtype is complete or array.dtype == complete):
            return array
        if not fits:
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
        """The last layer's accumulators.

        Parameters
        ----------
        codes : int array (N, inputs)
            Of any integer type, within the input format.
        first_image : int
            The number of the first image; only a crossbar's read noise depends on it.

        Returns
        -------
        int64 array (N, outputs)

        Raises
        ------
        QsimError
            If shape, type or a value of `codes` is not that of the input format.
        """
        return self.executor.logits(self._admitted(codes), first_image)

    def predict(self, codes: npt.ArrayLike, first_image: int = 0) -> npt.NDArray[np.int64]:
        """The class of each image: the largest logit, the lowest index on a tie.

        With one output, class 1 is where the logit is >= 0.

        Parameters
        ----------
        codes : int array (N, inputs)
            Of any integer type, within the input format.
        first_image : int
            As in `logits`.

        Returns
        -------
        int64 array (N,)

        Raises
        ------
        QsimError
            If shape, type or a value of `codes` is not that of the input format.
        """
        return self.executor.predict(self._admitted(codes), first_image)

    def trace(self, codes: npt.ArrayLike, first_image: int = 0) -> Trace:
        """Every integer between the layers.

        Parameters
        ----------
        codes : int array (N, inputs)
            Of any integer type, within the input format.
        first_image : int
            As in `logits`.

        Returns
        -------
        Trace

        Raises
        ------
        QsimError
            If shape, type or a value of `codes` is not that of the input format.
        """
        admitted = self._admitted(codes)
        hidden = tuple(
            np.empty((len(admitted), layer.outputs), np.min_scalar_type(layer.max_code))
            for layer in self.layers[:-1]
        )
        return Trace(hidden, self.executor.logits(admitted, first_image, hidden))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as one file, completely or not at all.

        Parameters
        ----------
        path : path
            A safetensors file; one that is there is replaced.

        Raises
        ------
        QsimError
            If the file cannot be written.
        """
        header = {**self.description(), "digest": self.digest, "provenance": self.provenance}
        container.write(path, header, self.tensors())
