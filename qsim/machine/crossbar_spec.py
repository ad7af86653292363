"""The executable specification of a crossbar: what one layer on memristive tiles computes, in plain integers.

A layer's weights lie in cells of `cell_bits` bits: slice s of a level holds its bits from s * cell_bits on.
Its input codes come as digits of `digit_bits` bits, the lowest first. Each *read* is one row tile, one
slice, one digit: every column of cells gives a current, and its converter a code.

    current = sum over the tile's rows of cell x digit, + noise      in units of 1/2**unit_bits of a level
    code    = how many thresholds t have t <= current                as in an activation
    value   = base + step x code
    sum     = sum over all reads of value x 2**(slice * cell_bits + digit * digit_bits)
    acc     = bias + low x sum of weights + round((gain x sum[positive] - sum[negative]) / 2**unit_bits)

`positive` and `negative` are the two columns of an output (`Mapping.pair`). Codes enter as code - low, so
that digits are never negative; low is the smallest code, 0 unless inputs are signed. Bias and the term in
low are added digitally. Halves are rounded up.

Everything here is read through plain facts of a `Crossbar`: `cells[slice][input][column]`, `mapping`, `adc`,
`noise`. With ideal cells, no noise and a converter that has a threshold for each level of current, acc is
that of the ideal layer, whatever the tile's size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .crossbar import Adc, Crossbar, Noise
    from .model import Layer

MASK = 0xFFFFFFFF
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
ROUNDS = 13
MEAN = 510  # of a word's four bytes, added up
NOISE_SHIFT = 16


def threefry(key: tuple[int, int], counter: tuple[int, int], rounds: int = ROUNDS) -> tuple[int, int]:
    """Two pseudo-random 32-bit words: Threefry-2x32 (Salmon et al., SC 2011): add, rotate, exclusive or."""
    keys = (*key, 0x1BD11BDA ^ key[0] ^ key[1])
    a, b = (counter[0] + keys[0]) & MASK, (counter[1] + keys[1]) & MASK
    for i in range(rounds):
        turn = ROTATIONS[i % 8]
        a = (a + b) & MASK
        b = ((b << turn | b >> 32 - turn) & MASK) ^ a
        if i % 4 == 3:
            j = i // 4 + 1
            a, b = (a + keys[j % 3]) & MASK, (b + keys[(j + 1) % 3] + j) & MASK
    return a, b


def place(tile: int, slice: int, digit: int, column: int) -> int:
    """Which two columns of which read, as a word: 10 bits tile, 4 slice, 4 digit, 14 pair of columns."""
    return tile << 22 | slice << 18 | digit << 14 | column >> 1


def noise_of(
    noise: Noise | None, layer: int, image: int, tile: int, slice: int, digit: int, column: int
) -> int:
    """What is added to one current: an integer, nearly Gaussian, of mean 0, that depends on nothing else.

    The four bytes of a random word add up to 510 on average, with a standard deviation of 147.8; the
    difference to 510 is scaled by amplitude / 2**16 and rounded, halves up.
    """
    if noise is None:
        return 0
    word = threefry((noise.seed, layer), (image & MASK, place(tile, slice, digit, column)))[column & 1]
    total = sum(word >> shift & 0xFF for shift in (0, 8, 16, 24)) - MEAN
    return (total * noise.amplitude + (1 << NOISE_SHIFT - 1)) >> NOISE_SHIFT


def digit_of(code: int, low: int, digit: int, digit_bits: int) -> int:
    """One digit of an input code."""
    return (code - low) >> digit * digit_bits & (1 << digit_bits) - 1


def convert(current: int, thresholds: Sequence[int]) -> int:
    """code = how many thresholds t have t <= current: a flash converter."""
    return sum(t <= current for t in thresholds)


def columns_read(
    crossbar: Crossbar, codes: Sequence[int], low: int, high: int, layer: int, image: int
) -> Iterator[tuple[int, int, int, list[int]]]:
    """Every read of one image: (tile, slice, digit, the code of each column)."""
    mapping, cells = crossbar.mapping, crossbar.cells.tolist()
    thresholds = crossbar.adc.thresholds.tolist()
    for tile, start in enumerate(range(0, len(codes), mapping.rows)):
        rows = range(start, min(start + mapping.rows, len(codes)))
        for s, array in enumerate(cells):
            converters = thresholds[s % len(thresholds)]  # one set for all slices, or one each
            for digit in range(mapping.digits(low, high)):
                driven = [(i, digit_of(codes[i], low, digit, mapping.digit_bits)) for i in rows]
                read = []
                for column in range(len(array[0])):
                    current = sum(array[i][column] * x for i, x in driven)
                    current += noise_of(crossbar.noise, layer, image, tile, s, digit, column)
                    read.append(convert(current, converters[column % len(converters)]))
                yield tile, s, digit, read


def value_of(adc: Adc, slice: int, code: int) -> int:
    """What a code stands for, in units of 1/2**unit_bits of a level."""
    entry = slice % len(adc.base)
    return int(adc.base[entry]) + int(adc.step[entry]) * code


def accumulate(layer: Layer, codes: Sequence[int], low: int, high: int, index: int, image: int) -> list[int]:
    """The accumulators of a mapped layer for one image.

    Parameters
    ----------
    layer : Layer with a crossbar
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
    accs = []
    for j, (weights, bias) in enumerate(zip(layer.weights.tolist(), layer.bias.tolist(), strict=True)):
        positive, negative = mapping.pair(j, layer.outputs)
        total = mapping.gain(layer.grid) * sums[positive] - sums[negative]
        accs.append(bias + low * sum(weights) + ((total + half) >> unit))
    return accs
