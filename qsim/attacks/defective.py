"""What an attack must know of layers on crossbars: the weights their cells stand for, and their read noise.

Read noise gives every image number integers of its own. An attack scores a candidate by the sum of its
logits over `READS` readings, the image numbers 0 to READS - 1 for every image, and averages its gradient over
as many draws of the noise that the sums of hidden units feel (expectation over transformation, Athalye et al.
2018).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..model.crossbar import Noise
from ..model.layer import Layer
from ..model.model import Model
from ..shadow.network import Network, Reals, of_model, real_bias
from .steps import Codes

READS = 8
NOISE_SEED = 10  # of the draws that gradients are averaged over

Draws = list[npt.NDArray[np.float32]]


def noisy(model: Model) -> bool:
    """Whether any layer has read noise."""
    return any(layer.crossbar is not None and layer.crossbar.noise is not None for layer in model.layers)


def summed_logits(model: Model, codes: Codes) -> npt.NDArray[np.int64]:
    """The logits (N, outputs) of each candidate, added up over its readings; one reading without noise."""
    if not noisy(model):
        return model.logits(codes)
    sums = np.empty((len(codes), model.outputs), np.int64)
    for row, candidate in zip(sums, codes, strict=True):
        row[:] = model.logits(np.repeat(candidate[None], READS, axis=0)).sum(axis=0)
    return sums


def without_noise(model: Model) -> Model:
    """The same cells and converters, read without noise."""
    if not noisy(model):
        return model
    quiet = tuple(
        layer if layer.crossbar is None else replace(layer, crossbar=replace(layer.crossbar, noise=None))
        for layer in model.layers
    )
    return replace(model, layers=quiet)


def noise_of_units(model: Model) -> Draws:
    """What read noise adds to each hidden layer's pre-activations in each draw, float32 (draws, units).

    One draw of zeros without noise.
    """
    random = np.random.default_rng(NOISE_SEED)
    draws = READS if noisy(model) else 1
    found = []
    for i, layer in enumerate(model.layers[:-1]):
        unit = layer.weight_denominator * layer.codes_per_unit / layer.preactivation_gain
        deviation = noise_deviation(layer, *model.code_range(i)) / unit
        drawn = random.standard_normal((draws, layer.outputs)) * deviation
        found.append(drawn.astype(np.float32))
    return found


def effective_weights(layer: Layer) -> Reals:
    """The weights (outputs, inputs), in units of the ideal integers, that a layer's cells stand for."""
    crossbar = layer.crossbar
    if crossbar is None:
        return layer.weights.astype(float)
    mapping = crossbar.mapping
    places = (1 << mapping.cell_bits * np.arange(len(crossbar.cells))) / mapping.unit
    columns = np.tensordot(places, crossbar.cells.astype(float), 1)
    pairs = np.array([mapping.pair(j, layer.outputs) for j in range(layer.outputs)])
    return (mapping.positive_weight(layer.grid) * columns[:, pairs[:, 0]] - columns[:, pairs[:, 1]]).T


def noise_deviation(layer: Layer, low: int, high: int) -> float:
    """Standard deviation, in units of the accumulator, that read noise gives one output."""
    crossbar = layer.crossbar
    if crossbar is None or crossbar.noise is None:
        return 0.0
    mapping, (slices, inputs, _) = crossbar.mapping, crossbar.cells.shape
    sigma = crossbar.noise.amplitude / Noise.scale() / mapping.unit
    squares = sum(
        4.0 ** (s * mapping.cell_bits + g * mapping.digit_bits)
        for s in range(slices)
        for g in range(mapping.digits(low, high))
    )
    return float(
        sigma * np.sqrt(squares * mapping.tiles(inputs) * (mapping.positive_weight(layer.grid) ** 2 + 1))
    )


def aware_shadow(model: Model) -> Network:
    """The float shadow with the weights that the cells stand for."""
    stand_for = [(layer, effective_weights(layer)) for layer in model.layers]
    return replace(
        of_model(model),
        weights=tuple((w.T / x.weight_denominator).astype(np.float32) for x, w in stand_for),
        biases=tuple(real_bias(x, w).astype(np.float32) for x, w in stand_for),
    )
