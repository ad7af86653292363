"""What the memory files of an export hold, read by the packing order alone, against the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.model.layer import Layer
from qsim.model.model import Model
from qsim.spec import dense as spec

from .decode_geometry import DenseFacts, TileFacts, read_order, stated

NEAR = 8  # lanes whose cells share a memory
Codes = npt.NDArray[np.int64]
Found = Iterator[tuple[str, Codes, Codes]]  # a memory's name, what it holds, what it should hold
Memories = Mapping[str, list[int]]


def compare(prefix: str, entries: list[dict[str, Any]], memories: Memories, model: Model) -> int:
    """Compare all memories of all layers with a model; how many values that were.

    Parameters
    ----------
    prefix : str
        Folder and beginning of the files' names. Named where something differs.
    entries : list of dict
        The manifest's layers.
    memories : dict
        The words of each memory, by its name.

    Raises
    ------
    QsimError
        At the first difference; names the file.
    """
    count = 0
    for i, entry in enumerate(entries):
        own = {name.removeprefix(f"layer{i}_"): words for name, words in memories.items()}
        shape = stated(DenseFacts, entry)
        try:
            found = [*_layer(own, shape, entry["crossbar"], model, i), *_hidden(own, shape, model, i)]
        except IndexError:
            raise QsimError(f"a memory of layer {i} has fewer words than its manifest states") from None
        for name, held, wanted in found:
            if not np.array_equal(held, wanted):
                file = name if name.startswith("threshold") else f"layer{i}_{name}"
                raise QsimError(f"{prefix}{file}.mem does not hold what the model has there")
            count += held.size
    return count


def _layer(
    memories: Memories, shape: DenseFacts, tiles: Mapping[str, Any] | None, model: Model, index: int
) -> Found:
    layer, low = model.layers[index], model.code_range(index)[0]
    if tiles is not None:
        yield from _crossbar(memories, stated(TileFacts, tiles), layer, index, low)
    else:
        yield "weights", _weights(memories["weights"], shape), layer.weights
        yield "bias", _biases(memories["bias"], shape), layer.bias


def _hidden(memories: Memories, shape: DenseFacts, model: Model, index: int) -> Found:
    """Thresholds that no accumulator tells apart count as equal."""
    layer = model.layers[index]
    if layer.thresholds is None:
        return
    low, high = model.bounds[index]
    names = [f"threshold{index}_stage{k}" for k in range(shape.stages)]
    rows = layer.thresholds[: 1 if shape.shared_thresholds else shape.outputs]
    missing = shape.levels - layer.max_code
    wanted = np.pad(rows, ((0, 0), (0, missing)), constant_values=high + 1)
    yield from _trees(memories, names, shape.accumulator_bits, wanted, (low, high))


def _trees(memories: Memories, names: list[str], bits: int, wanted: Codes, bounds: tuple[int, int]) -> Found:
    """Each row of thresholds from the stages of a binary search."""
    low, high = bounds
    for row, thresholds in enumerate(wanted):
        for rank, threshold in enumerate(thresholds, 1):
            level = (rank & -rank).bit_length() - 1
            k = len(names) - 1 - level
            (found,) = _fields(memories[names[k]][(row << k) + (rank >> level + 1)], bits, 1)
            yield names[k], np.array([found]).clip(low, high + 1), np.array([threshold]).clip(low, high + 1)


def _fields(word: int, bits: int, count: int) -> list[int]:
    """A word's two's complement fields, the lowest first."""
    return [part - (part >> bits - 1 << bits) for part in _parts(word, bits, count)]


def _parts(word: int, bits: int, count: int) -> list[int]:
    """A word's unsigned fields, the lowest first."""
    return [word >> bits * k & (1 << bits) - 1 for k in range(count)]


def _weights(words: list[int], shape: DenseFacts) -> Codes:
    weights = np.zeros((shape.groups * shape.pe, shape.beats * shape.simd), np.int64)
    for address, word in enumerate(words):
        group, beat = divmod(address, shape.beats)
        for lane, stored in enumerate(_fields(word, shape.bits, shape.pe * shape.simd)):
            p, s = divmod(lane, shape.simd)
            weights[group * shape.pe + p, beat * shape.simd + s] = spec.weight(stored, shape.grid)
    return weights[: shape.outputs, : shape.inputs]


