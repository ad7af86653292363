"""The kinds of faults: which places of which array of a model file can be wrong, and what that changes.

A place is named by its indices in the model file's array: `layers.0.weights[5,17]` is the weight that joins
input 17 to neuron 5. Beside it stands which bit of the stored word is flipped, or what a cell is stuck at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..errors import QsimError
from ..model.crossbar import MAX_CELL, Crossbar, Mapping
from ..model.layer import Layer
from ..model.model import Model
from ..spec.geometry import signed_width
from .memory import Integers, effective_thresholds, flipped, stored_thresholds


@dataclass(frozen=True)
class Sites:
    """Where a layer can be wrong: every place of an array of `shape`, in values from 0 to `values` - 1."""

    shape: tuple[int, ...]
    values: int

    @property
    def places(self) -> int:
        return int(np.prod(self.shape))


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    Parameters
    ----------
    name : str
        As in lists and on the command line.
    meaning : str
        One line for help and docs.
    array : str
        The array of the model file, behind `layers.l.`.
    axes : tuple of str
        What each index of the array counts.
    value : "bit" or "conductance"
        What stands beside a place: the flipped bit, 0 the lowest, or what a cell is stuck at, in units.
    sites : function (model, layer's number) -> Sites or None
        None where the layer has no such array.
    change : function (model, layer, layer's number, table) -> Layer
        The layer with the faults of a table (faults, axes + 1): indices and value. `model` is that before
        any fault.
    """

    name: str
    meaning: str
    array: str
    axes: tuple[str, ...]
    value: str
    sites: Callable[[Model, int], Sites | None]
    change: Callable[[Model, Layer, int, Integers], Layer]

    @property
    def flips(self) -> bool:
        """Whether a fault flips a bit."""
        return self.value == "bit"

    def site(self, layer: int, place: tuple[int, ...]) -> str:
        """A place's name."""
        return f"layers.{layer}.{self.array}[{','.join(map(str, place))}]"


def _weight_sites(model: Model, index: int) -> Sites | None:
    layer = model.layers[index]
    return Sites(layer.weights.shape, layer.bits) if layer.crossbar is None else None


def _flip_weights(model: Model, layer: Layer, index: int, table: Integers) -> Layer:
    stored = flipped(layer.stored, (table[:, 0], table[:, 1]), table[:, 2], layer.bits)
    return replace(layer, weights=2 * stored + 1 if layer.grid == "odd" else stored)


def _bias_sites(model: Model, index: int) -> Sites:
    return Sites(model.layers[index].bias.shape, model.accumulator_bits[index])


def _flip_biases(model: Model, layer: Layer, index: int, table: Integers) -> Layer:
    """On tiles the word also holds what the smallest input code adds."""
    added = layer.weights.sum(1) * (model.code_range(index)[0] if layer.crossbar is not None else 0)
    words = flipped(layer.bias + added, (table[:, 0],), table[:, 1], model.accumulator_bits[index])
    return replace(layer, bias=words - added)


def _threshold_sites(model: Model, index: int) -> Sites | None:
    layer = model.layers[index]
    if layer.thresholds is None:
        return None
    rows = 1 if layer.shared_thresholds else layer.outputs
    return Sites((rows, layer.max_code), model.accumulator_bits[index])


def _flip_thresholds(model: Model, layer: Layer, index: int, table: Integers) -> Layer:
    stored = stored_thresholds(model.layers[index], model.bounds[index])
    places = table[:, 0], table[:, 1]
    return replace(
        layer,
        thresholds=effective_thresholds(flipped(stored, places, table[:, 2], model.accumulator_bits[index])),
    )


def _crossbar(layer: Layer) -> Crossbar:
    assert layer.crossbar is not None
    return layer.crossbar


def _with(layer: Layer, crossbar: Crossbar, name: str, faults: int) -> Layer:
    """The layer with another crossbar, its faults entered into the history."""
    entry = {"effect": "fault list", name: faults}
    return replace(layer, crossbar=replace(crossbar, history=(*crossbar.history, entry)))


def _cell_sites(model: Model, index: int) -> Sites | None:
    crossbar = model.layers[index].crossbar
    return None if crossbar is None else Sites(crossbar.cells.shape, MAX_CELL + 1)


