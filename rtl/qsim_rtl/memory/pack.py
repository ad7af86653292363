"""What the memories of an engine hold for one model: weights, biases and thresholds as words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim.model.layer import Layer
from qsim.model.model import Model

from ..gateware.threshold import tree
from ..shape.engine import EngineShape, LayerShape
from . import crossbar as crossbar_image

ROWS = 4096  # words packed at once, to bound the memory that their single bits take


@dataclass(frozen=True, eq=False)
class Words:
    """Words of `width` bits; row i of `chunks` is word i in 32-bit pieces, the lowest first."""

    width: int
    chunks: npt.NDArray[np.uint32]

    def integers(self) -> list[int]:
        """Each word as an unsigned integer."""
        rows = self.chunks.astype("<u4")
        return [int.from_bytes(row.tobytes(), "little") for row in rows]

    def hexadecimal(self) -> str:
        """One word a line, as `$readmemh` reads it."""
        digits = -(-self.width // 4)
        return "".join(f"{word:0{digits}x}\n" for word in self.integers())


def pack(fields: npt.NDArray[np.integer[Any]], bits: int) -> Words:
    """Put the fields of each row (rows, fields) side by side, `bits` bits each, the first lowest."""
    width = fields.shape[1] * bits
    places = np.arange(bits)
    chunks = np.empty((len(fields), -(-width // 32)), "<u4")
    for start in range(0, len(fields), ROWS):
        rows = np.ascontiguousarray(fields[start : start + ROWS], np.int64)
        ones = (rows[:, :, None] >> places & 1).astype(np.uint8).reshape(len(rows), width)
        ones = np.pad(ones, ((0, 0), (0, -width % 32)))
        chunks[start : start + ROWS] = np.packbits(ones, axis=1, bitorder="little").view("<u4")
    return Words(width, chunks.astype(np.uint32))


def image(model: Model, shape: EngineShape) -> dict[str, Words]:
    """The words of every memory that the engine reads, by the memory's name in the netlist."""
    words: dict[str, Words] = {}
    for i, (layer, folded) in enumerate(zip(model.layers, shape.layers, strict=True)):
        if folded.crossbar is not None:
            parts = crossbar_image.image(layer, folded.crossbar, i, model.code_range(i)[0])
            words |= {f"layer{i}_{name}": pack(*part) for name, part in parts.items()}
        else:
            words[f"layer{i}_weights"] = _weights(layer, folded)
            words[f"layer{i}_bias"] = _bias(layer, folded)
        if layer.thresholds is not None:
            for k, stage in enumerate(_thresholds(layer, folded, model.bounds[i])):
                words[f"threshold{i}_stage{k}"] = stage
    return words


def _weights(layer: Layer, shape: LayerShape) -> Words:
    """Word (g, b), lane (p, s): the stored code from input b * simd + s to neuron g * pe + p."""
    surplus = shape.groups * shape.pe - shape.outputs, shape.beats * shape.simd - shape.inputs
    stored = np.pad(layer.stored, ((0, surplus[0]), (0, surplus[1])))
    tiles = stored.reshape(shape.groups, shape.pe, shape.beats, shape.simd).transpose(0, 2, 1, 3)
    return pack(tiles.reshape(shape.groups * shape.beats, shape.pe * shape.simd), shape.bits)


def _bias(layer: Layer, shape: LayerShape) -> Words:
    bias = np.pad(layer.bias, (0, shape.groups * shape.pe - shape.outputs))
    return pack(bias.reshape(shape.groups, shape.pe), shape.accumulator_bits)


def _thresholds(layer: Layer, shape: LayerShape, bounds: tuple[int, int]) -> list[Words]:
    """Each stage's words: the thresholds as a sorted tree, level by level."""
    assert layer.thresholds is not None
    rows = layer.thresholds[:1] if shape.shared_thresholds else layer.thresholds
    stages = tree(rows, *bounds, shape.result_bits)
    return [pack(stage, shape.accumulator_bits) for stage in stages]
