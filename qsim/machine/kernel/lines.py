"""All strengths of an attack at once: the first layer is a piecewise linear function of the step e.

Input k of an image is x + s * e until it reaches the end of the range, `room` steps away, and stays there.
So acc(e) = intercept + slope * e, where at first intercept = bias + W x and slope = W s; an input that
stops takes s * w out of the slope and puts room * s * w into the intercept. Two products with the matrix
and a few hundred column updates replace one product for every step. All later layers see ordinary codes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import packing as p
from .activation import activate, conclude, inlined, part
from .engine import all_layers, memory_map, operands_of
from .vectors import line_steps, pointer

IMAGES = 24  # of which both products are taken together: whole tiles of any height
STEPS = 104  # at most, that go through the other layers together


@part
def directions(codes, shift, signs, low, high, most, inputs, moves, due):
    """For one image, which inputs move and when they stop.

    moves[k] = 1 + the sign of inputs that can move, 1 for others; due[k] = 1 + the steps that it has room
    for, 0 if that is `most` or more and for inputs that cannot move.
    """
    for k in range(inputs):
        sign, code = np.int32(signs[k]), np.int32(codes[k]) + np.int32(shift)
        room = np.int32(high) - code if sign > 0 else code - np.int32(low)
        free = room > 0 and sign != 0
        moves[k] = 1 + sign if free else 1
        due[k] = np.int32(room + 1) if free and room < most else np.int32(0)


@part
def first_beyond(steps):
    """For each room from 0 to the largest step - 1, the index of the first larger step."""
    index, t = np.empty(steps[-1], np.int64), 0
    for room in range(index.size):
        while steps[t] <= room:
            t += 1
        index[room] = t
    return index


def sweeper(layer: Any, listing: Any, lanes: int) -> Any:
    """The compiled sweep of an instruction set; arguments as in `engine.SWEEP`."""
    through = all_layers(layer, lanes)
    evaluate, absorb = line_steps(lanes)

    @part
    def follow(
        rows,
        block,
        signs,
        room_to_step,
        steps,
        due,
        lists,
        intercept,
        slope,
        first,
        codes,
        heads,
        links,
        base,
        areas,
        at,
        classes,
    ):
        """One image through all steps."""
        inputs, columns = rows[0, p.INPUTS], rows[0, p.VECTORS] * lanes
        weights, offsets, due_by = block + rows[0, p.TABLE], pointer(lists, np.int32), pointer(due, np.int32)
        for t in range(steps.shape[0]):
            heads[t] = -1
        for n in range(listing(due, inputs, lists)):
            k = offsets[n] // 4
            t = room_to_step[due_by[k] - 1]
            links[k], heads[t] = heads[t], k
        line, rise = pointer(intercept, np.int32), pointer(slope, np.int32)
        tail, following = rows[2:], rows[min(2, rows.shape[0] - 1)]
        narrow, total = pointer(base + areas[1], np.int32), pointer(base + areas[2], np.int64)
        nothing, no_logits = np.empty((0, 0), np.uint16), np.empty((0, 0), np.int64)
        for begin in range(0, steps.shape[0], STEPS):
            count = min(STEPS, steps.shape[0] - begin)
            for t in range(count):
                k = heads[begin + t]
                while k >= 0:
                    absorb(
                        signs[k],
                        due_by[k] - 1,
                        pointer(weights + 2 * k * columns, np.int16),
                        columns,
                        line,
                        rise,
                    )
                    k = links[k]
                evaluate(
                    line,
                    rise,
                    steps[begin + t],
                    columns,
                    pointer(base + areas[1] + 4 * t * columns, np.int32),
                )
            if tail.shape[0] == 0:
                conclude(rows[1], narrow, total, count, columns, at + begin, no_logits, classes)
            else:
                start = base + areas[0]
                activate(rows[1], following, block, narrow, total, count, columns, start)
                pitch = columns * (1 + following[p.HALVES])
                through(
                    tail, block, start, pitch, count, base, areas, at + begin, nothing, no_logits, classes
                )

    @inlined
    def sweep(codes, kind, signs, steps, low, high, rows, block, classes):
        inputs, columns, pitch = rows[0, p.INPUTS], rows[0, p.VECTORS] * lanes, 4 * rows[0, p.GROUPS]
        most = steps[-1]
        room_to_step = first_beyond(steps)
        areas = memory_map(rows, lanes, max(STEPS, IMAGES))
        work, sums, due_size = (
            (IMAGES * pitch + 63) // 64 * 64,
            IMAGES * 4 * columns,
            (IMAGES * inputs * 4 + 63) // 64 * 64,
        )
        memory = np.empty(areas[4] + 2 * work + 2 * sums + due_size + 64, np.uint8)
        base = (memory.ctypes.data + 63) // 64 * 64
        lists, operands = base + areas[3], base + areas[4] // 64 * 64 + 64
        moves = operands + work
        intercepts, slopes, due = moves + work, moves + work + sums, moves + work + 2 * sums
        counts, heads, links = (
            np.empty(IMAGES, np.int64),
            np.empty(steps.size, np.int64),
            np.empty(inputs, np.int64),
        )
        for at in range(0, codes.shape[0], IMAGES):
            images = min(IMAGES, codes.shape[0] - at)
            source = codes.ctypes.data + at * codes.shape[1]
            start = operands_of(source, codes.shape[1], kind, rows[1], images, operands, pitch)
            for i in range(images):
                row, own = start + i * pitch, pointer(signs.ctypes.data + (at + i) * inputs, np.int8)
                stop = pointer(due + 4 * i * inputs, np.int32)
                if rows[1, p.HALVES]:
                    directions(
                        pointer(row, np.int16),
                        rows[1, p.SHIFT_IN],
                        own,
                        low,
                        high,
                        most,
                        inputs,
                        pointer(moves + i * pitch, np.int16),
                        stop,
                    )
                else:
                    directions(
                        pointer(row, np.uint8),
                        rows[1, p.SHIFT_IN],
                        own,
                        low,
                        high,
                        most,
                        inputs,
                        pointer(moves + i * pitch, np.uint8),
                        stop,
                    )
            layer(rows[1], block.ctypes.data, start, pitch, images, lists, counts, intercepts, base)
            layer(rows[0], block.ctypes.data, moves, pitch, images, lists, counts, slopes, base)
            for i in range(images):
                follow(
                    rows,
                    block.ctypes.data,
                    signs[at + i],
                    room_to_step,
                    steps,
                    due + 4 * i * inputs,
                    lists,
                    intercepts + 4 * i * columns,
                    slopes + 4 * i * columns,
                    0,
                    0,
                    heads,
                    links,
                    base,
                    areas,
                    (at + i) * steps.size,
                    classes,
                )
        memory[0] = 0  # see `engine.network`

    return sweep
