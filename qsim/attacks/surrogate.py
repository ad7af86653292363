"""The gradient that integers lack: derivatives of the logits by the input codes, through stand-in slopes.

The forward pass is the integer network's own; only the slopes of the hidden units are chosen. With read noise
they are averaged over draws of it. `matched`
slopes are as wide as an attack of the given reach moves a unit's sum: T = matched * reach * |w|_2, so that a
unit counts if the attack can change it, however steep the activation is. A step or sigmoid then has the slope
of a sigmoid of temperature T; a ReLU that is off has slope 1 + z / T down to z = -T.

Products with the first layer's weights run on the integer kernel, the derivatives by its sums rounded to 16
bits of their largest: they are exact, so equal for every batch size, number of threads and machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..activations import activation
from ..jit.compiling import cached
from ..model.input_format import InputFormat
from ..model.layer import Layer
from ..model.model import Model
from ..shadow.lines import lines
from ..shadow.network import Network, of_model
from .defective import noise_of_units, without_noise
from .steps import Codes

Reals = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

FINE = InputFormat(16, signed=True)


class Surrogate:
    """Derivatives of a model's logits by its input codes.

    Parameters
    ----------
    model : Model
        Whose hidden layers all name their activation, or none does; gives the hidden codes.
    reach : float
        How far the attack typically moves an input, in LSBs.
    matched : float or None
        Factor on the width of the slopes; None for the activation's own.
    network : Network, optional
        Other weights of the same shape, such as those that defective cells stand for.
    """

    def __init__(
        self, model: Model, reach: float, matched: float | None = None, network: Network | None = None
    ) -> None:
        self.model = model
        self.quiet = without_noise(model)
        self.noise = noise_of_units(model)
        self.network = network or of_model(model)
        own = network is None
        self.sums, self.back = _own_parts(model) if own else _parts(model, _fine_layers(model, self.network))
        self.weights = [np.ascontiguousarray(w.T, np.float32) for w in self.network.weights[1:]]
        self.widths: list[Reals | None] = [None] * len(self.sums)
        if matched is not None:
            self.widths = _matched_widths(self.network, matched * reach)

    @property
    def units(self) -> int:
        """How many units the first layer has; 0 if it is the last one too."""
        return self.sums[0].layer.outputs if self.sums else 0

    def gradient(
        self,
        codes: Codes,
        by_logits: npt.NDArray[np.float64],
        factor: float = 1.0,
        emphasis: Reals | None = None,
    ) -> Integers:
        """The derivative by each input code (N, inputs), each image's times some positive number.

        Parameters
        ----------
        codes : int array (N, inputs) of the input format's type
        by_logits : float64 array (N, classes), the loss's derivative by the logits
        factor : of the width of matched slopes
        emphasis : float32 array (N, units), weights of the first hidden layer's units
        """
        flow = self._into_first(codes, by_logits, factor, 0)
        for draw in range(1, len(self.noise[0]) if self.noise else 1):
            flow += self._into_first(codes, by_logits, factor, draw)
        if emphasis is not None and self.sums:
            flow *= emphasis
        return self.back.logits(_to_integers(flow))

    def _into_first(
        self, codes: Codes, by_logits: npt.NDArray[np.float64], factor: float, draw: int
    ) -> Reals:
        """The derivative by the first layer's sums in one draw of read noise."""
        flow, inputs = self._down_to(codes, by_logits, factor, draw)
        if self.sums:
            flow *= self._slopes(0, inputs[0], factor, draw)
        return flow

    def by_units(self, codes: Codes, by_logits: npt.NDArray[np.float64]) -> Reals:
        """The derivative by the activation of each unit of the first hidden layer, float32 (N, units)."""
        return self._down_to(codes, by_logits, 1.0)[0]

    def _down_to(
        self, codes: Codes, by_logits: npt.NDArray[np.float64], factor: float, draw: int = 0
    ) -> tuple[Reals, list[Codes]]:
        """The derivative by the first layer's outputs, and the inputs of all hidden layers."""
        flow = (by_logits[:, 1:] if self.model.outputs == 1 else by_logits).astype(np.float32)
        inputs = [codes, *(self.quiet.trace(codes).hidden if len(self.sums) > 1 else ())]
        for i in reversed(range(len(self.weights))):
            flow = product(flow, self.weights[i])
            if i:
                flow *= self._slopes(i, inputs[i], factor, draw)
        return flow, inputs

    def _slopes(self, i: int, codes: Codes, factor: float, draw: int) -> Reals:
        width = self.widths[i]
        wide = None if width is None else width * np.float32(factor)
        z, unit = self.sums[i](codes), activation(self.network.activation)
        if self.quiet is not self.model:
            z = z + self.noise[i][draw]
        slope = unit.slope(z, unit.forward(z)) if wide is None else unit.stretched_slope(z, wide)
        return slope.astype(np.float32, copy=False)


