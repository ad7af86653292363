"""Layers on crossbars as the loops take them: cells in lanes, converters in fast forms that are proved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import QsimError
from ...model.crossbar import Adc, Crossbar, Integers, Mapping
from .. import portable
from ..thresholds.forms import find_line

if TYPE_CHECKING:
    from ...model.layer import Layer
    from ...model.model import Model

Codes = npt.NDArray[np.integer[Any]]
NOTHING = np.zeros((0, 0, 0, 0), np.uint16)
VECTOR = 32  # lanes of a half are padded to a multiple
BLOCK = 256  # images whose sums are in cache together
MOST_ENTRIES = 1 << 26  # of all tables of codes


class Converters(NamedTuple):
    """Code of a current v in one of three ways, the fastest that is proved for all lanes.

    - zero int16 (lanes), slope uint16 (lanes): min(max(v - zero, 0) * slope >> 16 >> shift, most), with v
      in units;
    - words int32 (2, lanes) slope, offset: clip((v * slope + offset) >> shift, 0, most);
    - tables uint16 (rows, currents), words (3, lanes) least, greatest, row: table[row, v - least], with v
      clipped to least ... greatest.

    The other arrays have no entries. In the last two v counts whole levels where all cells do and there is
    no noise.
    """

    zero: npt.NDArray[np.int16]
    slope: npt.NDArray[np.uint16]
    words: npt.NDArray[np.int32]
    tables: npt.NDArray[np.uint16]
    shift: int
    most: int


class ReadNoise(NamedTuple):
    """The noise generator of a layer, see `qsim.spec.noise`.

    `places` (digits, half) are its counter's words from the last digit on, without the tile; `factor` is the
    number of units in a cell's 1.
    """

    active: bool
    seed: int
    layer: int
    first_image: int
    amplitude: np.int32
    factor: np.int32
    places: npt.NDArray[np.uint32]


class Ending(NamedTuple):
    """What makes accumulators of the sums of codes; see `loops.add_up`."""

    scales: Integers
    constant: int
    pairs: Integers
    positive_weight: int
    unit_bits: int
    digital: Integers


@dataclass(frozen=True, eq=False)
class Tiles:
    """A mapped layer as `read_tiles` takes it; `lane[s, p]` is where column p of slice s is."""

    low: int
    high: int
    lane: Integers
    cells: Codes
    shape: tuple[int, int, int]
    noise: ReadNoise
    converters: Converters
    part_type: type[Any]  # holds a tile's sums
    ending: Ending


@dataclass(frozen=True, eq=False)
class Plan:
    """A model with crossbars, ready to run."""

    layers: tuple[Layer, ...]
    activations: tuple[portable.PackedLayer, ...]
    tiles: tuple[Tiles | None, ...]


def prepare(model: Model) -> Plan:
    """A model's tiles, laid out for the loops."""
    ranges = [model.code_range(i) for i in range(len(model.layers))]
    tiles = [
        None if layer.crossbar is None else _tiles(layer, layer.crossbar, i, *ranges[i])
        for i, layer in enumerate(model.layers)
    ]
    return Plan(tuple(model.layers), portable.pack(model), tuple(tiles))