def _stick_cells(model: Model, layer: Layer, index: int, table: Integers) -> Layer:
    crossbar = _crossbar(layer)
    cells = crossbar.cells.copy()
    cells[tuple(table[:, :3].T)] = table[:, 3]
    return _with(layer, replace(crossbar, cells=cells), "cells", len(table))


def _cell_bit_sites(model: Model, index: int) -> Sites | None:
    crossbar = model.layers[index].crossbar
    return None if crossbar is None else Sites(crossbar.cells.shape, crossbar.mapping.cell_bits)


def moved_cells(cells: Integers, mapping: Mapping, bits: Integers | int) -> Integers:
    """Conductances after the bits of a mask (of each cell, or of all) are flipped in their nearest levels."""
    levels = ((cells + (mapping.unit >> 1)) >> mapping.unit_bits).clip(0, mapping.top)
    return (cells + ((levels ^ bits) - levels) * mapping.unit).clip(0, MAX_CELL)


def _flip_cells(model: Model, layer: Layer, index: int, table: Integers) -> Layer:
    """A flipped bit of the nearest level moves a cell's conductance by so many levels."""
    crossbar = _crossbar(layer)
    bits = np.zeros_like(crossbar.cells)
    np.bitwise_xor.at(bits, tuple(table[:, :3].T), np.int64(1) << table[:, 3])
    cells = moved_cells(crossbar.cells, crossbar.mapping, bits)
    return _with(layer, replace(crossbar, cells=cells), "cell bits", len(table))


def _converter_sites(model: Model, index: int) -> Sites | None:
    crossbar = model.layers[index].crossbar
    if crossbar is None:
        return None
    thresholds = crossbar.adc.thresholds
    return Sites(thresholds.shape, signed_width(int(thresholds.min()), int(thresholds.max())))


def _flip_converters(model: Model, layer: Layer, index: int, table: Integers) -> Layer:
    """Converters search as activations do."""
    crossbar, sites = _crossbar(layer), _converter_sites(model, index)
    assert sites is not None
    slices, columns, width = crossbar.adc.thresholds.shape
    words = flipped(crossbar.adc.thresholds, tuple(table[:, :3].T), table[:, 3], sites.values)
    surplus = (1 << width.bit_length()) - 1 - width
    never = np.iinfo(np.int64).max
    tree = np.pad(words.reshape(-1, width), ((0, 0), (0, surplus)), constant_values=never)
    sorted_rows = effective_thresholds(tree)[:, :width].reshape(slices, columns, width)
    adc = replace(crossbar.adc, thresholds=sorted_rows)
    return _with(layer, replace(crossbar, adc=adc), "converter bits", len(table))


CELL = ("slice", "input", "column")
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "weight-bit",
            "a bit of a stored weight is flipped",
            "weights",
            ("neuron", "input"),
            "bit",
            _weight_sites,
            _flip_weights,
        ),
        Kind(
            "bias-bit",
            "a bit of a stored bias, a word of the accumulator's width",
            "bias",
            ("neuron",),
            "bit",
            _bias_sites,
            _flip_biases,
        ),
        Kind(
            "threshold-bit",
            "a bit of a stored threshold, a word of the accumulator's width",
            "thresholds",
            ("row", "rank"),
            "bit",
            _threshold_sites,
            _flip_thresholds,
        ),
        Kind(
            "cell",
            "a cell is stuck at a conductance",
            "cells",
            CELL,
            "conductance",
            _cell_sites,
            _stick_cells,
        ),
        Kind(
            "cell-bit",
            "a bit of a cell's level is flipped",
            "cells",
            CELL,
            "bit",
            _cell_bit_sites,
            _flip_cells,
        ),
        Kind(
            "converter-bit",
            "a bit of a converter's threshold is flipped",
            "adc.thresholds",
            ("slice", "column", "rank"),
            "bit",
            _converter_sites,
            _flip_converters,
        ),
    )
}


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises
    ------
    QsimError
        If there is none.
    """
    if name not in KINDS:
        raise QsimError(f"fault kind is {name!r}; one of {', '.join(KINDS)} is needed")
    return KINDS[name]
