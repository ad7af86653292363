"""Layers small enough to be reasoned about."""

from __future__ import annotations

from ..shape import LayerShape


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
