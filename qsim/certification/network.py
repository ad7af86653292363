"""A model as compiled code wants it: flat arrays of all hidden layers; and as plain JSON for the checker."""

from __future__ import annotations

from math import gcd
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.model import Model

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Arrays(NamedTuple):
    """The hidden layers of a network, their accumulators numbered through from the first layer's first.

    Attributes
    ----------
    widths : (layers + 1,), of the input and of each hidden layer
    first : (layers + 1,), the number of each layer's first accumulator, and how many there are
    at : (layers,), where each layer's weights begin in `weights`
    weights, whole : the weights, one row an accumulator, as float64 and as int64
    bias : int64 (accumulators,)
    thresholds : all rows of thresholds; accumulator q has those from `start[q]` to `stop[q]`
    """

    widths: Integers
    first: Integers
    at: Integers
    weights: Floats
    whole: Integers
    bias: Integers
    thresholds: Integers
    start: Integers
    stop: Integers


class Margin(NamedTuple):
    """A rival class: it wins where factors . codes + constant <= most, over the last hidden codes."""

    rival: int
    factors: Integers
    constant: int
    most: int


def arrays_of(model: Model) -> Arrays:
    """The hidden layers of a model.

    Raises
    ------
    QsimError
        If a layer is on crossbar tiles, or an accumulator may wrap around.
    """
    if model.mapped:
        raise QsimError("a layer is on crossbar tiles; only networks of ideal layers can be certified")
    if model.wraps:
        raise QsimError("an accumulator wraps around, as defects make it; such a network cannot be certified")
    hidden = model.layers[:-1]
    rows, start, stop, place = [np.empty(0, np.int64)], [], [], 0
    for layer in hidden:
        assert layer.thresholds is not None
        kept = layer.thresholds[:1] if layer.shared_thresholds else layer.thresholds
        begins = place + layer.max_code * (np.arange(layer.outputs) % len(kept))
        rows.append(kept.ravel())
        start.append(begins)
        stop.append(begins + layer.max_code)
        place += kept.size
    whole = _joined([layer.weights.ravel() for layer in hidden])
    return Arrays(
        widths=np.array([model.inputs, *(layer.outputs for layer in hidden)], np.int64),
        first=np.cumsum([0, *(layer.outputs for layer in hidden)]),
        at=np.cumsum([0, *(layer.weights.size for layer in hidden)])[:-1],
        weights=whole.astype(np.float64),
        whole=whole,
        bias=_joined([layer.bias for layer in hidden]),
        thresholds=_joined(rows),
        start=_joined(start),
        stop=_joined(stop),
    )


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate([np.empty(0, np.int64), *parts])


def margins(model: Model, label: int) -> list[Margin]:
    """What each rival of a class needs; `most` is a value that the margin can take."""
    last = model.layers[-1]
    weights, bias, single = last.weights, last.bias, model.outputs == 1
    if single:
        weights, bias = np.concatenate([0 * weights, weights]), np.array([0, bias[0]])
    found = []
    for rival in range(model.classes):
        if rival == label:
            continue
        factors = weights[label] - weights[rival]
        constant = int(bias[label]) - int(bias[rival])
        wins_ties = rival > label if single else rival < label
        most = 0 if wins_ties else -1
        found.append(
            Margin(rival, factors, constant, most - (most - constant) % (gcd(*factors.tolist()) or 1))
        )
    return found


def plain(model: Model) -> dict[str, Any]:
    """The network file that the checker reads: what the digest is made of; a tensor is [shape, values]."""
    tensors = {}
    for name, tensor in model.tensors().items():
        tensors[name] = [list(tensor.shape), tensor.ravel().tolist()]
    return {"format": "qsim-network", "version": 2, "description": model.description(), "tensors": tensors}
