"""Seeded models on tiles of any shape, with imperfect cells and converters, and their specification."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from random_models import random_model

from qsim import Model, spec
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Adc, Mapping, Noise
from qsim.spec import crossbar as crossbar_spec


@dataclass(frozen=True)
class Devices:
    """How the tiles differ from ideal ones.

    `cells`: "levels", as put there; "stuck", some at either end; "spread", all misprogrammed.
    `adc`: "lossless", or "coarse" with 5 thresholds, of its own for each "slice", "column" or "both".
    """

    cells: str = "levels"
    adc: str = "lossless"
    amplitude: int = 0
    seed: int = 0


def on_tiles(model: Model, mapping: Mapping, devices: Devices) -> Model:
    """A model on tiles, with defects."""
    rng = np.random.default_rng(devices.seed)
    mapped = map_to_crossbar(model, mapping)
    layers = []
    for i, layer in enumerate(mapped.layers):
        crossbar = layer.crossbar
        cells, top = crossbar.cells.copy(), mapping.top * mapping.unit
        if devices.cells == "stuck":
            lot = rng.random(cells.shape)
            cells[lot < 0.15], cells[lot > 0.85] = 0, top
        if devices.cells == "spread":
            cells = (cells + rng.integers(-2, 3, cells.shape)).clip(0)
        crossbar = replace(crossbar, cells=cells)
        if devices.adc != "lossless":
            low, high = mapped.code_range(i)
            crossbar = replace(
                crossbar, adc=coarse(rng, devices.adc, cells, crossbar.largest_current(low, high))
            )
        if devices.amplitude:
            crossbar = replace(crossbar, noise=Noise(devices.amplitude, int(rng.integers(1 << 32))))
        layers.append(replace(layer, crossbar=crossbar))
    return Model(layers, mapped.input)


def coarse(rng, own, cells, largest):
    """Five thresholds over the currents there are, disturbed, some below and some above all of them."""
    slices, _, columns = cells.shape
    sets = slices if own in ("slice", "both") else 1
    rows = columns if own in ("column", "both") else 1
    thresholds = np.sort(rng.integers(-2, largest + 3, (sets, rows, 5)))
    return Adc(thresholds, rng.integers(-9, 9, sets), rng.integers(1, max(2, largest // 4), sets))


def column_codes(model: Model, codes: np.ndarray, first_image: int = 0) -> list[np.ndarray]:
    """For each mapped layer, column codes (N, tiles, slices, digits, columns) by the specification."""
    found = []
    hidden = [codes for codes, _ in spec.trace(model, codes.tolist(), first_image)]
    for i, layer in enumerate(model.layers):
        if layer.crossbar is None:
            continue
        entering = codes.tolist() if i == 0 else [layers[i - 1] for layers in hidden]
        low, high = model.code_range(i)
        mapping = layer.crossbar.mapping
        slices, _, columns = layer.crossbar.cells.shape
        shape = mapping.tiles(layer.inputs), slices, mapping.digits(low, high), columns
        read = np.empty((len(codes), *shape), int)
        for n, x in enumerate(entering):
            for t, s, g, row in crossbar_spec.columns_read(layer.crossbar, x, low, high, i, first_image + n):
                read[n, t, s, g] = row
        found.append(read)
    return found


def tiled(sizes, mapping, devices=Devices(), bits=3, levels=7, **options):
    """A random model on tiles; options as in `random_model`."""
    return on_tiles(random_model(sizes, bits, levels, **options), mapping, devices)


def mnist_on_tiles(model: Model, adc_bits: int, seed: int = 0) -> Model:
    """128-row tiles of 1-bit cells: 1 % stuck, the others 5 % off, read noise of a third of a level.

    The converters' codes run over half of the largest current.
    """
    rng = np.random.default_rng(seed)
    mapping = Mapping(128, 128, 1, 1, "offset", 6)
    layers = []
    for layer in map_to_crossbar(model, mapping).layers:
        cells = layer.crossbar.cells
        cells = np.rint(cells * (1 + 0.05 * rng.standard_normal(cells.shape))).astype(int).clip(0, 127)
        lot = rng.random(cells.shape)
        cells[lot < 0.005], cells[lot > 0.995] = 0, 64
        step = 128 * 64 // 2 >> adc_bits
        adc = Adc(step * np.arange(1, 1 << adc_bits) - step // 2, 0, step)
        crossbar = replace(layer.crossbar, cells=cells, adc=adc, noise=Noise.of(21.0, seed + 5))
        layers.append(replace(layer, crossbar=crossbar))
    return Model(layers, model.input)
