"""The accumulators of one layer for a block of images: its products with all neurons, tile by tile.

Where most groups of input codes are zero, as in images of digits, it walks over the others, one image at a
time; else it multiplies whole tiles. Both start from the same numbers and give the same sums.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...jit.compiling import part, part_of
from ...jit.vectors import fetch, nonzero_groups_512, pointer
from . import packing as p
from . import products as tiles
from .activation import finish
from .memory import Groups, Panel, Rows

LIST_EXTRA = 32  # numbers after a list of groups: 16 written at once and the length; or a strip's idle bytes
SPARSE = 0.55  # density of groups below which walking over them is faster
DEEP = 128  # groups that a tile takes at a time, at most: their weights stay in the first cache


@part
def density(codes, pitch, images, groups):
    """The share of groups that differ from zero, judged by every eighth image."""
    used = looked = 0
    for i in range(0, images, 8):
        values = pointer(codes + i * pitch, np.int32)
        for k in range(groups):
            used += values[k] != 0
        looked += groups
    return used / looked


@part
def list_groups(codes, groups, listed):
    """Lists the byte offsets of the groups that are not all zero; how many there are."""
    values, offsets, count = pointer(codes, np.int32), pointer(listed, np.int32), 0
    for k in range(groups):
        offsets[count] = 4 * k
        count += values[k] != 0
    return count


@part
def list_groups_512(codes, groups, listed):
    """The same with AVX-512."""
    values, offsets = pointer(codes, np.int32), pointer(listed, np.int32)
    count = nonzero_groups_512(codes, groups // 16, listed)
    for k in range(groups // 16 * 16, groups):
        offsets[count] = 4 * k
        count += values[k] != 0
    return count


@part
def cut(size, most, k):
    """The k-th of the fewest parts of `size` that are at most `most`, all about as long."""
    parts = (size + most - 1) // most
    return size // parts + (k < size % parts)


@cache
def layer_sums(unit: tiles.Unit) -> Any:
    """A compiled function: the accumulators, in `acc` or `wide`, of one layer for some images.

    They are finished but for those of FUSED layers.
    """
    dense, sparse = tiles.products(unit)
    lanes, size = unit.lanes, 4 * unit.lanes
    panel, widest = tiles.PANEL[lanes], max(tiles.TILES[lanes])
    listing = list_groups_512 if lanes == 16 else list_groups

    @part_of(unit.name)
    def walk(panel, codes, images, lists, groups, sums, ahead):
        """One panel for each image, of those among `groups` that it lists.

        Rows of codes from `ahead` on are prefetched meanwhile.
        """
        every = lists.pitch // 4 - LIST_EXTRA
        for i in range(images):
            fetch(ahead + i * codes.pitch, 4 * every)
            listed = lists.address + i * lists.pitch
            offsets, count = listed + 4 * groups.first, pointer(listed, np.int32)[every + 16] - groups.first
            here, to = codes.address + i * codes.pitch, sums.address + i * sums.pitch
            sparse(panel.vectors, here, offsets, min(groups.size, count), panel.weights, panel.start, to)

    @part_of(unit.name)
    def multiply(panel, codes, images, groups, sums, ahead):
        """One panel for all images and `groups`, as deep and as wide as tiles are.

        Memory from `ahead` on is prefetched meanwhile.
        """
        stride, begin, depth = panel.vectors * size, groups.first, 0
        for k in range((groups.size + DEEP - 1) // DEEP):
            begin, depth = begin + depth, cut(groups.size, DEEP, k)
            here, there = Rows(codes.address + 4 * begin, codes.pitch), panel.weights + begin * stride
            done = 0
            for n in range((panel.vectors + widest - 1) // widest):
                each, to = cut(panel.vectors, widest, n), Rows(sums.address + done * size, sums.pitch)
                start = to.address if k else panel.start + done * size
                source, weights = Rows(start, sums.pitch * min(k, 1)), Rows(there + done * size, stride)
                dense(each, here, images, weights, depth, source, to, ahead)
                done, ahead = done + each, ahead + tiles.FETCH * images * depth

    @part_of(unit.name)
    def sums(row, block, codes, images, lists, acc, wide):
        groups, vectors = row[p.GROUPS], row[p.VECTORS]
        columns, acc_pitch, list_pitch = vectors * lanes, vectors * size, 4 * (groups + LIST_EXTRA)
        tiled = images if groups <= DEEP else images // tiles.WHOLE * tiles.WHOLE
        if images < tiles.TALLEST or (
            vectors > 2 and density(codes.address, codes.pitch, images, groups) < SPARSE
        ):
            tiled = 0
        for i in range(tiled, images):
            here = lists + i * list_pitch
            pointer(here, np.int32)[groups + 16] = listing(codes.address + i * codes.pitch, groups, here)
        narrow, total = pointer(acc, np.int32), pointer(wide, np.int64)
        chunk = row[p.CHUNK] if row[p.CHUNK] else groups
        rest_codes = Rows(codes.address + tiled * codes.pitch, codes.pitch)
        rest_lists = Rows(lists + tiled * list_pitch, list_pitch)
        for first in range(0, groups, chunk):
            part, weights, done = Groups(first, min(chunk, groups - first)), block + row[p.WEIGHTS], 0
            for k in range((vectors + panel - 1) // panel):
                width = cut(vectors, panel, k)
                own = Panel(width, weights, block + row[p.START] + done * size)
                to, to_rest = acc + done * size, acc + done * size + tiled * acc_pitch
                more = images >= tiles.WHOLE and first + k == 0  # the next block, once, if there may be one
                ahead = codes.address + images * codes.pitch if more else codes.address
                if tiled:
                    multiply(own, codes, tiled, part, Rows(to, acc_pitch), ahead)
                ahead += tiled * codes.pitch
                walk(own, rest_codes, images - tiled, rest_lists, part, Rows(to_rest, acc_pitch), ahead)
                weights += groups * width * size
                done += width
            if row[p.CHUNK]:
                for i in range(images * columns):
                    total[i] = narrow[i] + (total[i] if first else 0)
        if row[p.CHUNK]:
            finish(total, row, pointer(block + row[p.BIAS], np.int64), images, columns)
        elif row[p.DOUBLED] and not row[p.FUSED]:
            finish(narrow, row, pointer(block + row[p.BIAS], np.int32), images, columns)

    return sums


@cache
def any_layer(name: str, bytes_sums: Any, halves_sums: Any) -> Any:
    """Both functions as one, for operands of either size; `name` is the instruction set's."""

    @part_of(name, inline="always")
    def layer(row, block, codes, images, lists, acc, wide):
        if row[p.HALVES]:
            halves_sums(row, block, codes, images, lists, acc, wide)
        else:
            bytes_sums(row, block, codes, images, lists, acc, wide)

    return layer