def _biases(words: list[int], shape: DenseFacts) -> Codes:
    biases = [b for word in words for b in _fields(word, shape.accumulator_bits, shape.pe)]
    return np.array(biases[: shape.outputs], np.int64)


def _crossbar(memories: Memories, shape: TileFacts, layer: Layer, index: int, low: int) -> Found:
    """Columns and their neurons, cells, converters and noise of a mapped layer."""
    crossbar = layer.crossbar
    assert crossbar is not None
    mapping = crossbar.mapping
    columns, order = read_order(mapping.style, mapping.cols, layer.outputs)
    neurons = np.array(order)
    negative = np.array(memories["combine_negative"], np.int64)
    yield "combine_negative", negative, (neurons < 0).astype(np.int64)
    biases = [_fields(word, shape.accumulator_bits, 1)[0] for word in memories["combine_bias"]]
    yield "combine_bias", np.array(biases)[neurons >= 0], layer.bias + low * layer.weights.sum(1)

    numbers = np.full(shape.groups * shape.pe, -1)
    numbers[: shape.columns] = columns
    by_group = numbers.reshape(shape.groups, shape.pe)
    for p in range(shape.pe):
        for k, start in enumerate(range(0, shape.simd, NEAR)):
            lanes = range(start, min(start + NEAR, shape.simd))
            words = memories[f"columns_cells{p}_{k}"]
            cells = np.array([_parts(word, shape.cell_bits, len(lanes)) for word in words])
            rows = np.arange(shape.beats)[:, None] * shape.simd + lanes
            wanted = np.zeros((shape.groups, shape.slices, *rows.shape), np.int64)
            there = (by_group[:, p, None, None, None] >= 0) & (rows < shape.inputs)
            taken = crossbar.cells[:, rows.clip(max=shape.inputs - 1)][..., by_group[:, p]]
            wanted = np.where(there, taken.transpose(3, 0, 1, 2), 0)
            yield f"columns_cells{p}_{k}", cells << shape.scale_bits, wanted.reshape(cells.shape)
        yield from _converter(memories, shape, layer, p, by_group[:, p])
    if crossbar.noise is not None:
        held = [_parts(word, 15, shape.pe) for word in memories["read_noise_columns"]]
        yield "read_noise_columns", np.where(by_group < 0, -1, held), by_group
        seed, amplitude = crossbar.noise.seed, crossbar.noise.amplitude
        settings = [seed, index, 0x1BD11BDA ^ seed ^ index, amplitude]
        yield (
            "read_noise_settings",
            np.array(_parts(memories["read_noise_settings"][0], 32, 4)),
            np.array(settings),
        )


def _converter(memories: Memories, shape: TileFacts, layer: Layer, p: int, columns: Codes) -> Found:
    """A converter's thresholds, for each slice and group with its own, and what its codes stand for."""
    assert layer.crossbar is not None
    adc, scale = layer.crossbar.adc, 0 if shape.amplitude_bits else shape.scale_bits
    names = [f"adc{p}_stage{k}" for k in range(shape.stages)]
    missing = (1 << shape.stages) - 1 - shape.adc_levels
    low, high = shape.currents
    for slice in range(shape.slices if shape.adc_each_slice else 1):
        for group in range(shape.groups if shape.adc_each_column else 1):
            if shape.adc_each_column and columns[group] < 0:
                continue
            row = adc.thresholds[slice, columns[group] if shape.adc_each_column else 0]
            wanted = np.pad(-(-row >> scale), (0, missing), constant_values=high + 1)
            start = slice * shape.room + group
            stages = {name: memories[name][start << k :] for k, name in enumerate(names)}
            yield from _trees(stages, names, shape.threshold_bits, wanted[None], (low, high))
    transfer = [_fields(word, shape.value_bits, 2) for word in memories[f"adc{p}_transfer"]]
    yield f"adc{p}_transfer", np.array(transfer), np.stack([adc.base, adc.step], axis=1)
