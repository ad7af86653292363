"""A second model for the test bench, made so that a fault of the hardware shows.

Trained weights seldom tie two classes or meet a threshold, and reach no accumulator's limit. The
probe does all of it on the same images: it is loaded over the bus, so that a load that writes
nothing shows too.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from qsim.errors import QsimError
from qsim.model.layer import Layer
from qsim.model.model import Model
from qsim.spec import dense as spec

from ..shape.engine import LayerShape
from ..shape.loadable import Loadable

Longs = npt.NDArray[np.int64]


def probe(model: Model, shape: Loadable, codes: Longs) -> Model:
    """A model for the same engine whose accumulators, on given images, are where faults show.

    Of a dense layer neuron 0 has the greatest weights and the greatest bias that no overflow forbids,
    neuron 1 the least; the others are random, 3 being 2 with a bias that is 1 less. Hidden thresholds
    are accumulators that occur, or one above such; the first of every search is neuron 2's own. The
    last layer has them in an order that ties the first two and, at the top, the last two. A layer on a
    crossbar keeps its cells and gets thresholds alone.

    Parameters
    ----------
    model : Model
        Gives the sizes, and through its digest all that is random.
    shape : Loadable
        The engine; weights have its width, not the model's.
    codes : int array (N, inputs)
        The images that the bench plays.

    Returns
    -------
    Model
        Fits `shape`; the model itself if thresholds alone cannot be changed without other hardware.
    """
    layers: list[Layer] = []
    for i, (layer, folded) in enumerate(zip(model.layers, shape.engine.layers, strict=True)):
        chance = _Chance(f"{model.digest} probe {i}")
        largest = layers[-1].max_code if layers else max(-model.input.low, model.input.high)
        fresh = layer if layer.crossbar else _extreme(layer, folded, largest, chance)
        ends = Model([*layers, replace(fresh, thresholds=None)], model.input)
        accs = np.array(spec.logits(ends, codes.tolist()), np.int64)
        if layer.thresholds is not None:
            count = layer.max_code if layer.crossbar else folded.levels
            fresh = replace(fresh, thresholds=_thresholds(accs, count, folded.shared_thresholds))
        elif not layer.crossbar:
            fresh = _tied(fresh, accs)
        layers.append(fresh)
    made = Model(layers, model.input)
    try:
        shape.embedded(made)
    except QsimError:
        return model
    return made


class _Chance:
    """Integers from a text alone, whatever the library versions."""

    def __init__(self, seed: str) -> None:
        self.seed, self.drawn = seed, 0

    def integers(self, low: int, high: int, size: int) -> Longs:
        """So many integers from low to high."""
        self.drawn += 1
        raw = hashlib.shake_256(f"{self.seed} {self.drawn}".encode()).digest(8 * size)
        return low + (np.frombuffer(raw, "<u8") % np.uint64(high - low + 1)).astype(np.int64)


def _extreme(layer: Layer, folded: LayerShape, largest: int, chance: _Chance) -> Layer:
    """Random weights and biases of the engine's full width, with rows at both limits and a pair."""
    outputs, inputs = layer.weights.shape
    half = 1 << folded.bits - 1
    stored = chance.integers(-half, half - 1, outputs * inputs).reshape(outputs, inputs)
    heaviest = (1 << folded.bits) - 1 if folded.grid == "odd" else half
    bias = chance.integers(-heaviest * largest, heaviest * largest, outputs)
    if outputs > 1:
        most = (1 << folded.accumulator_bits - 1) - 2  # a search of thresholds needs one value above
        room = most - inputs * heaviest * largest
        limit = max(room, heaviest * largest)
        stored[:2], bias[:2] = [[half - 1], [-half]], [limit, -limit]
    if outputs > 3:
        stored[3], bias[3] = stored[2], bias[2] - (bias[2] > 1 - heaviest * largest)
    weights = 2 * stored + 1 if folded.grid == "odd" else stored
    return replace(layer, weights=weights, bias=bias, bits=folded.bits)


def _thresholds(accs: Longs, count: int, shared: bool) -> Longs:
    """So many thresholds, one row or one a neuron, among the accumulators (N, outputs)."""
    if shared:
        return _among(accs.ravel(), count, accs[:, min(2, accs.shape[1] - 1)], 0)
    return np.array([_among(own, count, own, j % 2) for j, own in enumerate(accs.T)])


def _among(accs: Longs, count: int, first: Longs, above: int) -> Longs:
    """Ascending thresholds, in turn an accumulator and one above another; the middle one is of `first`.

    `above` is added to the middle one.
    """
    pool = np.unique(accs)
    picked = pool[np.arange(count) * len(pool) // count] + np.arange(1, count + 1) % 2
    middle = count // 2
    root = int(first[np.abs(first - picked[middle]).argmin()]) + above
    picked[:middle] = picked[:middle].clip(max=root)
    picked[middle + 1 :] = picked[middle + 1 :].clip(min=root)
    picked[middle] = root
    return np.sort(picked)


def _tied(layer: Layer, accs: Longs) -> Layer:
    """The last layer's neurons in an order that ties: the first two are equal, and the last two win."""
    if layer.outputs == 1:
        return replace(layer, bias=layer.bias - accs[len(accs) // 2])  # an accumulator of 0
    order = [*range(layer.outputs - 2, -1, -1), 0]
    if layer.outputs > 4:
        order = [2, 2, 1, *range(4, layer.outputs - 1), 0, 0]
    return replace(layer, weights=layer.weights[order], bias=layer.bias[order])
