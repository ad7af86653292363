"""Layers small enough to be reasoned about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..shape.crossbar import CrossbarShape
from ..shape.engine import LayerShape


def layer(
    *,
    inputs: int = 3,
    outputs: int = 3,
    bits: int = 2,
    grid: str = "odd",
    code_bits: int = 2,
    code_signed: bool = False,
    levels: int = 0,
    shared_thresholds: bool = False,
    accumulator_bits: int = 8,
    pe: int = 1,
    simd: int = 1,
) -> LayerShape:
    return LayerShape(
        inputs, outputs, bits, grid, code_bits, code_signed, levels,
        shared_thresholds, accumulator_bits, pe, simd,
    )  # fmt: skip


TILES = CrossbarShape(
    inputs=4, code_bits=4, code_signed=False, rows=4, columns=3, slices=2, slice_bits=2, digit_bits=2,
    cell_bits=2, scale_bits=0, amplitude_bits=0, adc_levels=5, adc_each_slice=True, adc_each_column=True,
    value_bits=6, fine_bits=12, accumulator_bits=10, gain=2, unit_bits=2, pe=2, simd=2,
)  # fmt: skip


def tiles(**changes: Any) -> CrossbarShape:
    """Tiles small enough, different from `TILES` in some fields."""
    return replace(TILES, **changes)
