"""The memory map: every memory that a model fills, in the order in which it is loaded.

This list stands here alone. The gateware makes its memories from it, the packer fills them, the loader
writes them and the simulators find them by it.
"""

from __future__ import annotations

import numpy as np

from qsim.model.model import Model

from ..shape.engine import EngineShape
from . import crossbar, dense
from .memory_spec import Content, MemorySpec

DIGEST_WORDS = 8  # 32-bit words of a model's sha256


def memory_map(shape: EngineShape) -> tuple[MemorySpec, ...]:
    """The memories of an engine: layer by layer its own, then its thresholds."""
    found: list[MemorySpec] = []
    for i, layer in enumerate(shape.layers):
        own = dense.weights(layer) if layer.crossbar is None else crossbar.memories(layer.crossbar)
        found += [spec.of(f"layer{i}", i) for spec in own]
        found += [spec.of(f"threshold{i}", i) for spec in dense.thresholds(layer)]
    return tuple(found)


def bus_map(shape: EngineShape) -> tuple[MemorySpec, ...]:
    """The memories of an engine on a bus: the model's digest before all others."""
    return MemorySpec("model_digest", 1, 32, DIGEST_WORDS, _digest), *memory_map(shape)


def instances(shape: EngineShape) -> list[str]:
    """The names that the memories of `bus_map` have in the flat netlist of `AxiEngine`."""
    return ["model_digest", *(f"engine_{spec.name}" for spec in memory_map(shape))]


def _digest(model: Model, layer: int) -> Content:
    return np.frombuffer(bytes.fromhex(model.digest), ">u4").astype(np.int64).reshape(-1, 1)
