"""The executable specification of a crossbar: what one layer on memristive tiles computes, in plain integers.

A layer's weights lie in cells of `cell_bits` bits: slice s of a level holds its bits from s * cell_bits on.
Its input codes come as digits of `digit_bits` bits, the lowest first. Each *read* is one row tile, one
slice, one digit: every column of cells gives a current, and its converter a code.

    current = sum over the tile's rows of cell x digit, + noise      in units of 1/2**unit_bits of a level
    code    = how many thresholds t have t <= current                as in an activation
    value   = base + step x code
    sum     = sum over all reads of value x 2**(slice * cell_bits + digit * digit_bits)
    acc     = bias + low x sum of weights + round((p x sum[positive] - sum[negative]) / 2**unit_bits)

`positive` and `negative` are the two columns of an output (`geometry.column_pair`), p is how often the first
counts (`geometry.positive_weight`). Codes enter as code - low, so that digits are never negative; low is the
smallest code, 0 unless inputs are signed. Bias and the term in low are added digitally. Halves go up.

Everything here is read through plain facts of a `Crossbar`: `cells[slice][input][column]`, `mapping`, `adc`,
`noise`. With ideal cells, no noise and a converter that has a threshold for each level of current, acc is
that of the ideal layer, whatever the tile's size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from . import geometry
from .noise import noise_of


def digit_of(code: int, low: int, digit: int, digit_bits: int) -> int:
    """One digit of an input code."""
    return (code - low) >> digit * digit_bits & (1 << digit_bits) - 1


def convert(current: int, thresholds: Sequence[int]) -> int:
    """code = how many thresholds t have t <= current: a flash converter."""
    return sum(t <= current for t in thresholds)


def columns_read(
    crossbar: Any, codes: Sequence[int], low: int, high: int, layer: int, image: int
) -> Iterator[tuple[int, int, int, list[int]]]:
    """Every read of one image: (tile, slice, digit, the code of each column)."""
    mapping, cells = crossbar.mapping, crossbar.cells.tolist()
    thresholds = crossbar.adc.thresholds.tolist()
    for tile, start in enumerate(range(0, len(codes), mapping.rows)):
        rows = range(start, min(start + mapping.rows, len(codes)))
        for s, array in enumerate(cells):
            converters = thresholds[s % len(thresholds)]  # one set for all slices, or one each
            for digit in range(geometry.digits(low, high, mapping.digit_bits)):
                driven = [(i, digit_of(codes[i], low, digit, mapping.digit_bits)) for i in rows]
                read = []
                for column in range(len(array[0])):
                    current = sum(array[i][column] * x for i, x in driven)
                    current += noise_of(crossbar.noise, layer, image, tile, s, digit, column)
                    read.append(convert(current, converters[column % len(converters)]))
                yield tile, s, digit, read


def value_of(adc: Any, slice: int, code: int) -> int:
    """What a code stands for, in units of 1/2**unit_bits of a level."""
    entry = slice % len(adc.base)
    return int(adc.base[entry]) + int(adc.step[entry]) * code


def accumulate(layer: Any, codes: Sequence[int], low: int, high: int, index: int, image: int) -> list[int]:
    """The accumulators of a mapped layer for one image.

    Parameters
    ----------
    layer : a layer with a crossbar
    codes : its input codes, each from `low` to `high`
    index : the layer's place in the model, from 0
    image : the image's number, which only noise depends on
    """
    crossbar = layer.crossbar
    assert crossbar is not None
    mapping = crossbar.mapping
    sums = [0] * crossbar.cells.shape[2]
    for _, s, digit, read in columns_read(crossbar, codes, low, high, index, image):
        shift = s * mapping.cell_bits + digit * mapping.digit_bits
        for column, code in enumerate(read):
            sums[column] += value_of(crossbar.adc, s, code) << shift
    unit, half = mapping.unit_bits, (1 << mapping.unit_bits) >> 1
    times = geometry.positive_weight(mapping.style, layer.grid)
    rows, accs = layer.weights.tolist(), []
    for j, (weights, bias) in enumerate(zip(rows, layer.bias.tolist(), strict=True)):
        positive, negative = geometry.column_pair(mapping.style, mapping.cols, len(rows), j)
        total = times * sums[positive] - sums[negative]
        accs.append(bias + low * sum(weights) + ((total + half) >> unit))
    return accs
