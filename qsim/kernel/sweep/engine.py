"""All strengths of an attack at once: the first layer is a piecewise linear function of the step e.

Input k of an image is x + s * e until it reaches the end of the range, `room` steps away, and stays there.
So acc(e) = intercept + slope * e, where at first intercept = bias + W x and slope = W s; an input that
stops takes s * w out of the slope and puts room * s * w into the intercept. Two products with the matrix
and a few hundred column updates replace one product for every step. All later layers see ordinary codes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...jit.compiling import part, part_of
from ...jit.vectors import directions_16, pointer
from ..dense import packing as p
from ..dense.activation import activation, conclude
from ..dense.memory import Line, Results, Rows, Steps, Work
from ..dense.network import all_layers, memory_map, row_at
from ..dense.products import Unit
from .inner import LINE, SUMS, TABLE, WIDTHS, walking

IMAGES = 24  # of which both products are taken together: whole tiles of any height
NOWHERE: Any = np.int64(0)  # with its type, which a plain 0 would not have
STEPS = 104  # at most, that go through the other layers together


@part
def directions(codes, shift, signs, low, high, most, inputs, moves, due):
    """For one image, which inputs move and when they stop.

    moves[k] = 1 + the sign of inputs that can move, 1 for others; due[k] = 1 + the steps that it has room
    for, 0 if that is `most` or more and for inputs that cannot move.
    """
    directions_16(codes, shift, signs, low, high, most, inputs // 16, moves, due)
    for k in range(inputs // 16 * 16, inputs):
        room = high - (codes[k] + shift) if signs[k] > 0 else codes[k] + shift - low
        free = room > 0 and signs[k] != 0
        moves[k] = 1 + signs[k] if free else 1
        due[k] = room + 1 if free and room < most else 0


@part
def first_beyond(steps):
    """For each room from 0 to the largest step - 1, the index of the first larger step."""
    index, t = np.empty(steps[-1], np.int64), 0
    for room in range(index.size):
        while steps[t] <= room:
            t += 1
        index[room] = t
    return index


@part
def schedule(due, listed, count, room_to_step, heads, links):
    """Chains the inputs that stop before each step: heads[t], then links[k], to -1."""
    for t in range(heads.size):
        heads[t] = -1
    for n in range(count):
        k = listed[n] // 4  # a byte offset
        t = room_to_step[due[k] - 1]
        links[k], heads[t] = heads[t], k


@part
def is_tabled(row):
    """Whether one table gives the codes of all neurons."""
    return row[p.METHOD] == p.TABLED and row[p.ROWS] == 1


@part
def widest(widths, most):
    """The first of the descending widths that is no more than `most`."""
    for width in widths:
        if width <= most:
            return width
    return 0


def sweeper(name: str, unit: Unit, layer: Any, listing: Any) -> Any:
    """The compiled sweep of instruction set `name`; arguments as in `network.SWEEP`."""
    lanes = unit.lanes
    through = all_layers(f"sweep.{name}", layer, lanes)
    activate = activation(name, lanes)
    walk, widths, size = walking(unit), WIDTHS[lanes], 4 * lanes

    @part_of(name)
    def panels(row, following, block, chains, table, steps, line, acc, operands):
        """For one image a row for each step, of operands where a line or a table gives them, else of sums."""
        vectors, done, numbers = row[p.VECTORS], 0, block + row[p.TABLE]
        method, rows, each = SUMS, acc, 4
        first, second, third, fourth = numbers, row[p.LOW], row[p.HIGH], row[p.SHIFT]
        if is_tabled(row):
            method, rows, each = TABLE, operands, 1 + following[p.HALVES]
        elif row[p.METHOD] == p.CLIMB:
            even = pointer(numbers, np.int64)
            method, rows, each = LINE, operands, 1 + following[p.HALVES]
            first, second, third = even[0], even[1], even[2]
        how = first, second, third, fourth, row[p.MAX_CODE], following[p.SHIFT_IN]
        while done < vectors:
            width = widest(widths, vectors - done)
            weights = Rows(table + done * size, vectors * size)
            to = Rows(rows + done * lanes * each, vectors * lanes * each)
            own = Line(line.intercept + done * size, line.slope + done * size)
            walk((method, each, width), chains, weights, steps, own, how, to)
            done += width

    @part_of(name)
    def both_products(operands, signs, plan, block, at, images, limits, lists, spaces):
        """Intercepts and slopes at step 0, and when inputs stop, of images `at` ...; `images` of them."""
        (low, high, most), (moves, intercepts, slopes, due) = limits, spaces
        row = p.row_of(plan, 1)
        inputs, pitch = row[p.INPUTS], operands.shape[1]
        start = operands.ctypes.data + at * pitch
        for i in range(images):
            own, stop = pointer(signs.ctypes.data + (at + i) * inputs, np.int8), due + 4 * i * inputs
            here, there, stops = start + i * pitch, moves + i * pitch, pointer(stop, np.int32)
            if row[p.HALVES]:
                x, rate = pointer(here, np.int16), pointer(there, np.int16)
                directions(x, row[p.SHIFT_IN], own, low, high, most, inputs, rate, stops)
            else:
                y, speed = pointer(here, np.uint8), pointer(there, np.uint8)
                directions(y, row[p.SHIFT_IN], own, low, high, most, inputs, speed, stops)
        layer(row, block, Rows(start, pitch), images, lists, intercepts, intercepts)
        layer(p.row_of(plan, 0), block, Rows(moves, pitch), images, lists, slopes, slopes)

    @part_of(name, inline="always")
    def sweep(operands, signs, steps, low, high, rows, block, classes):
        inputs, columns, pitch = rows[0, p.INPUTS], rows[0, p.VECTORS] * lanes, 4 * rows[0, p.GROUPS]
        plan, layers = rows.ctypes.data, rows.shape[0] - 1
        row, following = p.row_of(plan, 1), p.row_of(plan, min(2, layers))
        areas = memory_map(rows, lanes, STEPS)
        memory = np.empty(areas[4] + IMAGES * (pitch + 8 * columns + 4 * inputs) + 6 * 64, np.uint8)
        base = (memory.ctypes.data + 63) // 64 * 64
        moves = base + (areas[4] + 63) // 64 * 64
        intercepts = moves + (IMAGES * pitch + 63) // 64 * 64
        slopes = intercepts + IMAGES * 4 * columns
        due = slopes + IMAGES * 4 * columns
        spaces, lists, data = (moves, intercepts, slopes, due), base + areas[3], block.ctypes.data
        narrow, total = pointer(base + areas[1], np.int32), pointer(base + areas[2], np.int64)
        table = data + rows[0, p.TABLE]
        start, width = base + areas[0], columns * (1 + following[p.HALVES])
        heads, links = np.empty(steps.size, np.int64), np.empty(inputs, np.int64)
        room_to_step = first_beyond(steps)
        for image in range(operands.shape[0]):
            i = image % IMAGES
            if i == 0:
                images = min(IMAGES, operands.shape[0] - image)
                limits = low, high, steps[-1]
                both_products(operands, signs, plan, data, image, images, limits, lists, spaces)
            stop = due + 4 * i * inputs
            own, count = signs.ctypes.data + image * inputs, listing(stop, inputs, lists)
            schedule(pointer(stop, np.int32), pointer(lists, np.int32), count, room_to_step, heads, links)
            line = Line(intercepts + 4 * i * columns, slopes + 4 * i * columns)
            for begin in range(0, steps.size, STEPS):
                some, found = min(STEPS, steps.size - begin), row_at(classes, image) + 8 * begin
                chains = heads.ctypes.data + 8 * begin, links.ctypes.data, stop, own
                here = Steps(steps.ctypes.data + 8 * begin, some)
                panels(row, following, data, chains, table, here, line, base + areas[1], start)
                if layers == 1:
                    conclude(row, data, narrow, total, some, columns, 0, found)
                    continue
                if row[p.METHOD] != p.CLIMB and not is_tabled(row):
                    activate(row, following, data, narrow, total, some, columns, start)
                tail = plan + 2 * 8 * p.COLUMNS
                codes, results = Rows(start, width), Results(Rows(NOWHERE, NOWHERE), NOWHERE, found)
                through(tail, layers - 1, data, codes, some, Work(base, areas), results)
        memory[0] = 0  # see `engine.network`

    return sweep
