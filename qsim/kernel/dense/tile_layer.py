"""The accumulators of one layer for a block of images, on matrix tiles (see `tiles`).

Images go in strips of 32. A strip is first copied to where every row starts at a cache line, which tiles load
twice as fast, and ends in zeros up to a whole tile. Then it passes all neurons, from the first cache, while
weights come from the second. What tiles do not serve (a few images, images that are nearly all zero,
accumulators beyond 32 bits) vectors do.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...jit.compiling import part, part_of
from ...jit.vectors import pointer
from . import packing as p
from .activation import finish
from .layer import cut, density, layer_sums
from .memory import Matrix, Rows
from .products import GROUP, PANEL, Unit
from .tiles import AS_VECTORS, BYTES, ROWS, WIDEST, TileUnit, tiles

STRIP = 2 * ROWS  # images
SPARSE = 0.15  # density of groups below which vectors, which leave zeros out, are faster: estimated


@part
def align(codes, images, groups, strip):
    """Copies the groups of `images` Rows to other Rows, and zeros behind them to the ends of those."""
    for i in range(images):
        source = pointer(codes.address + i * codes.pitch, np.int32)
        target = pointer(strip.address + i * strip.pitch, np.int32)
        for k in range(groups):
            target[k] = source[k]
        for k in range(groups, strip.pitch // GROUP):
            target[k] = 0


@cache
def product(unit: TileUnit, kinds: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Three compiled functions, as of `tiles`, but instead of `block` one that takes all neurons."""
    configure, block, release = tiles(unit, kinds)
    widest = PANEL[ROWS]

    @part_of(f"{unit.name}.{kinds}")
    def multiply(state, signs, strip, second, matrix, start, sums):
        """For one aligned strip, whose other tile of images starts at row `second`; `matrix` is a Matrix."""
        weights, done, depth = matrix.weights, 0, (matrix.groups + ROWS - 1) // ROWS
        for k in range((matrix.vectors + widest - 1) // widest):
            panel, within = cut(matrix.vectors, widest, k), 0
            for n in range((panel + WIDEST - 1) // WIDEST):
                width = cut(panel, WIDEST, n)
                own = Rows(weights + within * BYTES, panel * BYTES)
                origin = Rows(start.address + done * BYTES, start.pitch)
                to = Rows(sums.address + done * BYTES, sums.pitch)
                block(state, signs, width, strip, second, own, depth, origin, to)
                within, done = within + width, done + width
            weights += matrix.groups * panel * BYTES

    return configure, multiply, release


@cache
def strips(unit: TileUnit) -> Any:
    """A compiled function: the 32-bit sums of a layer for at least ROWS images, not finished yet.

    `data` is the address of the plan's block, `room` that of STRIP rows of whole tiles (of as many as there
    are images, if fewer), `acc` that of the sums.
    """
    configure, multiply, release = product(unit, (AS_VECTORS,))

    @part_of(unit.name)
    def on_tiles(row, data, codes, images, room, acc):
        groups, pitch = row[p.GROUPS], row[p.VECTORS] * BYTES
        matrix, begin = Matrix(data + row[p.WEIGHTS], groups, row[p.VECTORS]), Rows(data + row[p.START], 0)
        strip = Rows(room, (groups + ROWS - 1) // ROWS * BYTES)
        rows, state = min(images, STRIP), configure()
        for first in range(0, images, STRIP):
            start = min(first, images - rows)  # the last strip overlaps the one before
            align(Rows(codes.address + start * codes.pitch, codes.pitch), rows, groups, strip)
            multiply(state, AS_VECTORS, strip, rows - ROWS, matrix, begin, Rows(acc + start * pitch, pitch))
        release(state)

    return on_tiles


@cache
def tile_sums(unit: TileUnit, vectors_unit: Unit) -> Any:
    """A compiled function like those of `layer_sums`, for vectors of 16 neurons."""
    on_tiles, on_vectors = strips(unit), layer_sums(vectors_unit)

    @part_of(unit.name)
    def sums(row, data, codes, images, lists, acc, wide):
        groups = row[p.GROUPS]
        if images < ROWS or row[p.CHUNK] or density(codes.address, codes.pitch, images, groups) < SPARSE:
            on_vectors(row, data, codes, images, lists, acc, wide)
            return
        on_tiles(row, data, codes, images, lists, acc)  # which leaves the room for lists to strips
        if row[p.DOUBLED] and not row[p.FUSED]:
            bias = pointer(data + row[p.BIAS], np.int32)
            finish(pointer(acc, np.int32), row, bias, images, row[p.VECTORS] * ROWS)

    return sums
