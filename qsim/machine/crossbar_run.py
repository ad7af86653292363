"""Models with crossbars, run fast: what `crossbar_kernel` takes, proved, and the layers in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import crossbar_kernel as loops
from .crossbar import Crossbar, Integers
from .errors import QsimError
from .kernel.share import share
from .kernel.thresholds import find_line

if TYPE_CHECKING:
    from .model import Layer, Model

Codes = npt.NDArray[np.integer[Any]]
NOTHING = np.zeros((0, 0, 0, 0), np.uint16)
VECTOR = 32  # lanes of a half are padded to a multiple
BLOCK = 256  # images whose sums are in cache together
MOST_ENTRIES = 1 << 26  # of all tables of codes


@dataclass(frozen=True, eq=False)
class Tiles:
    """A mapped layer as `read_tiles` takes it; `lane[s, p]` is where column p of slice s is."""

    low: int
    high: int
    lane: Integers
    cells: Codes
    shape: tuple[int, int, int]
    noisy: bool
    generator: tuple[Any, ...]
    places: npt.NDArray[np.uint32]
    converter: npt.NDArray[np.int32]
    alike: bool
    tables: npt.NDArray[np.uint16]
    sum_type: type[Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """A model with crossbars, ready to run."""

    layers: tuple[Layer, ...]
    tiles: tuple[Tiles | None, ...]


def prepare(model: Model) -> Plan:
    """A model's tiles, laid out for the loops."""
    ranges = [model.code_range(i) for i in range(len(model.layers))]
    tiles = [
        None if layer.crossbar is None else _tiles(layer.crossbar, i, *ranges[i])
        for i, layer in enumerate(model.layers)
    ]
    return Plan(tuple(model.layers), tuple(tiles))


