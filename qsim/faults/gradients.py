"""The loss's derivative by weights and biases, on the float shadow: what a flipped bit promises to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model.model import Model
from ..shadow.network import Labels, Network, Reals, forward, logit_gradient, of_model, to_real
from .memory import Integers, flipped


def parameter_gradients(network: Network, x: Reals, labels: Labels) -> list[tuple[Reals, Reals]]:
    """Mean derivatives of the loss by each layer's weights (inputs, outputs) and biases (outputs,).

    Softmax cross-entropy, or binary cross-entropy where there is one output; weights as they stand.
    """
    hidden, slopes, logits = forward(network, x)
    gradient = logit_gradient(logits, labels) / len(x)
    found = []
    for i in reversed(range(len(network.weights))):
        below = hidden[i - 1] if i else x
        by_weight: Reals = below.T @ gradient
        by_bias: Reals = gradient.sum(0)
        found.append((by_weight, by_bias))
        if i:
            slope = slopes[i - 1] * slopes[i - 1].dtype.type(network.preactivation_gain)
            gradient = (gradient @ network.weights[i].T) * slope
    return found[::-1]


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
    gradients = parameter_gradients(network, to_real(codes, network.codes_per_unit, np.float64), labels)
    found: list[Reals] = []
    for i, (layer, (by_weight, by_bias)) in enumerate(zip(model.layers, gradients, strict=True)):
        if kind == "weight-bit":
            step = (2 if layer.grid == "odd" else 1) / layer.weight_denominator
            found.append(by_weight.T[..., None] * _changes(layer.stored, layer.bits) * step)
        else:
            unit = layer.weight_denominator * layer.codes_per_unit
            found.append(by_bias[:, None] * _changes(layer.bias, widths[i]) / unit)
    return found


def _changes(words: Integers, bits: int) -> Integers:
    """By how much each flipped bit changes each word, (..., bits)."""
    bit = np.broadcast_to(np.arange(bits), (*words.shape, bits))
    repeated = np.broadcast_to(words[..., None], bit.shape).copy()
    return flipped(repeated, tuple(np.indices(bit.shape)), bit, bits) - repeated
