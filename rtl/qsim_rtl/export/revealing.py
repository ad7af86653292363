"""Images that show faults of an engine of constant weights: its bench cannot load a model that ties."""

from __future__ import annotations

from itertools import chain, zip_longest

import numpy as np
import numpy.typing as npt

from qsim.model.input_format import InputFormat
from qsim.model.model import Model

from . import testbench

CANDIDATES = 16  # for each image
TRIES = 20  # the images nearest to a threshold, until one can be made exact
Longs = npt.NDArray[np.int64]


def revealing(model: Model, count: int) -> Longs:
    """Input codes (count, inputs) that come near to ties and to thresholds, in turn.

    The first four are those of `testbench.vectors`, among them the least and the greatest; the others are
    picked from more of them, or made from one.
    """
    pool = testbench.vectors(model, CANDIDATES * count)
    close = pool[_close_to_ties(model, pool)]
    turns = zip_longest(_at_thresholds(model, pool, count // 2), close)
    images = [image for image in chain.from_iterable(turns) if image is not None]
    return np.array([*pool[:4], *images])[:count]


def _close_to_ties(model: Model, pool: Longs) -> Longs:
    """Places in the pool: of each class in turn the image whose two largest logits are closest."""
    logits = model.logits(pool)
    margins = (
        np.abs(logits[:, 0]) if model.outputs == 1 else np.diff(np.sort(logits, 1)[:, -2:], axis=1)[:, 0]
    )
    classes = model.predict(pool)
    order = np.lexsort((margins, classes))
    rank = np.empty(len(pool), np.int64)  # of an image in its class
    starts = np.searchsorted(classes[order], classes[order], "left")
    rank[order] = np.arange(len(pool)) - starts
    picked = np.lexsort((margins, rank))
    return picked[picked >= 4]


def _at_thresholds(model: Model, pool: Longs, most: int) -> list[Longs]:
    """At most so many images whose first accumulators are equal to a threshold, or one below.

    Every neuron in turn, then another of its thresholds.
    """
    layer = model.layers[0]
    if layer.thresholds is None:
        return []
    weights, rows = layer.weights, np.broadcast_to(layer.thresholds, (layer.outputs, layer.max_code))
    sums = pool @ weights.T + layer.bias
    turns = min(layer.max_code, -(-most // (2 * layer.outputs)))
    images = []
    for place in np.linspace(0, layer.max_code - 1, turns, dtype=int):
        for neuron in range(layer.outputs):
            for target in rows[neuron, place] - np.arange(2):
                images.append(_exact(pool, sums[:, neuron] - target, weights[neuron], model.input))
    return images[:most]


def _exact(pool: Longs, surplus: Longs, weights: Longs, form: InputFormat) -> Longs:
    """The image of least surplus that one other code makes exact; the nearest one if none can be."""
    nearest = np.argsort(np.abs(surplus), kind="stable")[:TRIES]
    for image in nearest:
        steps = surplus[image] // np.where(weights, weights, 1)
        codes = pool[image] - steps
        able = (steps * weights == surplus[image]) & (codes >= form.low) & (codes <= form.high)
        if able.any():
            chosen = np.where(able, np.abs(steps), np.iinfo(np.int64).max).argmin()
            exact = pool[image].copy()
            exact[chosen] = codes[chosen]
            return exact
    least: Longs = pool[nearest[0]]
    return least
