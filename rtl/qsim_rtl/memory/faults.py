"""Where the bits of a fault list lie in an engine's memories, and the memories with those bits flipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.faults.lists import FaultList
from qsim.model.model import Model

from ..shape.engine import EngineShape, LayerShape
from .column_order import order
from .pack import Words

Integers = npt.NDArray[np.int64]
Places = dict[str, Integers]  # a memory's name, and word and bit (flips, 2) of each flip


def _weights(model: Model, shape: LayerShape, index: int, table: Integers) -> Places:
    neuron, column, bit = table.T
    group, p = np.divmod(neuron, shape.pe)
    beat, s = np.divmod(column, shape.simd)
    lane = (p * shape.simd + s) * shape.bits + bit
    return {f"layer{index}_weights": np.stack([group * shape.beats + beat, lane], 1)}


def _biases(model: Model, shape: LayerShape, index: int, table: Integers) -> Places:
    neuron, bit = table.T
    layer = model.layers[index]
    if layer.crossbar is not None:
        neurons = [j for _, j in order(layer.crossbar, layer.outputs)]
        words = np.array([neurons.index(j) for j in neuron.tolist()], np.int64)
        return {f"layer{index}_combine_bias": np.stack([words, bit], 1)}
    group, p = np.divmod(neuron, shape.pe)
    return {f"layer{index}_bias": np.stack([group, p * shape.accumulator_bits + bit], 1)}


def _thresholds(model: Model, shape: LayerShape, index: int, table: Integers) -> Places:
    row, rank, bit = table.T
    lowest = (rank + 1) & -(rank + 1)
    level = np.log2(lowest).astype(np.int64)
    found: Places = {}
    for k in range(shape.result_bits):
        own = level == shape.result_bits - 1 - k
        words = (row[own] << k) + (rank[own] + 1 >> level[own] + 1)
        found[f"threshold{index}_stage{k}"] = np.stack([words, bit[own]], 1)
    return found


PLACES: dict[str, Callable[[Model, LayerShape, int, Integers], Places]] = {
    "weight-bit": _weights,
    "bias-bit": _biases,
    "threshold-bit": _thresholds,
}


def places(model: Model, shape: EngineShape, faults: FaultList) -> Places:
    """Word and bit of every flip of a list.

    Parameters
    ----------
    model : Model that the engine is loaded with
    shape : EngineShape
    faults : FaultList
        Of the model, with sites that it has; flipped bits alone.

    Returns
    -------
    dict from a memory's name to an int array (flips, 2): word, and bit in the word

    Raises
    ------
    QsimError
        If a fault of the list is no single bit in one memory.
    """
    found: dict[str, list[Integers]] = {}
    for kind, table in faults.tables.items():
        if kind not in PLACES:
            raise QsimError(
                f"faults of kind {kind} are no bit of a memory each; load the model that they make instead"
            )
        for index in np.unique(table[:, 0]).tolist():
            own = table[table[:, 0] == index, 1:]
            for name, where in PLACES[kind](model, shape.layers[index], index, own).items():
                found.setdefault(name, []).append(where)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def flipped(words: Mapping[str, Words], where: Places) -> dict[str, Words]:
    """Memories with bits flipped."""
    changed = dict(words)
    for name, flips in where.items():
        chunks = words[name].chunks.copy()
        np.bitwise_xor.at(
            chunks, (flips[:, 0], flips[:, 1] // 32), np.uint32(1) << (flips[:, 1] % 32).astype(np.uint32)
        )
        changed[name] = replace(words[name], chunks=chunks)
    return changed
