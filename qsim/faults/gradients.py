"""The loss's derivative by weights and biases, on the float shadow: what a flipped bit promises to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..attacks.defective import aware_shadow
from ..errors import QsimError
from ..model.model import Model
from ..shadow.network import Labels, Network, Reals, of_model, to_real
from ..shadow.train import parameter_gradients
from .kinds import moved_cells
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
    slopes, by_biases = _slopes(model, of_model(model, np.float64), codes, labels)
    found: list[Reals] = []
    for i, (layer, slope, by_bias) in enumerate(zip(model.layers, slopes, by_biases, strict=True)):
        if kind == "weight-bit":
            step = (2 if layer.grid == "odd" else 1) / layer.weight_denominator
            found.append(slope[..., None] * _changes(layer.stored, layer.bits) * step)
        else:
            unit = layer.weight_denominator * layer.codes_per_unit
            found.append(by_bias[:, None] * _changes(layer.bias, widths[i]) / unit)
    return found


def promised_by_cells(model: Model, codes: npt.NDArray[Any], labels: Labels) -> dict[int, Reals]:
    """To first order, how much each flipped bit of a cell's level raises the mean loss of images.

    Parameters
    ----------
    model : Model with layers on tiles, whose hidden layers name their activation
    codes : int array (N, inputs)
    labels : int array (N,)

    Returns
    -------
    For each layer on tiles, by its number, the rise (slices, inputs, columns, bits)

    Raises
    ------
    QsimError
        If no layer is on tiles.
    """
    slopes, _ = _slopes(model, aware_shadow(model), codes, labels)
    found: dict[int, Reals] = {}
    for i, (layer, slope) in enumerate(zip(model.layers, slopes, strict=True)):
        if layer.crossbar is None:
            continue
        mapping, cells = layer.crossbar.mapping, layer.crossbar.cells
        by_column = np.zeros(cells.shape[1:])
        for j in range(layer.outputs):
            positive, negative = mapping.pair(j, layer.outputs)
            by_column[:, positive] += mapping.positive_weight(layer.grid) * slope[j]
            by_column[:, negative] -= slope[j]
        place = (1 << mapping.cell_bits * np.arange(len(cells))) / mapping.unit / layer.weight_denominator
        change = np.stack(
            [moved_cells(cells, mapping, 1 << bit) - cells for bit in range(mapping.cell_bits)], axis=-1
        )
        found[i] = change * place[:, None, None, None] * by_column[None, ..., None]
    if not found:
        raise QsimError("flips of cells were asked of a model without tiles; a mapped model is needed")
    return found


def _slopes(
    model: Model, network: Network, codes: npt.NDArray[Any], labels: Labels
) -> tuple[list[Reals], list[Reals]]:
    """The loss's derivative by each layer's weights (neurons, inputs) and biases (neurons,)."""
    x = to_real(codes, network.codes_per_unit, network.weights[0].dtype)
    gradients = parameter_gradients(network, x, np.asarray(labels, np.int64))
    by_weights, by_biases = gradients[: len(model.layers)], gradients[len(model.layers) :]
    shifts = [layer.zero_code / layer.codes_per_unit for layer in model.layers]
    slopes = [w.T + b[:, None] * shift for w, b, shift in zip(by_weights, by_biases, shifts, strict=True)]
    return slopes, by_biases


def _changes(words: Integers, bits: int) -> Integers:
    """By how much each flipped bit changes each word, (..., bits)."""
    bit = np.broadcast_to(np.arange(bits), (*words.shape, bits))
    repeated = np.broadcast_to(words[..., None], bit.shape).copy()
    return flipped(repeated, tuple(np.indices(bit.shape)), bit, bits) - repeated
