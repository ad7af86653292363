"""Operands of 16 bits on matrix tiles, which know bytes alone: products byte by byte.

A 16-bit number is low + 256 * high, the low byte unsigned, the high one signed. So are codes, weights or
both, and what tiles compute are the sums of each *place*:

    sum of code * weight = sum of low * low
                         + sum of (low * high + high * low) * 256
                         + sum of high * high               * 65536

The places are added up from the highest to the lowest, times 256 in between. That is three steps of up to
two products; where codes or weights fit in one byte, two steps of one, with that byte as the low one of
codes or the high one of weights.

**Why this is exact.** Adding and multiplying may wrap at 32 bits: the result is right modulo 2^32, and is the
sum itself where that is proved to fit (`packing`: CHUNK is 0). Where it is not, the places are added up in 64
bits. Then each place's sum has to fit 32: it is of at most 2 * inputs products of at most 255 * 255 in
magnitude, so that DEEPEST inputs are allowed. Layers of more stay on vectors.

Vectors' operands lie in memory as halves; a strip has first all low bytes of a row, then all high ones, each
up to a whole tile.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...jit.compiling import part, part_of
from ...jit.vectors import pointer
from . import packing as p
from .activation import finish
from .layer import density, layer_sums
from .memory import Matrix, Rows
from .products import GROUP, Unit
from .tile_layer import SPARSE, STRIP, product
from .tiles import BYTES, DOTS, ROWS, TileUnit


@part
def split(codes, images, inputs, planes, strip):
    """Takes the halves of `images` Rows apart, `planes` bytes of each; zeros fill the ends of strip rows."""
    size = strip.pitch // planes
    for i in range(images):
        halves = pointer(codes.address + i * codes.pitch, np.int16)
        for plane in range(planes):
            target = pointer(strip.address + i * strip.pitch + plane * size, np.uint8)
            for k in range(inputs):
                target[k] = (halves[k] >> 8 * plane) & 255
            for k in range(inputs, size):
                target[k] = 0


@part
def scale(sums, factor, size):
    """Times 0 or 256, which may wrap."""
    for i in range(size):
        sums[i] *= factor


@part
def collect(total, factor, sums, size):
    """The next place of 64-bit sums."""
    for i in range(size):
        total[i] = total[i] * factor + sums[i]


@cache
def plane_strips(unit: TileUnit) -> Any:
    """A compiled function: the sums of a layer of halves for at least ROWS images, not finished yet.

    `acc` and `wide` are addresses of 32- and 64-bit sums, the latter used if CHUNK says so; the rest is as in
    `tile_layer.strips`, and `room` that of as many rows of whole tiles for each byte of a code.
    """
    configure, multiply, release = product(unit, tuple(range(len(DOTS))))

    @part_of(unit.name)
    def place_by_place(row, data, strip, rows, state, acc, wide):
        """One strip of `rows` images."""
        codes, weights, vectors = row[p.CODE_BYTES], row[p.WEIGHT_BYTES], row[p.VECTORS]
        groups, size = (row[p.INPUTS] + GROUP - 1) // GROUP, rows * vectors * ROWS
        narrow, total, sums = pointer(acc, np.int32), pointer(wide, np.int64), Rows(acc, vectors * BYTES)
        for step in range(codes + weights - 1):
            place, factor = codes + weights - 2 - step, 256 if step else 0
            scale(narrow, 0 if row[p.CHUNK] else factor, size)
            for i in range(max(0, place - weights + 1), min(codes, place + 1)):
                j = place - i
                signs = 2 * (i == 1) + (j == weights - 1)
                own = Rows(strip.address + i * (strip.pitch // codes), strip.pitch)
                plane = data + row[p.PLANES] + j * groups * vectors * BYTES
                multiply(state, signs, own, rows - ROWS, Matrix(plane, groups, vectors), sums, sums)
            if row[p.CHUNK]:
                collect(total, factor, narrow, size)

    @part_of(unit.name)
    def on_tiles(row, data, codes, images, room, acc, wide):
        planes, columns = row[p.CODE_BYTES], row[p.VECTORS] * ROWS
        strip = Rows(room, (row[p.INPUTS] + BYTES - 1) // BYTES * BYTES * planes)
        rows, state = min(images, STRIP), configure()
        for first in range(0, images, STRIP):
            start = min(first, images - rows)  # the last strip overlaps the one before
            here = Rows(codes.address + start * codes.pitch, codes.pitch)
            split(here, rows, row[p.INPUTS], planes, strip)
            done = start * columns
            place_by_place(row, data, strip, rows, state, acc + 4 * done, wide + 8 * done)
        release(state)

    return on_tiles


@cache
def plane_sums(unit: TileUnit, vectors_unit: Unit) -> Any:
    """A compiled function like those of `layer_sums`, for vectors of 16 neurons and operands of 16 bits."""
    on_tiles, on_vectors = plane_strips(unit), layer_sums(vectors_unit)

    @part_of(unit.name)
    def sums(row, data, codes, images, lists, acc, wide):
        groups, least = (
            row[p.GROUPS],
            SPARSE * row[p.CODE_BYTES] * row[p.WEIGHT_BYTES] / 2,
        )  # 2: vectors' cost
        if images < ROWS or not row[p.PLANES] or density(codes.address, codes.pitch, images, groups) < least:
            on_vectors(row, data, codes, images, lists, acc, wide)
            return
        on_tiles(row, data, codes, images, lists, acc, wide)  # which leaves the room for lists to strips
        columns = row[p.VECTORS] * ROWS
        if row[p.CHUNK]:
            finish(pointer(wide, np.int64), row, pointer(data + row[p.BIAS], np.int64), images, columns)
        elif not row[p.FUSED]:
            finish(pointer(acc, np.int32), row, pointer(data + row[p.BIAS], np.int32), images, columns)

    return sums
