"""From ideal integers to ideal cells: a model put on tiles, before any device effect."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np

from ..errors import QsimError
from ..model.crossbar import Adc, Crossbar, Integers, Mapping, Noise
from ..model.layer import Layer
from ..model.model import Model

AdcOf = Callable[[Model, int, Mapping], Adc]


def map_to_crossbar(
    model: Model,
    mapping: Mapping = Mapping(),  # noqa: B008 - frozen
    adc: AdcOf | None = None,
    noise: Noise | None = None,
    layers: Collection[int] | None = None,
) -> Model:
    """The model with layers on crossbar tiles of ideal cells.

    Parameters
    ----------
    model : Model
    mapping : Mapping
    adc : function (model, layer index, mapping) -> Adc, optional
        Makes a layer's converters (see `qsim.crossbar.converters`); by default `lossless`.
    noise : Noise, optional
    layers : indices of the layers to map; all of them by default

    Returns
    -------
    Model
        Exactly the same logits with lossless converters and no noise.

    Raises
    ------
    QsimError
        If a layer does not exist or does not fit.
    """
    chosen = range(len(model.layers)) if layers is None else layers
    if strange := [i for i in chosen if i not in range(len(model.layers))]:
        raise QsimError(
            f"layer {strange[0]} is to be mapped; the model has layers 0 to {len(model.layers) - 1}"
        )
    mapped = list(model.layers)
    for i in chosen:
        cells = ideal_cells(mapped[i], mapping)
        converters = (adc or lossless)(model, i, mapping)
        mapped[i] = replace(mapped[i], crossbar=Crossbar(mapping, cells, converters, noise))
    return replace(model, layers=tuple(mapped))


def column_levels(layer: Layer, mapping: Mapping) -> Integers:
    """The whole level of each column at each input, (inputs, columns), before it is cut into slices."""
    levels = np.zeros((layer.inputs, mapping.columns(layer.outputs)), np.int64)
    for j in range(layer.outputs):
        positive, negative = mapping.pair(j, layer.outputs)
        if mapping.style == "differential":
            levels[:, positive] = layer.weights[j].clip(min=0)
            levels[:, negative] = (-layer.weights[j]).clip(min=0)
        else:
            levels[:, positive] = layer.stored[j] + (1 << layer.bits - 1)
            levels[:, negative] = (
                layer.weight_denominator
            )  # twice the level of 0 on the odd grid, where it is no level
    return levels


def ideal_cells(layer: Layer, mapping: Mapping) -> Integers:
    """Conductances (slices, inputs, columns) in units, of cells that hold exactly their levels."""
    levels = column_levels(layer, mapping)
    slices = range(mapping.slices(layer.bits))
    return np.stack([levels >> s * mapping.cell_bits & mapping.top for s in slices]) << mapping.unit_bits


def lossless(model: Model, index: int, mapping: Mapping) -> Adc:
    """A converter with a threshold for every level that a full tile of ideal cells can give."""
    steps = mapping.top * ((1 << mapping.digit_bits) - 1) * min(mapping.rows, model.layers[index].inputs)
    if steps >= 1 << 16:
        raise QsimError(
            f"a lossless converter needs {steps} thresholds; at most 65535 are allowed: use smaller tiles"
        )
    return Adc((2 * np.arange(1, steps + 1) - 1) * mapping.unit + 1 >> 1, np.array(0), np.array(mapping.unit))
