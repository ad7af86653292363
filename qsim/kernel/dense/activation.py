"""What follows a layer's sums: finish the accumulators, count thresholds, or find the largest.

A block's accumulators are `images` rows of `columns` numbers, of which the layer's outputs are the first
and the others mean nothing. They are 32-bit (`acc`) or 64-bit (`wide`); codes are written as the next
layer's operands, bytes or halves. All of these are pointers, `row` is the layer's row of the plan (see
`packing`) and `block` the address that its offsets start from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...jit.compiling import part, part_of
from ...jit.vectors import index, pointer, winners_of_16
from ..thresholds.simd import counting
from . import packing as p


@part
def finish(acc, row, bias, images, columns):
    """Adds the bias; where a weight 2s + 1 is stored as s, doubles first and adds the sum of the codes."""
    factor = 1 + row[p.DOUBLED]
    for i in range(0, images * columns, columns):
        ones = row[p.DOUBLED] * acc[i + row[p.OUTPUTS]] if row[p.DOUBLED] else 0
        for j in range(columns):
            acc[i + j] = acc[i + j] * factor + ones + bias[j]


@part
def widen(acc, wide, size):
    for i in range(size):
        wide[i] = acc[i]


@part
def narrow(wide, acc, size):
    """Cuts off what is beyond all thresholds, where those have 32 bits."""
    for i in range(size):
        acc[i] = min(max(wide[i], -p.IN_32_BITS - 1), p.IN_32_BITS - 1)


@part
def compare(acc, row, thresholds, images, columns):
    """Few thresholds (T, columns), compared one after another; codes replace the accumulators."""
    for i in range(0, images * columns, columns):
        for j in range(columns):
            code = np.int32(0)
            value = acc[i + j]
            for t in range(p.FEW):
                code += np.int32(thresholds[t * columns + j] <= value)
            acc[i + j] = code


@part
def look_up(acc, row, entries, images, columns):
    """A table with a row for each neuron (see `thresholds.Table`); codes replace the accumulators."""
    low, high, shift = row[p.LOW], row[p.HIGH], row[p.SHIFT]
    for i in range(images):
        for j in range(row[p.OUTPUTS]):
            value = min(max(np.int64(acc[i * columns + j]), low), high)
            entry = entries[j * row[p.BUCKETS] + (value >> shift) - (low >> shift)]
            acc[i * columns + j] = ((entry + value) & 0xFFFFFFFF) >> shift


@part
def bisect(wide, row, thresholds, images, columns):
    """Any thresholds, by bisection; codes replace the accumulators."""
    several = row[p.ROWS] > 1
    for i in range(images):
        for j in range(row[p.OUTPUTS]):
            value, start = wide[i * columns + j], j * several * row[p.WIDTH]
            low, high = 0, row[p.WIDTH]
            while low < high:
                middle = (low + high) // 2
                if thresholds[start + middle] <= value:
                    low = middle + 1
                else:
                    high = middle
            wide[i * columns + j] = low


@part
def store(codes, shift, size, operands):
    """Codes as the next layer's operands, code - shift."""
    for i in range(size):
        operands[i] = codes[i] - shift


def activation(name: str, lanes: int) -> Any:
    """The compiled `activate` of instruction set `name`."""
    climb, climb_doubled, step = counting(lanes)

    @part_of(name)
    def staircases(acc, row, following, block, line, images, columns, operands):
        """Evenly spaced thresholds in vectors; finishes the accumulators of FUSED layers as it goes."""
        slope, offset, shift, max_code, minus = (
            line[0],
            line[1],
            line[2],
            row[p.MAX_CODE],
            following[p.SHIFT_IN],
        )
        if not row[p.FUSED]:
            climb(acc, slope, offset, shift, max_code, minus, images * columns, operands)
            return
        bias = pointer(block + row[p.BIAS], np.int32)
        for i in range(images):
            here, there = index(acc, i * columns), index(operands, i * columns)
            climb_doubled(
                here, bias, here[row[p.OUTPUTS]], slope, offset, shift, max_code, minus, columns, there
            )

    @part_of(name)
    def activate(row, following, block, acc, wide, images, columns, operands):
        """From accumulators to the next layer's operands; `operands` is an address."""
        size, table, method = images * columns, block + row[p.TABLE], row[p.METHOD]
        octets, halves = pointer(operands, np.uint8), pointer(operands, np.int16)
        minus = following[p.SHIFT_IN]
        if row[p.CHUNK] and method < p.BISECT:
            narrow(wide, acc, size)
        if method == p.CLIMB:
            if following[p.HALVES]:
                staircases(acc, row, following, block, pointer(table, np.int64), images, columns, halves)
            else:
                staircases(acc, row, following, block, pointer(table, np.int64), images, columns, octets)
        elif method == p.TABLED and row[p.ROWS] == 1:
            low, high, shift, max_code = row[p.LOW], row[p.HIGH], row[p.SHIFT], row[p.MAX_CODE]
            if following[p.HALVES]:
                step(acc, table, low, high, shift, max_code, minus, size, halves)
            else:
                step(acc, table, low, high, shift, max_code, minus, size, octets)
        elif method == p.BISECT:
            if not row[p.CHUNK]:
                widen(acc, wide, size)
            bisect(wide, row, pointer(table, np.int64), images, columns)
            if following[p.HALVES]:
                store(wide, minus, size, halves)
            else:
                store(wide, minus, size, octets)
        else:
            if method == p.COMPARE:
                compare(acc, row, pointer(table, np.int32), images, columns)
            else:
                look_up(acc, row, pointer(table, np.uint32), images, columns)
            if following[p.HALVES]:
                store(acc, minus, size, halves)
            else:
                store(acc, minus, size, octets)

    return activate


@part
def copy(acc, columns, images, outputs, logits):
    for i in range(images):
        for j in range(outputs):
            logits[i * outputs + j] = acc[i * columns + j]


@part
def classify(acc, columns, images, outputs, classes):
    """The lowest index of the largest of each row's `outputs`; with one output whether it is >= 0."""
    for i in range(images):
        best, winner = acc[i * columns], 0
        for j in range(1, outputs):
            value = acc[i * columns + j]
            winner = j if value > best else winner
            best = max(best, value)
        classes[i] = winner if outputs > 1 else np.int64(best >= 0)


@part
def conclude(row, block, acc, wide, images, columns, logits, classes):
    """Logits and classes, to the addresses of arrays of int64; 0 where they are not wanted."""
    outputs = row[p.OUTPUTS]
    values, winners = pointer(logits, np.int64), pointer(classes, np.int64)
    if row[p.METHOD] == p.KEYED and not logits:
        keys = pointer(block + row[p.TABLE], np.int32)
        winners_of_16(acc, columns, images, outputs, p.KEY_BITS + row[p.DOUBLED], keys, winners)
        return
    if row[p.FUSED]:
        finish(acc, row, pointer(block + row[p.BIAS], np.int32), images, columns)
    if logits:
        if row[p.CHUNK]:
            copy(wide, columns, images, outputs, values)
        else:
            copy(acc, columns, images, outputs, values)
    if classes:
        if row[p.CHUNK]:
            classify(wide, columns, images, outputs, winners)
        else:
            classify(acc, columns, images, outputs, winners)