@dataclass(frozen=True)
class _Sums:
    """A hidden layer's real pre-activations, from the integer kernel."""

    layer: Model
    scale: np.float32 | npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64] | float = 0.0  # with scales a unit alone

    @classmethod
    def of(cls, model: Model, layer: Layer, i: int) -> _Sums:
        form = model.input if i == 0 else InputFormat(max(model.code_range(i)[1].bit_length(), 1))
        bare = Layer(layer.weights, layer.bias, bits=layer.bits, grid=layer.grid)
        unit = layer.weight_denominator * layer.codes_per_unit / layer.preactivation_gain
        if layer.activation is None:
            line = lines(model)[i]
            return cls(Model((bare,), form), line.slope, line.offset)
        return cls(Model((bare,), form), np.float32(1 / unit))

    def __call__(self, codes: Codes) -> Reals:
        z = self.layer.logits(codes).astype(np.float32)
        if isinstance(self.scale, np.float32):
            z *= self.scale
            return z
        return (z * self.scale + self.offset).astype(np.float32)


def _parts(model: Model, layers: Sequence[Layer]) -> tuple[tuple[_Sums, ...], Model]:
    """The sums of all hidden layers, and the way back through the first layer's weights."""
    first = layers[0]
    back = Layer(first.weights.T, np.zeros(first.inputs, np.int64), bits=first.bits, grid=first.grid)
    return tuple(_Sums.of(model, layer, i) for i, layer in enumerate(layers[:-1])), Model((back,), FINE)


@lru_cache(maxsize=4)  # models: an attack that is repeated finds them checked and packed
def _own_parts(model: Model) -> tuple[tuple[_Sums, ...], Model]:
    return _parts(model, model.layers)


def _fine_layers(model: Model, network: Network) -> list[Layer]:
    """A network's real weights in [-1, 1] on a grid of 16 bits."""
    layers = []
    for layer, weights, bias in zip(model.layers, network.weights, network.biases, strict=True):
        fine = replace(layer, bits=16, grid="twos_complement", crossbar=None)
        top = fine.weight_denominator
        whole = np.rint(weights.T.astype(np.float64) * top).clip(-top, top - 1).astype(np.int64)
        driven = np.rint(bias.astype(np.float64) * top * layer.codes_per_unit).astype(np.int64)
        layers.append(replace(fine, weights=whole, bias=driven - layer.zero_code * whole.sum(axis=1)))
    return layers


def _matched_widths(network: Network, reach: float) -> list[Reals | None]:
    """The width T of each hidden unit's slope, in units of its pre-activation, layer by layer."""
    moved = np.full(network.weights[0].shape[0], reach / network.codes_per_unit)
    widths: list[Reals | None] = []
    most = activation(network.activation).span / 2
    for weights in network.weights[:-1]:
        width = np.sqrt(np.square(weights * moved[:, None]).sum(axis=0)) * network.preactivation_gain
        width = np.maximum(width, 1e-9)
        widths.append(width.astype(np.float32))
        moved = np.minimum(width, most)
    return widths


@cached(error_model="numpy")
def product(left: Reals, right: Reals) -> Reals:
    """left (N, K) @ right (K, M), each sum in the order of K whatever N is."""
    out = np.zeros((left.shape[0], right.shape[1]), np.float32)
    for i in range(left.shape[0]):
        for k in range(right.shape[0]):
            factor = left[i, k]
            if factor != 0:
                for j in range(right.shape[1]):
                    out[i, j] += factor * right[k, j]
    return out


@cached(error_model="numpy")
def _to_integers(flow: Reals) -> Any:
    """Each row times the number that makes its largest entry 32767, rounded, int16."""
    out = np.zeros(flow.shape, np.int16)
    for i in range(flow.shape[0]):
        largest = np.float32(0)
        for j in range(flow.shape[1]):
            largest = max(largest, abs(flow[i, j]))
        if largest > 0:
            scale = 32767.0 / largest
            for j in range(flow.shape[1]):
                out[i, j] = np.int16(np.rint(flow[i, j] * scale))
    return out
