"""The crossbar's loops: plain code over lanes, which the compiler turns into vectors of any width.

A *lane* is one column of one slice. A row of cells holds all lanes side by side, in the narrowest type in
which no current overflows, so that driving a row is one vector addition, and rows whose bit is 0 cost
nothing: most of an image's are. Lanes are ordered as the noise generator gives its words: even columns of
all slices, then odd ones, each half padded to a whole number of vectors.

A function here validates nothing; `crossbar_run` prepares what they take.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from .kernel.vectors import I32

OPTIONS = {"cache": True, "nogil": True, "boundscheck": False, "error_model": "numpy"}
U32 = np.uint32


@intrinsic
def shifted(context, value, right):
    """The low 32 bits of value, shifted right as a signed number: numba itself would widen the shift."""

    def emit(context, builder, signature, arguments):
        narrow = [builder.trunc(a, I32) if a.type.width > 32 else a for a in arguments]
        return builder.ashr(*narrow)

    return types.int32(value, right), emit


@njit(inline="always")
def turned(word, left):
    return U32(U32(word << U32(left)) | U32(word >> U32(32 - left)))


@njit(inline="always")
def mixed(a, b, left):
    """One round of Threefry."""
    a = U32(a + b)
    return a, U32(turned(b, left) ^ a)


@njit(inline="always")
def four_rounds(a, b, odd):
    first, second, third, fourth = (17, 29, 16, 24) if odd else (13, 15, 26, 6)
    a, b = mixed(a, b, first)
    a, b = mixed(a, b, second)
    a, b = mixed(a, b, third)
    return mixed(a, b, fourth)


@njit(inline="always")
def scaled(word, amplitude):
    """A word as noise: see `crossbar_spec.noise_of`."""
    pairs = U32(word & U32(0x00FF00FF)) + U32(U32(word >> U32(8)) & U32(0x00FF00FF))
    total = U32(U32(pairs & U32(0xFFFF)) + U32(pairs >> U32(16)))
    return np.int32(np.int32(np.int32(total) - np.int32(510)) * amplitude + np.int32(1 << 15)) >> np.int32(16)


@njit(**OPTIONS)
def fill_noise(seed, layer, image, tile, places, amplitude, evens, odds):
    """Noise (digits, half) of the even and the odd columns; places (digits, half) are without the tile."""
    k0, k1 = U32(seed), U32(layer)
    k2 = U32(U32(k0 ^ k1) ^ U32(0x1BD11BDA))
    here = U32(tile) << U32(22)
    start = U32(U32(image) + k0)
    for digit in range(places.shape[0]):
        place, even, odd = places[digit], evens[digit], odds[digit]
        for m in range(places.shape[1]):
            a, b = start, U32(U32(place[m] | here) + k1)
            a, b = four_rounds(a, b, False)
            a, b = U32(a + k1), U32(b + U32(k2 + U32(1)))
            a, b = four_rounds(a, b, True)
            a, b = U32(a + k2), U32(b + U32(k0 + U32(2)))
            a, b = four_rounds(a, b, False)
            a, b = U32(a + k0), U32(b + U32(k1 + U32(3)))
            a, b = mixed(a, b, 17)
            even[m], odd[m] = scaled(a, amplitude), scaled(b, amplitude)


@njit(inline="always")
def drive(codes, rows, count, bit, cells, current):
    """current += cells of the rows whose code has the bit, four rows at a time."""
    lanes = current.shape[0]
    n = 0
    for k in range(count):
        rows[1, n] = rows[0, k]
        n += (codes[rows[0, k]] >> bit) & 1
    k = 0
    while k + 4 <= n:
        c0, c1 = cells[rows[1, k]], cells[rows[1, k + 1]]
        c2, c3 = cells[rows[1, k + 2]], cells[rows[1, k + 3]]
        for j in range(lanes):
            current[j] += (c0[j] + c1[j]) + (c2[j] + c3[j])
        k += 4
    while k < n:
        c0 = cells[rows[1, k]]
        for j in range(lanes):
            current[j] += c0[j]
        k += 1


@njit(**OPTIONS)
def add_noise(current, factor, even, odd, value):
    half = even.shape[0]
    for j in range(half):
        value[j] = np.int32(current[j]) * factor + even[j]
    for j in range(half):
        value[half + j] = np.int32(current[half + j]) * factor + odd[j]


@njit(**OPTIONS)
def climb(source, slope, offset, least, most, shift, weight, codes, total):
    """codes = those of the source, by multiplication and shift; total += codes * weight."""
    for j in range(codes.shape[0]):
        v = np.int32(source[j])
        if v < least:
            v = least
        if v > most:
            v = most
        code = shifted(v * slope + offset, shift)
        codes[j] = code
        total[j] += code * weight


@njit(**OPTIONS)
def climb_each(source, slope, offset, least, most, shift, weight, codes, total):
    """The same where lanes differ."""
    for j in range(codes.shape[0]):
        v = np.int32(source[j])
        if v < least[j]:
            v = least[j]
        if v > most[j]:
            v = most[j]
        code = shifted(v * slope[j] + offset[j], shift)
        codes[j] = code
        total[j] += code * weight


@njit(**OPTIONS)
def look_up(source, least, most, row, tables, weight, codes, total):
    """The same from tables of codes."""
    for j in range(codes.shape[0]):
        v = np.int32(source[j])
        if v < least[j]:
            v = least[j]
        if v > most[j]:
            v = most[j]
        code = np.int32(tables[row[j], v - least[j]])
        codes[j] = code
        total[j] += code * weight


@njit(inline="always")
def convert(source, converter, alike, tables, weight, codes, total):
    slope, offset, least, most, row = converter
    if tables.shape[0]:
        look_up(source, least, most, row, tables, weight, codes, total)
    elif alike:
        shift = np.int32(tables.shape[1])
        climb(source, slope[0], offset[0], least[0], most[0], shift, weight, codes, total)
    else:
        shift = np.int32(tables.shape[1])
        climb_each(source, slope, offset, least, most, shift, weight, codes, total)


@njit(**OPTIONS)
def count_thresholds(acc, thresholds, codes):
    """codes (images, neurons): how many of a neuron's thresholds are <= its acc, by bisection."""
    for image in range(acc.shape[0]):
        for j in range(acc.shape[1]):
            row, value = thresholds[j], acc[image, j]
            below, above = 0, thresholds.shape[1]
            while below < above:
                middle = (below + above) >> 1
                if row[middle] <= value:
                    below = middle + 1
                else:
                    above = middle
            codes[image, j] = below


