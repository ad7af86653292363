"""What the memories of a mapped layer hold: cells, thresholds, what codes stand for, biases, noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qsim.model.crossbar import Crossbar
from qsim.model.layer import Layer

from ..gateware.crossbar.columns import near
from ..gateware.crossbar.converter import converter_rows
from ..gateware.crossbar.noise import COLUMN, PARITY
from ..gateware.threshold import tree
from ..shape.crossbar import CrossbarShape

Fields = tuple[npt.NDArray[np.int64], int]  # (words, fields), and the bits of each field


def order(crossbar: Crossbar, outputs: int) -> list[tuple[int, int]]:
    """The physical columns as they are read, each negative one before the positive ones that need it.

    Beside each stands the neuron that it is the positive column of, or -1.
    """
    columns: list[tuple[int, int]] = []
    held = -1
    for j in range(outputs):
        positive, negative = crossbar.mapping.pair(j, outputs)
        if negative != held:
            columns.append((negative, -1))
            held = negative
        columns.append((positive, j))
    return columns


def memories(shape: CrossbarShape) -> dict[str, tuple[int, int]]:
    """The width and the words of each memory, by its name in the netlist, behind that of the layer."""
    found = {"combine_bias": (shape.accumulator_bits, shape.columns), "combine_negative": (1, shape.columns)}
    for p in range(shape.pe):
        for k, lanes in enumerate(near(shape.simd)):
            found[f"columns_cells{p}_{k}"] = len(lanes) * shape.cell_bits, shape.cell_words
        for k in range(shape.adc_bits):
            found[f"adc{p}_stage{k}"] = shape.threshold_bits, converter_rows(shape) << k
        found[f"adc{p}_transfer"] = 2 * shape.value_bits, shape.slices if shape.adc_each_slice else 1
    if shape.amplitude_bits:
        found["read_noise_columns"] = shape.pe * COLUMN, shape.groups
        found["read_noise_settings"] = 128, 1
    return found


def image(layer: Layer, shape: CrossbarShape, index: int, low: int) -> dict[str, Fields]:
    """The fields of every word of every memory of a layer, by name.

    `index` is the layer's place in the model, `low` the smallest of its input codes.
    """
    assert layer.crossbar is not None
    crossbar: Crossbar = layer.crossbar
    columns, neurons = np.array(order(crossbar, layer.outputs)).T
    bias = (layer.bias + low * layer.weights.sum(1))[neurons]
    parts: dict[str, Fields] = {
        "combine_bias": (bias[:, None], shape.accumulator_bits),
        "combine_negative": ((neurons < 0).astype(np.int64)[:, None], 1),
    }
    cells = _cells(crossbar, shape, columns)
    surplus = shape.groups * shape.pe - shape.columns
    numbers = np.pad(columns, (0, surplus)).reshape(shape.groups, shape.pe)
    for p in range(shape.pe):
        for k, lanes in enumerate(near(shape.simd)):
            parts[f"columns_cells{p}_{k}"] = (cells[:, p, lanes.start : lanes.stop], shape.cell_bits)
        stages = tree(_converters(crossbar, shape, numbers[:, p]), *shape.current_range, shape.adc_bits)
        parts |= {f"adc{p}_stage{k}": (stage, shape.threshold_bits) for k, stage in enumerate(stages)}
        transfer = np.stack([crossbar.adc.base, crossbar.adc.step], axis=1)
        parts[f"adc{p}_transfer"] = (transfer, shape.value_bits)
    if shape.amplitude_bits:
        assert crossbar.noise is not None
        seed = crossbar.noise.seed
        settings = np.array([[seed, index, PARITY ^ seed ^ index, crossbar.noise.amplitude]])
        parts |= {"read_noise_columns": (numbers, COLUMN), "read_noise_settings": (settings, 32)}
    return parts


def in_hardware_order(
    codes: npt.NDArray[np.uint16], layer: Layer, shape: CrossbarShape
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """Column codes (N, tiles, slices, digits, columns) as `pe` converters give them, (reads, pe).

    Beside them which lanes are in use, for the reads of one frame; unused ones have code 0 here.
    """
    assert layer.crossbar is not None
    numbers = [column for column, _ in order(layer.crossbar, layer.outputs)]
    surplus = shape.groups * shape.pe - shape.columns
    read = np.pad(codes[..., numbers], (*[(0, 0)] * 4, (0, surplus)))
    used = np.arange(shape.groups * shape.pe) < shape.columns
    lanes = used.reshape(shape.groups, shape.pe).repeat(shape.reads, axis=0)
    by_group = read.reshape(*read.shape[:4], shape.groups, shape.pe).transpose(0, 4, 2, 3, 1, 5)
    return by_group.reshape(-1, shape.pe), lanes


def in_model_order(
    codes: npt.NDArray[np.uint16], layer: Layer, shape: CrossbarShape
) -> npt.NDArray[np.uint16]:
    """Column codes as they come from the converters, as (N, tiles, slices, digits, columns)."""
    assert layer.crossbar is not None
    read = codes.reshape(-1, shape.groups, shape.slices, shape.digits, shape.tiles, shape.pe)
    by_read = read.transpose(0, 4, 2, 3, 1, 5)
    joined = by_read.reshape(*by_read.shape[:4], shape.groups * shape.pe)
    places = np.argsort([column for column, _ in order(layer.crossbar, layer.outputs)])
    return joined[..., places]


def _cells(crossbar: Crossbar, shape: CrossbarShape, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Entry (word (g, k, b), p, s): row b * simd + s, column number g * pe + p, of slice k."""
    surplus = shape.beats * shape.simd - shape.inputs, shape.groups * shape.pe - shape.columns
    cells = crossbar.cells[:, :, columns] >> shape.scale_bits
    cells = np.pad(cells, ((0, 0), (0, surplus[0]), (0, surplus[1])))
    tiles = cells.reshape(shape.slices, shape.beats, shape.simd, shape.groups, shape.pe)
    return tiles.transpose(3, 0, 1, 4, 2).reshape(-1, shape.pe, shape.simd)


def _converters(
    crossbar: Crossbar, shape: CrossbarShape, columns: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """One row of thresholds for each address of a converter: for each slice, for each group."""
    scale = 0 if shape.amplitude_bits else shape.scale_bits
    rows = -(-crossbar.adc.thresholds >> scale)  # the least current of that unit that reaches them
    if shape.adc_each_column:
        room = 1 << (shape.groups - 1).bit_length()
        rows = rows[:, np.pad(columns, (0, room - len(columns)), mode="edge")]
    return rows.reshape(-1, rows.shape[2])
