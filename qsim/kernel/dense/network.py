"""The compiled engine: a block of images through all layers while everything is in cache.

`entry` is compiled once for each instruction set and cached on disk; a model is data to it, never code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ...jit.compiling import part, part_of
from ...jit.vectors import pointer
from . import packing as p
from .activation import activation, conclude
from .layer import LIST_EXTRA
from .memory import Results, Rows, Work

BLOCK = 96  # images: whole tiles of any height


@part
def keep_hidden(operands, images, row, following, hidden):
    """Copies a layer's codes from `images` Rows to others."""
    for i in range(images):
        octets = pointer(operands.address + i * operands.pitch, np.uint8)
        halves = pointer(operands.address + i * operands.pitch, np.int16)
        target = pointer(hidden.address + i * hidden.pitch, np.uint16)
        for j in range(row[p.OUTPUTS]):
            code = np.int64(halves[j]) if following[p.HALVES] else np.int64(octets[j])
            target[j] = code + following[p.SHIFT_IN]


@part
def row_at(array, i):
    """The address of row i, or 0 if the array has no rows."""
    return array.ctypes.data + i * array.strides[0] if array.shape[0] else 0


@part
def memory_map(rows, lanes, images):
    """Byte offsets of a block's work areas (operands twice, 32- and 64-bit sums, lists, end)."""
    operand = columns = groups = 0
    for layer in range(rows.shape[0]):
        groups = max(groups, rows[layer, p.GROUPS])
        columns = max(columns, rows[layer, p.VECTORS] * lanes)
    operand = (images * max(4 * groups, 2 * columns) + 63) // 64 * 64 + 64  # codes are written by 16
    acc = (images * 4 * columns + 63) // 64 * 64
    return (
        operand,
        2 * operand,
        2 * operand + acc,
        2 * operand + 3 * acc,
        2 * operand + 3 * acc + images * 4 * (groups + LIST_EXTRA),
    )


def all_layers(name: str, layer: Any, lanes: int) -> Any:
    """A compiled function that sends a block of images through a run of layers."""
    activate = activation(name, lanes)

    @part_of(name, inline="always")
    def through(plan, layers, block, codes, images, work, results):
        """Rows of operands through the `layers` rows at address `plan`.

        They may lie in the second of the `work` areas (see `memory_map`).
        """
        (base, areas), hidden = work, results.hidden.address
        start, pitch, here, there = codes.address, codes.pitch, base, base + areas[0]
        acc, wide, lists = base + areas[1], base + areas[2], base + areas[3]
        narrow, total = pointer(acc, np.int32), pointer(wide, np.int64)
        for i in range(layers):
            row, following = p.row_of(plan, i), p.row_of(plan, i + 1)
            columns = row[p.VECTORS] * lanes
            layer(row, block, Rows(start, pitch), images, lists, acc, wide)
            if i == layers - 1:
                conclude(row, block, narrow, total, images, columns, results.logits, results.classes)
                return
            activate(row, following, block, narrow, total, images, columns, here)
            pitch = columns * (1 + following[p.HALVES])
            start, here, there = here, there, here
            if hidden:
                to = Rows(hidden, results.hidden.pitch)
                keep_hidden(Rows(start, pitch), images, row, following, to)
                hidden += 2 * row[p.OUTPUTS]

    return through


def network(name: str, layer: Any, lanes: int) -> Any:
    """The compiled function that sends any number of images through all layers; arguments as in RUN."""
    through = all_layers(f"run.{name}", layer, lanes)

    @part_of(name, inline="always")
    def run(operands, rows, block, hidden, logits, classes):
        areas = memory_map(rows, lanes, min(operands.shape[0], BLOCK))
        memory = np.empty(areas[4] + 64, np.uint8)
        base = (memory.ctypes.data + 63) // 64 * 64
        for at in range(0, operands.shape[0], BLOCK):
            images = min(BLOCK, operands.shape[0] - at)
            codes = Rows(operands.ctypes.data + at * operands.shape[1], operands.shape[1])
            kept = Rows(row_at(hidden, at), hidden.strides[0])
            results = Results(kept, row_at(logits, at), row_at(classes, at))
            plan, work = rows.ctypes.data, Work(base, areas)
            through(plan, rows.shape[0], block.ctypes.data, codes, images, work, results)
        memory[0] = 0  # still needed up to here: an address alone does not keep an array alive

    return run


def constant(dtype: Any, dimensions: int) -> Any:
    """The type of a C-ordered array that is read only: arrays that may be written fit too."""
    return types.Array(dtype, dimensions, "C", readonly=True)


RUN = types.void(
    constant(types.uint8, 2),  # the first layer's operands (images, bytes), whole groups: `packing.operands`
    constant(types.int64, 2),  # Plan.rows
    constant(types.uint8, 1),  # Plan.block
    types.uint16[:, ::1],  # codes of all hidden layers side by side (images, neurons), or no rows
    types.int64[:, ::1],  # logits (images, outputs), or no rows
    types.int64[::1],  # classes (images,), or none
)
SWEEP = types.void(
    constant(types.uint8, 2),  # the first layer's operands (images, bytes)
    constant(types.int8, 2),  # signs (images, inputs), each -1, 0 or 1
    constant(types.int64, 1),  # steps (S,), ascending, at least 0
    types.int64,  # the smallest and
    types.int64,  # the largest code
    constant(types.int64, 2),  # Plan.rows of `packing.pack_sweep`
    constant(types.uint8, 1),  # Plan.block
    types.int64[:, ::1],  # classes (images, S)
)