def _tiles(crossbar: Crossbar, index: int, low: int, high: int) -> Tiles:
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
    cells = np.zeros((inputs, 2 * half), kind)
    cells[:, lane] = (crossbar.cells // factor).transpose(1, 0, 2)
    places = np.zeros((digits, half), np.uint32)
    cut = places[:, : slices * pairs].reshape(digits, slices, pairs)
    cut[:] = np.arange(digits)[:, None, None] << 14 | np.arange(slices)[:, None] << 18 | np.arange(pairs)
    noisy = noise is not None and noise.amplitude > 0
    thresholds = crossbar.adc.thresholds
    reach = (0, most)
    if noisy:
        assert noise is not None
        reach = (-noise.largest, most * factor + noise.largest)
    else:
        thresholds = -(-thresholds // factor)  # a multiple of the factor reaches both or none
    if max(-reach[0], reach[1]) >= 1 << 31:
        raise QsimError(f"a current of layer {index} reaches {reach[1]} units; 31 bits are allowed")
    converter, tables = _converter(thresholds, reach, lane, 2 * half)
    generator = (0, index, np.int32(0), np.int32(factor))
    if noisy:
        assert noise is not None
        generator = (noise.seed, index, np.int32(noise.amplitude), np.int32(factor))
    total = mapping.tiles(inputs) * crossbar.adc.codes << digits * mapping.digit_bits
    return Tiles(
        low=low,
        high=high,
        lane=lane,
        cells=cells,
        shape=(mapping.rows, digits, mapping.digit_bits),
        noisy=noisy,
        generator=generator,
        places=places,
        converter=converter,
        alike=bool((converter == converter[:, :1]).all()),
        tables=tables,
        sum_type=np.int32 if total < 1 << 31 else np.int64,
    )


def _converter(
    thresholds: Integers, reach: tuple[int, int], lane: Integers, lanes: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint16]]:
    """`converter` and `tables` of `read_tiles`: lines where all thresholds lie on them, else tables."""
    sets, rows, count = thresholds.shape
    flat = thresholds.reshape(-1, count)
    which = np.zeros(lanes, np.int64)
    s, p = np.indices(lane.shape)
    which[lane] = (s % sets) * rows + p % rows
    lines = _lines(flat)
    if lines is not None:
        per_row, shift = lines
        return np.vstack([per_row[:, which], np.zeros(lanes)]).astype(np.int32), np.zeros(
            (0, shift), np.uint16
        )
    ends = flat[:, [0, -1]].clip(reach[0], reach[1] + 1)
    least, most = ends[:, 0] - 1, ends[:, 1]
    width = int((most - least).max()) + 1
    if width * len(flat) > MOST_ENTRIES:
        raise QsimError(
            f"{len(flat)} converters over {width} units of current are too many to tabulate; "
            f"{MOST_ENTRIES} entries are allowed: use fewer unit bits or smaller tiles"
        )
    tables = np.stack(
        [np.searchsorted(t, np.arange(a, a + width), "right") for t, a in zip(flat, least, strict=True)]
    )
    converter = np.stack([np.zeros(lanes), np.zeros(lanes), least[which], most[which], which])
    return converter.astype(np.int32), tables.astype(np.uint16)


def _lines(flat: Integers) -> tuple[Integers, int] | None:
    """Slope, offset, least and largest current of each row, and one shift, or None.

    (clip(current) * slope + offset) >> shift is the code: it rises with the current, so it is proved by
    looking at each threshold t and at t - 1, and it stays within 31 bits.
    """
    count = flat.shape[1]
    found = [find_line(row.tolist()) for row in flat]
    if any(line is None for line in found):
        return None
    steepest = max(line[0] for line in found if line is not None)
    shift = 30 - max(1, count.bit_length())
    shift -= max(0, math.ceil(math.log2(steepest)) + shift - 30)
    if shift < 0:
        return None
    numbers, one = np.arange(1, count + 1), 1 << shift
    rows = []
    for row, line in zip(flat, found, strict=True):
        assert line is not None
        slope = max(1, round(line[0] * one))
        least = int((numbers * one - row * slope).max())
        most = int((numbers * one - (row - 1) * slope).min()) - 1
        offset = (least + most) // 2
        ends = row[0] - 1, row[-1]
        products = [abs(int(v) * slope) for v in ends] + [abs(int(v) * slope + offset) for v in ends]
        if least > most or max(*products, abs(offset)) >= 1 << 31:
            return None
        if int(ends[0]) * slope + offset < 0 or (int(ends[1]) * slope + offset) >> shift != count:
            return None
        rows.append((slope, offset, *ends))
    return np.array(rows, np.int64).T, shift


def run(
    plan: Plan,
    codes: Codes,
    first_image: int = 0,
    hidden: Sequence[Codes] = (),
    watched: Sequence[npt.NDArray[np.uint16]] = (),
) -> Integers:
    """Logits (N, outputs) of checked codes; fills `hidden` and `watched`, one array a layer, if given."""
    logits = np.empty((len(codes), plan.layers[-1].outputs), np.int64)

    def part(rows: slice) -> None:
        for start in range(rows.start, rows.stop, BLOCK):
            block = slice(start, min(start + BLOCK, rows.stop))
            own = codes[block].astype(np.int64)
            for i, (layer, tiles) in enumerate(zip(plan.layers, plan.tiles, strict=True)):
                seen = watched[i][block] if watched else NOTHING
                if tiles is None:
                    acc = _exact_product(layer, own)
                else:
                    acc = _accumulate(layer, tiles, own, first_image + start, seen)
                if layer.thresholds is not None:
                    own = np.empty(acc.shape, np.int64)
                    loops.count_thresholds(acc, layer.thresholds, own)
                    if hidden:
                        hidden[i][block] = own
            logits[block] = acc

    share(len(codes), part)
    return logits


def _exact_product(layer: Layer, codes: Integers) -> Integers:
    """bias + weights x codes, in doubles where no sum can leave 53 bits."""
    largest = int(np.abs(codes).max(initial=0)) * int(np.abs(layer.weights).sum(1).max())
    if largest < 1 << 53:
        return (codes.astype(float) @ layer.weights.T.astype(float)).astype(np.int64) + layer.bias
    return codes @ layer.weights.T + layer.bias


def _accumulate(
    layer: Layer, tiles: Tiles, codes: Integers, first_image: int, watched: npt.NDArray[np.uint16]
) -> Integers:
    crossbar = layer.crossbar
    assert crossbar is not None
    mapping, adc = crossbar.mapping, crossbar.adc
    sums = np.zeros((len(codes), tiles.cells.shape[1]), tiles.sum_type)
    seed, index, amplitude, factor = tiles.generator
    seen = NOTHING
    if len(watched):
        seen = np.empty((*watched.shape[:2], watched.shape[3], tiles.cells.shape[1]), np.uint16)
    loops.read_tiles(
        (codes - tiles.low).astype(np.uint16),
        tiles.cells,
        tiles.shape,
        tiles.noisy,
        (seed, index, first_image & 0xFFFFFFFF, amplitude, factor),
        tiles.places,
        tiles.converter,
        tiles.alike,
        tiles.tables,
        seen,
        sums,
    )
    if len(watched):  # (images, tiles, digits, slices, columns) -> (images, tiles, slices, digits, columns)
        watched[:] = seen[..., tiles.lane].transpose(0, 1, 3, 2, 4)
    times = mapping.tiles(layer.inputs) * sum(1 << g * mapping.digit_bits for g in range(tiles.shape[1]))
    total = np.zeros((len(codes), tiles.lane.shape[1]), np.int64)
    for s, lanes in enumerate(tiles.lane):
        base, step = int(adc.base[s % len(adc.base)]), int(adc.step[s % len(adc.step)])
        total += (base * times + step * sums[:, lanes].astype(np.int64)) << s * mapping.cell_bits
    pairs = np.array([mapping.pair(j, layer.outputs) for j in range(layer.outputs)])
    difference = mapping.gain(layer.grid) * total[:, pairs[:, 0]] - total[:, pairs[:, 1]]
    rounded = (difference + (mapping.unit >> 1)) >> mapping.unit_bits
    return layer.bias + tiles.low * layer.weights.sum(1) + rounded


def column_codes(
    model: Model, codes: npt.ArrayLike, first_image: int = 0
) -> list[npt.NDArray[np.uint16] | None]:
    """Every converter's code.

    Parameters
    ----------
    model : Model
    codes : int array (N, inputs)
    first_image : number of the first image, on which read noise depends

    Returns
    -------
    For each layer an array (N, tiles, slices, digits, columns), None where the layer is not mapped.
    """
    checked = model.checked(codes)
    watched: list[npt.NDArray[np.uint16]] = []
    for i, layer in enumerate(model.layers):
        shape: tuple[int, ...] = (len(checked), 0)
        if layer.crossbar is not None:
            slices, inputs, columns = layer.crossbar.cells.shape
            mapping = layer.crossbar.mapping
            digits = mapping.digits(*model.code_range(i))
            shape = (len(checked), mapping.tiles(inputs), slices, digits, columns)
        watched.append(np.empty(shape, np.uint16))
    run(prepare(model), checked, first_image, watched=watched)
    return [array if array.ndim == 5 else None for array in watched]
