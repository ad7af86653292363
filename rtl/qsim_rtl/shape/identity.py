"""The word that names an engine's shape on its bus: a CRC-32 of a canonical, versioned description.

The description is JSON with keys of its own, sorted, without blanks, so that it does not depend on how
this project names its fields. A change of its meaning raises `SCHEMA`, which the bus tells too.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from .crossbar import CrossbarShape
from .engine import EngineShape, LayerShape

SCHEMA = 1


def identity(shape: EngineShape) -> int:
    """The CRC-32 of the description, 32 bits."""
    return zlib.crc32(description(shape).encode())


def description(shape: EngineShape) -> str:
    """Everything that decides how a model is packed, and what its packed integers then mean."""
    facts = {"schema": SCHEMA, "layers": [_layer(layer) for layer in shape.layers]}
    return json.dumps(facts, sort_keys=True, separators=(",", ":"))


def _layer(layer: LayerShape) -> dict[str, Any]:
    return {
        "inputs": layer.inputs,
        "outputs": layer.outputs,
        "weight_bits": layer.bits,
        "weight_grid": layer.grid,
        "code_bits": layer.code_bits,
        "code_signed": layer.code_signed,
        "max_code": layer.levels,
        "shared_thresholds": layer.shared_thresholds,
        "accumulator_bits": layer.accumulator_bits,
        "pe": layer.pe,
        "simd": layer.simd,
        "tiles": None if layer.crossbar is None else _tiles(layer.crossbar),
        **({} if layer.protection == "none" else {"protection": layer.protection}),
    }


def _tiles(tiles: CrossbarShape) -> dict[str, Any]:
    """What a layer on crossbar tiles has besides; all widths are in bits."""
    return {
        "rows": tiles.rows,
        "columns": tiles.columns,
        "slices": tiles.slices,
        "slice": tiles.slice_bits,
        "digit": tiles.digit_bits,
        "cell": tiles.cell_bits,
        "cell_unit": tiles.scale_bits,
        "noise_amplitude": tiles.amplitude_bits,
        "adc_max_code": tiles.adc_levels,
        "adc_each_slice": tiles.adc_each_slice,
        "adc_each_column": tiles.adc_each_column,
        "value": tiles.value_bits,
        "sum": tiles.fine_bits,
        "positive_weight": tiles.gain,
        "weight_unit": tiles.unit_bits,
    }
