"""The memories of a mapped layer: cells, thresholds, what codes stand for, biases, noise.

Columns are read in the order of `column_order`: number n = g * pe + p is column p of group g.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qsim.model.crossbar import Crossbar
from qsim.model.model import Model

from ..shape.crossbar import COLUMN, CrossbarShape, near
from .column_order import order
from .dense import tree
from .memory_spec import Content, MemorySpec

PARITY = 0x1BD11BDA  # the third word of a noise generator's key is this, with the other two xored in


def memories(shape: CrossbarShape) -> list[MemorySpec]:
    """All memories of a layer, by their blocks."""
    found = [spec.of("combine", 0) for spec in combine(shape)]
    for p in range(shape.pe):
        found += [spec.of("columns", 0) for spec in cells(shape, p)]
        found += [spec.of(f"adc{p}", 0) for spec in converter(shape, p)]
    return found + [spec.of("read_noise", 0) for spec in noise(shape)]


def combine(shape: CrossbarShape) -> list[MemorySpec]:
    """Of each column its neuron's bias, with what signed inputs need, and whether it is negative."""

    def bias(model: Model, layer: int) -> Content:
        own, low = model.layers[layer], model.code_range(layer)[0]
        _, neurons = _order(model, layer)
        return (own.bias + low * own.weights.sum(1))[neurons][:, None]

    def negative(model: Model, layer: int) -> Content:
        _, neurons = _order(model, layer)
        return (neurons < 0).astype(np.int64)[:, None]

    return [
        MemorySpec("bias", 1, shape.accumulator_bits, shape.columns, bias),
        MemorySpec("negative", 1, 1, shape.columns, negative),
    ]


def cells(shape: CrossbarShape, p: int) -> list[MemorySpec]:
    """Cells of the columns p of all groups: word (g, k, b), lane s is that of row b * simd + s in slice k."""

    def bank(k: int, lanes: range) -> MemorySpec:
        def fill(model: Model, layer: int) -> Content:
            columns, used = _columns(shape, model, layer, p)
            found = (_crossbar(model, layer).cells[:, :, columns] >> shape.scale_bits) * used
            found = np.pad(found, ((0, 0), (0, shape.beats * shape.simd - shape.inputs), (0, 0)))
            rows = found.reshape(shape.slices, shape.beats, shape.simd, shape.groups)[:, :, lanes]
            return rows.transpose(3, 0, 1, 2).reshape(-1, len(lanes))

        return MemorySpec(f"cells{p}_{k}", len(lanes), shape.cell_bits, shape.cell_words, fill)

    return [bank(k, lanes) for k, lanes in enumerate(near(shape.simd))]


def converter(shape: CrossbarShape, p: int) -> list[MemorySpec]:
    """The thresholds of the columns p of all groups, one memory a bit of their codes, and base and step."""

    def stage(k: int) -> MemorySpec:
        def fill(model: Model, layer: int) -> Content:
            columns, _ = _columns(shape, model, layer, p)
            rows = _converter_rows(_crossbar(model, layer), shape, columns)
            return tree(rows, *shape.current_range, shape.adc_bits)[k]

        return MemorySpec(f"stage{k}", 1, shape.threshold_bits, shape.converter_rows << k, fill)

    def transfer(model: Model, layer: int) -> Content:
        adc = _crossbar(model, layer).adc
        return np.stack([adc.base, adc.step], axis=1)

    rows = shape.slices if shape.adc_each_slice else 1
    stages = [stage(k) for k in range(shape.adc_bits)]
    return [*stages, MemorySpec("transfer", 2, shape.value_bits, rows, transfer)]


def noise(shape: CrossbarShape) -> list[MemorySpec]:
    """The number of each physical column, and a generator's settings; none without read noise."""

    def columns(model: Model, layer: int) -> Content:
        return np.stack([_columns(shape, model, layer, p)[0] for p in range(shape.pe)], axis=1)

    def settings(model: Model, layer: int) -> Content:
        own = _crossbar(model, layer).noise
        assert own is not None
        return np.array([[own.seed, layer, PARITY ^ own.seed ^ layer, own.amplitude]])

    if not shape.amplitude_bits:
        return []
    return [
        MemorySpec("columns", shape.pe, COLUMN, shape.groups, columns),
        MemorySpec("settings", 4, 32, 1, settings),
    ]


def _crossbar(model: Model, layer: int) -> Crossbar:
    crossbar = model.layers[layer].crossbar
    assert crossbar is not None
    return crossbar


def _order(model: Model, layer: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The physical columns as they are read, and the neuron of each; see `order`."""
    columns, neurons = np.array(order(_crossbar(model, layer), model.layers[layer].outputs)).T
    return columns, neurons


def _columns(
    shape: CrossbarShape, model: Model, layer: int, p: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The physical column that is read as p in each group, and whether there is one; 0 where not."""
    numbers = np.pad(_order(model, layer)[0], (0, shape.groups * shape.pe - shape.columns))
    used = np.arange(shape.groups * shape.pe) < shape.columns
    return numbers[p :: shape.pe], used[p :: shape.pe]


def _converter_rows(
    crossbar: Crossbar, shape: CrossbarShape, columns: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """One row of thresholds for each address of a converter: for each slice, for each group."""
    scale = 0 if shape.amplitude_bits else shape.scale_bits
    rows = -(-crossbar.adc.thresholds >> scale)  # the least current of that unit that reaches them
    if shape.adc_each_column:
        room = 1 << (shape.groups - 1).bit_length()
        rows = rows[:, np.pad(columns, (0, room - len(columns)), mode="edge")]
    return rows.reshape(-1, rows.shape[2])
