"""Seeded models of any shape, and their extreme and random inputs."""

from __future__ import annotations

import numpy as np

from qsim import InputFormat, Layer, Model


def stored_range(bits):
    return -(1 << bits - 1), (1 << bits - 1) - 1


def random_layer(rng, inputs, outputs, bits, grid, levels, per_neuron, largest_code):
    """A layer whose weights include both ends of its grid and whose thresholds lie among its accumulators."""
    stored = rng.integers(*stored_range(bits), (outputs, inputs), endpoint=True)
    stored.flat[0], stored.flat[-1] = stored_range(bits)
    weights = 2 * stored + 1 if grid == "odd" else stored
    reach = max(2, int(np.abs(weights).sum(axis=1).max()) * largest_code // 4)
    bias = rng.integers(-reach // 4, reach // 4, outputs, endpoint=True)
    thresholds = None
    if levels:
        size = (outputs, levels) if per_neuron else levels
        thresholds = np.sort(rng.integers(-reach, reach, size, endpoint=True))
    return Layer(weights, bias, bits, thresholds, grid)


def random_model(sizes, bits, levels, grid="odd", input_bits=8, signed=False, per_neuron=False, seed=0):
    """A model of the given widths; `bits` and `levels` are single or one for each (hidden) layer."""
    rng = np.random.default_rng(seed)
    depth = len(sizes) - 1
    bits = [bits] * depth if isinstance(bits, int) else bits
    levels = [*([levels] * (depth - 1) if isinstance(levels, int) else levels), 0]
    largest = [1 << input_bits - signed, *levels]
    return Model(
        [
            random_layer(rng, *sizes[i : i + 2], bits[i], grid, levels[i], per_neuron, largest[i])
            for i in range(depth)
        ],
        InputFormat(input_bits, signed),
    )


def random_codes(model, images, seed=0):
    """Random images; the first two hold the smallest and the largest code throughout."""
    rng = np.random.default_rng(seed)
    low, high = model.input.low, model.input.high
    codes = rng.integers(low, high, (images, model.inputs), endpoint=True)
    codes[0], codes[1] = low, high
    return codes
