"""Plain loops for every model and every processor, with the JIT or without it.

- narrow layers: codes in 8 bits, weights in 16, accumulators in 32;
- wide layers: everything in 64 bits.

Thresholds become one multiply and shift where that is proved equal, and a binary search otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..jit.compiling import cached
from ..model.layer import Layer
from ..model.model import Model
from .executor import NO_HIDDEN, Enter, Sweeper, classify
from .thresholds.forms import Array, Bounds, Staircase, find_staircase

BLOCK = 256  # images that go through all layers together while their codes are in cache


@dataclass(frozen=True)
class PackedLayer:
    """One layer as the loops read it: weights transposed to (inputs, outputs)."""

    weights: Array
    bias: Array
    thresholds: Array | None
    staircase: Staircase | None
    wrap_bits: int | None

    @property
    def max_code(self) -> int:
        return 0 if self.thresholds is None else self.thresholds.shape[1]

    @property
    def code_dtype(self) -> type[np.integer[Any]]:
        return np.uint8 if self.weights.dtype == np.int16 else np.int64


def pack(model: Model) -> tuple[PackedLayer, ...]:
    """Each layer in the narrowest types that its proved ranges allow."""
    return tuple(
        _pack_layer(layer, model.code_range(i), model.bounds[i]) for i, layer in enumerate(model.layers)
    )


def _pack_layer(layer: Layer, codes: Bounds, bounds: Bounds) -> PackedLayer:
    accs = np.iinfo(np.int32)
    sums = layer.sum_bounds(*codes)
    fits = accs.min <= sums[0] and sums[1] < accs.max
    narrow = codes[0] >= 0 and codes[1] < 1 << 8 and layer.bits <= 15 and fits
    weight_type: type[np.integer[Any]] = np.int16 if narrow else np.int64
    acc_type: type[np.integer[Any]] = np.int32 if narrow else np.int64
    thresholds = staircase = None
    if layer.thresholds is not None:
        rows = layer.thresholds[:1] if layer.shared_thresholds else layer.thresholds
        thresholds = np.ascontiguousarray(rows.clip(bounds[0], bounds[1] + 1), np.int64)
        staircase = find_staircase(layer, bounds) if layer.shared_thresholds else None
    weights = np.ascontiguousarray(layer.weights.T, weight_type)
    return PackedLayer(weights, layer.bias.astype(acc_type), thresholds, staircase, layer.wrap_bits)


def engine(model: Model) -> Enter:
    """The `enter` of an `Executor`."""
    packed = pack(model)

    def enter(codes: Array, first_image: int, hidden: Array, logits: Array, classes: Array) -> None:
        for start in range(0, len(codes), BLOCK):
            rows = slice(start, start + BLOCK)
            acc = _run_block(packed, codes[rows], hidden[rows])
            if len(logits):
                logits[rows] = acc
            if len(classes):
                classes[rows] = classify(acc)

    return enter


def _run_block(packed: tuple[PackedLayer, ...], codes: Array, hidden: Array) -> Array:
    """The last accumulators; every layer's codes go to `hidden`, side by side, if it has rows."""
    return _finish_block(packed, _accumulators(packed[0], codes), hidden)


def _finish_block(packed: tuple[PackedLayer, ...], acc: Array, hidden: Array) -> Array:
    """The last accumulators from those of the first layer."""
    column = 0
    for layer, following in pairwise(packed):
        codes = np.empty(acc.shape, np.min_scalar_type(layer.max_code))
        count(acc, layer, codes)
        if len(hidden):
            hidden[:, column : column + codes.shape[1]] = codes
            column += codes.shape[1]
        acc = _accumulators(following, codes)
    return acc


def _accumulators(layer: PackedLayer, codes: Array) -> Array:
    codes = np.ascontiguousarray(codes, layer.code_dtype)
    acc = np.empty((len(codes), layer.weights.shape[1]), layer.bias.dtype)
    accumulate(codes, layer.weights, layer.bias, acc)
    return wrapped(acc, layer.wrap_bits)


def wrapped(acc: Array, bits: int | None) -> Array:
    """The lowest `bits` bits of accumulators as two's complement numbers; all of them if None."""
    if bits is None:
        return acc
    above = 64 - bits
    return (acc.astype(np.int64) << above >> above).astype(acc.dtype)


def count(acc: Array, layer: PackedLayer, codes: Array) -> None:
    """codes = how many of the layer's thresholds are <= acc."""
    steps = layer.staircase
    if steps is None:
        search(acc, layer.thresholds, codes)
    else:
        climb(acc, steps.slope, steps.offset, steps.shift, steps.max_code, codes)


def sweeper(model: Model) -> Sweeper:
    """run(codes, signs, steps, classes): fills in classes (images, steps), as in `sweep`."""
    packed, layer, low, high = pack(model), model.layers[0], model.input.low, model.input.high
    columns = np.ascontiguousarray(layer.weights.T)

    def run(codes: Array, signs: Array, steps: Array, classes: Array) -> None:
        acc = np.empty((len(steps), layer.outputs), np.int64)
        for i in range(len(codes)):
            follow(codes[i].astype(np.int64), signs[i], steps, low, high, columns, layer.bias, acc)
            first = wrapped(acc, packed[0].wrap_bits).astype(packed[0].bias.dtype)
            classes[i] = classify(_finish_block(packed, first, NO_HIDDEN))

    return run


@cached()
def follow(
    codes: Array, signs: Array, steps: Array, low: int, high: int, columns: Array, bias: Array, acc: Array
) -> None:
    """acc[t, j]: the first layer at each step, from step to step by what each code still moves."""
    now, before = bias.copy(), codes.copy()
    for k in range(codes.size):
        for j in range(now.size):
            now[j] += codes[k] * columns[k, j]
    for t in range(steps.size):
        for k in range(codes.size):
            moved = min(max(codes[k] + signs[k] * steps[t], low), high)
            change = moved - before[k]
            if change != 0:
                before[k] = moved
                for j in range(now.size):
                    now[j] += change * columns[k, j]
        acc[t] = now


@cached()
def accumulate(codes: Array, weights: Array, bias: Array, acc: Array) -> None:
    """acc[i, j] = bias[j] + sum over k of codes[i, k] * weights[k, j], in the type of `acc`.

    A zero code costs one comparison: most pixels of a digit are zero.
    """
    kind = acc.dtype.type
    for i in range(codes.shape[0]):
        row = acc[i]
        row[:] = bias
        for k in range(codes.shape[1]):
            code = kind(codes[i, k])
            if code != 0:
                for j in range(row.size):
                    row[j] += code * kind(weights[k, j])


@cached()
def climb(acc: Array, slope: int, offset: int, shift: int, max_code: int, codes: Array) -> None:
    """Thresholds in closed form: see `Staircase`."""
    for i in range(acc.shape[0]):
        for j in range(acc.shape[1]):
            step: Any = (np.int64(acc[i, j]) * slope + offset) >> shift
            codes[i, j] = min(max(step, 0), max_code)


@cached()
def search(acc: Array, thresholds: Array, codes: Array) -> None:
    """codes = how many of the ascending thresholds are <= acc, by bisection; one row or one each."""
    shared = thresholds.shape[0] == 1
    for i in range(acc.shape[0]):
        for j in range(acc.shape[1]):
            row = thresholds[0 if shared else j]
            value = acc[i, j]
            low, high = 0, row.size
            while low < high:
                middle = (low + high) // 2
                if row[middle] <= value:
                    low = middle + 1
                else:
                    high = middle
            codes[i, j] = low
