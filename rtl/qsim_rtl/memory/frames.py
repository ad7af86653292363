"""Frames of input codes as beats of the bus, and its result beats as logits and classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..shape.loadable import Loadable
from ..shape.stream import ByteStream
from .pack import pack

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]


def encoded(shape: Loadable, codes: npt.NDArray[np.integer[Any]]) -> tuple[Bytes, Bytes]:
    """The input beats of checked codes (N, inputs): bytes (N * beats, width) and TLAST (N * beats,)."""
    width = shape.input_width // 8
    data = _side_by_side(shape, codes) if shape.stream is None else _array(codes, shape.stream)
    last = np.zeros((len(codes), shape.frame_beats), np.uint8)
    last[:, -1] = 1
    return np.ascontiguousarray(data.reshape(last.size, width)), last.ravel()


def _array(codes: npt.NDArray[np.integer[Any]], stream: ByteStream) -> Bytes:
    """Each frame (N, beats * width) as the array of its codes, each in whole bytes, the lowest first."""
    wide = np.ascontiguousarray(codes, "<i8").view(np.uint8).reshape(*codes.shape, 8)
    rows = wide[:, :, : stream.code_bytes].reshape(len(codes), codes.shape[1] * stream.code_bytes)
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % stream.bytes)))


def _side_by_side(shape: Loadable, codes: npt.NDArray[np.integer[Any]]) -> Bytes:
    """Beats of `simd` codes (N * beats, width), side by side and filled up."""
    layer = shape.engine.layers[0]
    lanes = np.pad(codes, ((0, 0), (0, layer.beats * layer.simd - layer.inputs)))
    chunks = pack(lanes.reshape(-1, layer.simd), layer.code_bits).chunks.astype("<u4")
    data = chunks.view(np.uint8).reshape(len(chunks), -1)
    width = shape.input_width // 8
    return np.pad(data, ((0, 0), (0, max(0, width - data.shape[1]))))[:, :width]


def decoded(shape: Loadable, results: Bytes) -> tuple[Longs, Longs]:
    """The logit and the class of each result beat (N, bytes)."""
    bits, _ = shape.result_widths
    wide = np.zeros((2, len(results), 8), np.uint8)
    wide[0, :, : bits // 8] = results[:, : bits // 8]
    wide[1, :, : results.shape[1] - bits // 8] = results[:, bits // 8 :]
    logits, classes = wide.view("<i8")[..., 0]
    return logits << 64 - bits >> 64 - bits, classes
