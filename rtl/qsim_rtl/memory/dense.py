"""The memories of a dense layer, weights and biases, and those of thresholds, as a search needs them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qsim.model.model import Model

from ..shape.engine import LayerShape
from .memory_spec import Content, MemorySpec


def weights(shape: LayerShape) -> list[MemorySpec]:
    """Weights and biases, `pe` neurons and `simd` inputs a word.

    Word (g, b), lane (p, s) of the weights: the stored code from input b * simd + s to neuron g * pe + p.
    """
    outputs = shape.groups * shape.pe - shape.outputs
    inputs = shape.beats * shape.simd - shape.inputs

    def stored(model: Model, layer: int) -> Content:
        own = model.layers[layer].stored
        padded = np.pad(own, ((0, outputs), (0, inputs)))
        tiles = padded.reshape(shape.groups, shape.pe, shape.beats, shape.simd)
        return tiles.transpose(0, 2, 1, 3).reshape(-1, shape.pe * shape.simd)

    def bias(model: Model, layer: int) -> Content:
        return np.pad(model.layers[layer].bias, (0, outputs)).reshape(shape.groups, shape.pe)

    return [
        MemorySpec(
            "weights",
            shape.pe * shape.simd,
            shape.bits,
            shape.groups * shape.beats,
            stored,
            protection=shape.protection,
        ),
        MemorySpec("bias", shape.pe, shape.accumulator_bits, shape.groups, bias),
    ]


def thresholds(shape: LayerShape) -> list[MemorySpec]:
    """One memory for each bit of a hidden layer's codes, the highest first; none behind the last layer."""
    rows = 1 if shape.shared_thresholds else shape.outputs

    def stage(k: int) -> MemorySpec:
        def fill(model: Model, layer: int) -> Content:
            given = model.layers[layer].thresholds
            assert given is not None
            return tree(given[:rows], *model.bounds[layer], shape.result_bits)[k]

        return MemorySpec(f"stage{k}", 1, shape.accumulator_bits, rows << k, fill)

    return [stage(k) for k in range(shape.result_bits)]


def tree(rows: npt.NDArray[np.int64], low: int, high: int, bits: int) -> list[npt.NDArray[np.int64]]:
    """What the stages of a search hold, for ascending rows of thresholds and what runs from low to high."""
    missing = (1 << bits) - 1 - rows.shape[1]
    padded = np.pad(rows.clip(low, high + 1), ((0, 0), (0, missing)), constant_values=high + 1)
    steps = [1 << bits - k for k in range(bits)]
    return [padded[:, step // 2 - 1 :: step].reshape(-1, 1) for step in steps]
