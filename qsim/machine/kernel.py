"""The fast path: the arithmetic of `spec`, batched, threaded and compiled, equal to the last bit.

`pack` turns a model into what the loops want; `run` sends blocks of images through the layers. A
layer picks its loop from what the model proves of its ranges, never from the data:

- narrow: codes in 8 bits, weights in 16, accumulators in 32;
- wide: everything in 64 bits.

Thresholds become one multiply and shift where that is proved equal, and a binary search otherwise.
Callers validate; nothing here does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import njit

if TYPE_CHECKING:
    from .model import Layer, Model

BLOCK = 256  # images that go through all layers together while their codes are in cache
Array = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Staircase:
    """code = clip((acc * slope + offset) >> shift, 0, levels): a list of thresholds in closed form."""

    slope: int
    offset: int
    shift: int
    levels: int


@dataclass(frozen=True)
class PackedLayer:
    """One layer as the loops read it: weights transposed to (inputs, outputs)."""

    weights: Array
    bias: Array
    thresholds: Array | None
    staircase: Staircase | None

    @property
    def code_dtype(self) -> type[np.integer[Any]]:
        narrow = self.weights.dtype == np.int16
        return np.uint8 if narrow else np.int64


Packed = tuple[PackedLayer, ...]


def pack(model: Model) -> Packed:
    """Choose each layer's loop and staircase from the model's proved ranges."""
    packed = []
    for i, (layer, bounds) in enumerate(zip(model.layers, model.bounds, strict=True)):
        low, high = model.code_range(i)
        narrow = low >= 0 and high < 1 << 8 and layer.bits <= 15 and _within(bounds, np.int32)
        weight_type, acc_type = (np.int16, np.int32) if narrow else (np.int64, np.int64)
        thresholds = staircase = None
        if layer.thresholds is not None:
            rows = layer.thresholds[:1] if layer.shared_thresholds else layer.thresholds
            thresholds = np.ascontiguousarray(rows.clip(bounds[0], bounds[1] + 1), np.int64)
            staircase = find_staircase(layer, bounds) if layer.shared_thresholds else None
        packed.append(
            PackedLayer(
                np.ascontiguousarray(layer.weights.T, weight_type),
                layer.bias.astype(acc_type),
                thresholds,
                staircase,
            )
        )
    return tuple(packed)


def _within(bounds: tuple[int, int], dtype: type[np.integer[Any]]) -> bool:
    return np.iinfo(dtype).min <= bounds[0] and bounds[1] < np.iinfo(dtype).max


def find_staircase(layer: Layer, bounds: tuple[int, int]) -> Staircase | None:
    """The multiply-shift form of evenly spaced thresholds, or None where there is none.

    Both sides are monotone in acc, so they are equal everywhere if they agree at each threshold t
    and at t - 1: floor((t_k m + b) / 2^s) >= k and floor(((t_k - 1) m + b) / 2^s) < k. Each k
    bounds the offset b from below and above; any b within all of them is a proof.
    """
    assert layer.thresholds is not None
    thresholds = layer.thresholds[0].tolist()
    if thresholds[0] < bounds[0] or thresholds[-1] > bounds[1] + 1:
        return None
    pitch = _codes_per_unit(layer.thresholds[0])
    for shift in (0, 8, 16, 24, 32, 40):
        one = 1 << shift
        slope = round(pitch * one)
        least = max(k * one - t * slope for k, t in enumerate(thresholds, 1))
        most = min(k * one - (t - 1) * slope for k, t in enumerate(thresholds, 1)) - 1
        reach = max(abs(bounds[0]), abs(bounds[1])) * slope + max(abs(least), abs(most))
        if least <= most and reach < 1 << 62:
            return Staircase(slope, (least + most) // 2, shift, len(thresholds))
    return None


def _codes_per_unit(thresholds: Array) -> float:
    """A slope that any closed form must come near to.

    Of two thresholds g codes apart, the later one is passed and the earlier one's predecessor is not,
    so slope > g / (distance + 1); the other way round, slope < g / (distance - 1).
    """
    least, most = 0.0, 2.0
    for gap in range(1, min(len(thresholds), 1 << 10)):
        distance = thresholds[gap:] - thresholds[:-gap]
        least = max(least, gap / (int(distance.min()) + 1))
        most = min(most, gap / max(int(distance.max()) - 1, 0.5))
    return (least + most) / 2


def run(packed: Packed, codes: Array, hidden: Sequence[Array] | None = None) -> npt.NDArray[np.int64]:
    """Logits (N, outputs) of checked codes (N, inputs); fills `hidden`, one array a layer, if given."""
    logits = np.empty((len(codes), packed[-1].weights.shape[1]), np.int64)
    starts = range(0, len(codes), BLOCK)

    def block(start: int) -> None:
        rows = slice(start, start + BLOCK)
        _run_block(packed, codes[rows], None if hidden is None else [h[rows] for h in hidden], logits[rows])

    workers = min(threads(), len(starts))
    if workers <= 1:
        for start in starts:
            block(start)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(block, starts))
    return logits


def threads() -> int:
    """How many threads share the blocks: QSIM_THREADS, else every core this process may use."""
    return int(os.environ.get("QSIM_THREADS") or len(os.sched_getaffinity(0)))


def _run_block(packed: Packed, codes: Array, hidden: list[Array] | None, logits: Array) -> None:
    for i, layer in enumerate(packed):
        codes = np.ascontiguousarray(codes, layer.code_dtype)
        acc = np.empty((len(codes), layer.weights.shape[1]), layer.bias.dtype)
        accumulate(codes, layer.weights, layer.bias, acc)
        if layer.thresholds is None:
            logits[:] = acc
            return
        levels = layer.thresholds.shape[1]
        codes = np.empty(acc.shape, np.min_scalar_type(levels)) if hidden is None else hidden[i]
        if layer.staircase is not None:
            climb(
                acc,
                layer.staircase.slope,
                layer.staircase.offset,
                layer.staircase.shift,
                levels,
                codes,
            )
        else:
            search(acc, layer.thresholds, codes)


@njit(cache=True, nogil=True, boundscheck=False)
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


@njit(cache=True, nogil=True, boundscheck=False)
def climb(acc: Array, slope: int, offset: int, shift: int, levels: int, codes: Array) -> None:
    """Thresholds in closed form: see `Staircase`."""
    for i in range(acc.shape[0]):
        for j in range(acc.shape[1]):
            step = (np.int64(acc[i, j]) * slope + offset) >> shift
            codes[i, j] = max(0, min(levels, int(step)))


@njit(cache=True, nogil=True, boundscheck=False)
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


def classify(logits: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Index of the largest logit, the lowest on a tie; with one output, 1 where it is >= 0."""
    if logits.shape[1] == 1:
        return (logits[:, 0] >= 0).astype(np.int64)
    return logits.argmax(axis=1)