def _tiles(layer: Layer, crossbar: Crossbar, index: int, low: int, high: int) -> Tiles:
    mapping, noise = crossbar.mapping, crossbar.noise
    slices, inputs, columns = crossbar.cells.shape
    pairs = -(-columns // 2)
    half = -(-slices * pairs // VECTOR) * VECTOR
    s, p = np.indices((slices, columns))
    lane = (p & 1) * half + s * pairs + (p >> 1)
    digits = mapping.digits(low, high)
    factor = int(np.gcd.reduce(crossbar.cells, axis=None)) or 1  # whole levels make small numbers
    most = crossbar.largest_current(low, high) // factor
    kind = next(t for t in (np.uint8, np.uint16, np.int32) if most <= np.iinfo(t).max)
    cells = _aligned((inputs, 2 * half), kind)
    cells[:, lane] = (crossbar.cells // factor).transpose(1, 0, 2)
    places = np.zeros((digits, half), np.uint32)
    cut = places[:, : slices * pairs].reshape(digits, slices, pairs)
    cut[:] = np.arange(digits)[::-1, None, None] << 14 | np.arange(slices)[:, None] << 18 | np.arange(pairs)
    noisy = noise is not None and noise.amplitude > 0
    swing = noise.largest if noise is not None and noisy else 0
    reach = (-swing, most * factor + swing)
    if reach[1] >= 1 << 31:
        raise QsimError(f"a current of layer {index} reaches {reach[1]} units; 31 bits are allowed")
    converters = _converters(crossbar.adc, reach, 1 if noisy else factor, lane, 2 * half)
    seed, amplitude = (noise.seed, noise.amplitude) if noise is not None and noisy else (0, 0)
    largest = crossbar.adc.max_code * sum(1 << g * mapping.digit_bits for g in range(digits))
    return Tiles(
        low=low,
        high=high,
        lane=lane,
        cells=cells,
        shape=(mapping.rows, digits, mapping.digit_bits),
        noise=ReadNoise(noisy, seed, index, 0, np.int32(amplitude), np.int32(factor), places),
        converters=converters,
        part_type=np.uint16 if largest < 1 << 16 else np.int64,
        ending=_ending(layer, crossbar, digits, low),
    )


def _ending(layer: Layer, crossbar: Crossbar, digits: int, low: int) -> Ending:
    mapping, adc = crossbar.mapping, crossbar.adc
    sets = range(len(crossbar.cells))
    place = np.array([1 << s * mapping.cell_bits for s in sets], np.int64)
    base, step = (np.array([values[s % len(values)] for s in sets]) for values in (adc.base, adc.step))
    times = mapping.tiles(layer.inputs) * sum(1 << g * mapping.digit_bits for g in range(digits))
    digital = layer.bias + low * layer.weights.sum(1)
    constant = int((base * place).sum()) * times
    times_positive = 2 if mapping.style == "offset" and layer.grid == "odd" else 1
    pairs = _column_pairs(mapping, layer.outputs)
    return Ending(step * place, constant, pairs, times_positive, mapping.unit_bits, digital)


def _column_pairs(mapping: Mapping, outputs: int) -> Integers:
    """The columns (outputs, 2) that count for and against each output, apart from the specification's."""
    j = np.arange(outputs)
    if mapping.style == "differential":
        return np.stack([2 * j, 2 * j + 1], axis=1)
    tile, fit = j // (mapping.cols - 1), mapping.cols - 1
    return np.stack([j + tile, (((tile + 1) * fit).clip(max=outputs) + tile)], axis=1)


def _aligned(shape: tuple[int, int], kind: type[Any]) -> Codes:
    """Zeros at a multiple of 64 bytes: no vector of a row lies across two lines of the cache."""
    size = shape[0] * shape[1] * np.dtype(kind).itemsize
    room = np.zeros(size + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size].view(kind).reshape(shape)


def _converters(adc: Adc, reach: tuple[int, int], factor: int, lane: Integers, lanes: int) -> Converters:
    """For currents in `reach`, which are multiples of `factor`."""
    sets, rows, most = adc.thresholds.shape
    flat = adc.thresholds.reshape(-1, most)
    which = np.zeros(lanes, np.int64)
    s, p = np.indices(lane.shape)
    which[lane] = (s % sets) * rows + p % rows
    nothing = Converters(
        np.zeros(0, np.int16),
        np.zeros(0, np.uint16),
        np.zeros((3, 0), np.int32),
        np.zeros((0, 0), np.uint16),
        0,
        most,
    )
    if (found := _halves(flat, reach)) is not None:
        zeros, slopes, shift = found
        return nothing._replace(
            zero=zeros[which].astype(np.int16), slope=slopes[which].astype(np.uint16), shift=shift
        )
    if (found := _lines(flat, reach, factor)) is not None:
        slopes, offsets, shift = found
        words = np.stack([slopes[which], offsets[which]]).astype(np.int32)
        return nothing._replace(words=words, shift=shift)
    flat = -(-flat // factor)  # a multiple of the factor reaches both or none
    ends = flat[:, [0, -1]].clip(reach[0] // factor, reach[1] // factor + 1)
    least, greatest = ends[:, 0] - 1, ends[:, 1]
    width = int((greatest - least).max()) + 1
    if width * len(flat) > MOST_ENTRIES:
        raise QsimError(
            f"{len(flat)} converters over {width} units of current are too many to tabulate; "
            f"{MOST_ENTRIES} entries are allowed: use fewer unit bits or smaller tiles"
        )
    tables = np.stack(
        [np.searchsorted(t, np.arange(a, a + width), "right") for t, a in zip(flat, least, strict=True)]
    )
    words = np.stack([least[which], greatest[which], which]).astype(np.int32)
    return nothing._replace(words=words, tables=tables.astype(np.uint16))


def _halves(flat: Integers, reach: tuple[int, int]) -> tuple[Integers, Integers, int] | None:
    """Zero and slope of each row of thresholds and one shift, for 16-bit lanes, or None.

    Dividing by the step is multiplying by its inverse, rounded up, or rounded down from one more. Codes
    rise with the current, so looking at each threshold t and at t - 1 is a proof.
    """
    steps = flat[:, 1] - flat[:, 0] if flat.shape[1] > 1 else np.ones(len(flat), np.int64)
    if steps.min() < 1 or (np.diff(flat) != steps[:, None]).any():
        return None
    shift = 16 + max(0, (int(steps.min()) - 1).bit_length() - 1)
    numbers = np.arange(1, flat.shape[1] + 1)
    inverse = (1 << shift) // steps
    for more, slopes in ((0, inverse + ((1 << shift) % steps > 0)), (1, inverse.clip(max=(1 << 16) - 1))):
        zeros = flat[:, 0] - steps - more
        ends = np.stack([reach[0] - zeros, reach[1] - zeros, zeros])
        at, before = (((t - zeros[:, None]) * slopes[:, None]) >> shift for t in (flat, flat - 1))
        fits = ends.min() >= -(1 << 15) and ends.max() < 1 << 15 and slopes.max() < 1 << 16
        if fits and (at >= numbers).all() and (before < numbers).all():
            return zeros, slopes, shift - 16
    return None


def _lines(flat: Integers, reach: tuple[int, int], factor: int) -> tuple[Integers, Integers, int] | None:
    """Slope and offset of each row of thresholds, and one shift, or None.

    The code is clip((current * slope + offset) >> shift, 0, T). It rises with the current, so looking at
    each threshold t and at t - 1 is a proof. Nothing leaves 32 bits. Slopes come times `factor`.
    """
    found = [find_line(row.tolist()) for row in flat]
    if any(line is None for line in found):
        return None
    furthest = max(abs(int(v)) for v in (*reach, flat.min() - 1, flat.max()))
    steepest = max(abs(line[0]) * furthest + abs(line[1]) for line in found if line is not None)
    shift = 29 - max(1, math.ceil(math.log2(steepest + 1)))
    if shift < 0:
        return None
    numbers, one = np.arange(1, flat.shape[1] + 1), 1 << shift
    slopes, offsets = [], []
    for row, line in zip(flat, found, strict=True):
        assert line is not None
        slope = max(1, round(line[0] * one))
        least = int((numbers * one - row * slope).max())
        most = int((numbers * one - (row - 1) * slope).min()) - 1
        offset = (least + most) // 2
        if least > most or furthest * slope + abs(offset) >= 1 << 31:
            return None
        slopes.append(slope * factor)
        offsets.append(offset)
    if max(slopes) >= 1 << 31:
        return None
    return np.array(slopes), np.array(offsets), shift
