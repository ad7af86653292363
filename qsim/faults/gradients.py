"""The loss's derivative by weights and biases, on the float shadow: what a flipped bit promises to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model.model import Model
from ..shadow.network import Labels, Reals, of_model, to_real
from ..shadow.train import parameter_gradients
from .memory import Integers, flipped


def promised(
    model: Model, widths: Sequence[int], kind: str, codes: npt.NDArray[Any], labels: Labels
) -> list[Reals]:
    """To first order, how much each single flip raises the mean loss of images.

    Parameters
    ----------
    model : Model of ideal layers, whose hidden layers name their activation
    widths : sequence of int
        Bits of each layer's accumulators and biases in the engine.
    kind : "weight-bit" or "bias-bit"
    codes : int array (N, inputs)
    labels : int array (N,)

    Returns
    -------
    For each layer the rise, (neurons, inputs, bits) or (neurons, bits)
    """
    network = of_model(model, np.float64)
    x = to_real(codes, network.codes_per_unit, np.float64)
    gradients = parameter_gradients(network, x, np.asarray(labels, np.int64))
    found: list[Reals] = []
    for i, layer in enumerate(model.layers):
        by_weight, by_bias = gradients[i], gradients[len(model.layers) + i]
        if kind == "weight-bit":
            step = (2 if layer.grid == "odd" else 1) / layer.weight_denominator
            slope = by_weight.T + by_bias[:, None] * (layer.zero_code / layer.codes_per_unit)
            found.append(slope[..., None] * _changes(layer.stored, layer.bits) * step)
        else:
            unit = layer.weight_denominator * layer.codes_per_unit
            found.append(by_bias[:, None] * _changes(layer.bias, widths[i]) / unit)
    return found


def _changes(words: Integers, bits: int) -> Integers:
    """By how much each flipped bit changes each word, (..., bits)."""
    bit = np.broadcast_to(np.arange(bits), (*words.shape, bits))
    repeated = np.broadcast_to(words[..., None], bit.shape).copy()
    return flipped(repeated, tuple(np.indices(bit.shape)), bit, bits) - repeated
