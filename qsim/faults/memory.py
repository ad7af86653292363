"""What an engine's memories hold for a layer, and the model that a changed memory makes of it.

A bias or a threshold lies in a word of the accumulator's width; thresholds that no accumulator tells apart
are stored alike, and unused places of a search are filled. A defect can drive accumulators to where that
matters, so the faulty model gets the thresholds that are stored and the width at which its sums wrap around.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..model.layer import Layer
from ..model.model import Model

Integers = npt.NDArray[np.int64]


def signed(words: Integers, bits: int) -> Integers:
    """The lowest `bits` bits of each word as a two's complement number."""
    above = np.int64(64 - bits)
    return words << above >> above


def flipped(values: Integers, places: tuple[Integers, ...], bit: Integers, bits: int) -> Integers:
    """`values`, two's complement of `bits` bits, with one bit after another flipped at `places`."""
    words = values.copy()
    np.bitwise_xor.at(words, places, np.int64(1) << bit)
    return signed(words, bits)


def stored_thresholds(layer: Layer, bounds: tuple[int, int]) -> Integers:
    """The thresholds (rows, 2**b - 1) that a search of b steps has for accumulators within `bounds`."""
    assert layer.thresholds is not None
    low, high = bounds
    rows = layer.thresholds[:1] if layer.shared_thresholds else layer.thresholds
    surplus = (1 << layer.max_code.bit_length()) - 1 - layer.max_code
    return np.pad(rows.clip(low, high + 1), ((0, 0), (0, surplus)), constant_values=high + 1)


def effective_thresholds(tree: Integers) -> Integers:
    """The sorted thresholds (rows, 2**b - 1) by which a binary search in any numbers counts.

    The search compares with entry 2**(b-1) - 1, then with the middle of the half where it goes on. What it
    finds never falls as the accumulator grows: an entry left of one that is smaller is reached only below
    that, and counts from there on at the latest; so for the right.
    """
    rows, width = tree.shape
    ends = np.iinfo(np.int64)
    found = np.empty_like(tree)
    low, high = np.full((rows, 1), ends.min), np.full((rows, 1), ends.max)
    step = width + 1
    while step > 1:
        middle = tree[:, step // 2 - 1 :: step].clip(low, high)
        found[:, step // 2 - 1 :: step] = middle
        low = np.stack([low, middle], 2).reshape(rows, -1)
        high = np.stack([middle, high], 2).reshape(rows, -1)
        step //= 2
    return found


def rebuilt(model: Model, layers: Sequence[Layer], searched: Collection[int]) -> Model:
    """The model of changed layers in the engine that was made for `model`.

    Parameters
    ----------
    model : Model
        As it was made.
    layers : sequence of Layer
        As they are now.
    searched : collection of int
        Those whose thresholds are already what `effective_thresholds` gives.
    """
    made: list[Layer] = []
    low, high = model.code_range(0)
    for i, (bounds, layer) in enumerate(zip(model.bounds, layers, strict=True)):
        sums = layer.sum_bounds(low, high)
        if layer.thresholds is not None and i not in searched and not _within(sums, bounds):
            layer = replace(layer, thresholds=stored_thresholds(model.layers[i], bounds))
        half = 1 << model.accumulator_bits[i] - 1
        if not _within(sums, (-half, half - 1)):
            layer = replace(layer, wrap_bits=model.accumulator_bits[i])
        made.append(layer)
        low, high = 0, layer.max_code
    return replace(model, layers=tuple(made))


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