@njit(**OPTIONS)
def read_tiles(codes, cells, shape, noisy, generator, places, converter, alike, tables, watched, sums):
    """Adds up every read's code: sums (images, lanes) += code << digit position.

    codes : uint16 (images, inputs), from 0 up
    cells : (inputs, lanes), of a type that holds every current
    shape : (rows of a tile, digits, digit bits)
    generator : (seed, layer, number of the first image, amplitude, units in a cell's 1)
    converter : int32 (5, lanes): slope, offset, least and largest current, row of `tables`
    alike : whether all lanes have the same line
    tables : uint16 (rows, currents) of codes; where there are none, (0, shift of the slope)
    watched : uint16 (images, tiles, digits, lanes) that gets every code, or with no images
    """
    rows_of_tile, digits, digit_bits = shape
    seed, layer, first_image, amplitude, factor = generator
    images, inputs = codes.shape
    lanes = cells.shape[1]
    current = np.empty(lanes, cells.dtype)
    value, read = np.empty(lanes, np.int32), np.empty(lanes, np.int32)
    half = places.shape[1]
    evens, odds = np.zeros((digits, half), np.int32), np.zeros((digits, half), np.int32)
    rows = np.empty((2, rows_of_tile + 1), np.int64)
    for image in range(images):
        own, total = codes[image], sums[image]
        for tile in range(-(-inputs // rows_of_tile)):
            count = 0
            for i in range(tile * rows_of_tile, min((tile + 1) * rows_of_tile, inputs)):
                rows[0, count] = i
                count += own[i] != 0
            if noisy:
                fill_noise(seed, layer, first_image + image, tile, places, amplitude, evens, odds)
            for digit in range(digits):
                weight = 1 << digit * digit_bits
                current[:] = 0
                for bit in range(digit_bits - 1, -1, -1):
                    if bit < digit_bits - 1:
                        for j in range(lanes):
                            current[j] += current[j]
                    drive(own, rows, count, digit * digit_bits + bit, cells, current)
                if noisy:
                    add_noise(current, factor, evens[digit], odds[digit], value)
                    convert(value, converter, alike, tables, weight, read, total)
                else:
                    convert(current, converter, alike, tables, weight, read, total)
                if watched.shape[0]:
                    for j in range(lanes):
                        watched[image, tile, digit, j] = read[j]
