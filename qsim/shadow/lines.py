"""A float twin for models that are only thresholds, such as imported ones: straight lines through the stairs.

A neuron's code rises from its first to its last threshold; the line through them is its pre-activation, and
clipping is its activation. For a uniform quantizer, with or without ReLU, that is the network without its
rounding; for another staircase it is a surrogate whose derivative is right on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model.layer import Layer
from ..model.model import Model

Reals = npt.NDArray[np.float64]
LOGITS = 4.0  # typical size of a real logit where the model does not tell its scale


@dataclass(frozen=True, eq=False)
class Lines:
    """A layer's pre-activations, z = slope * acc + offset, each (outputs,); acc holds the bias."""

    slope: Reals
    offset: Reals


def activation_of(model: Model) -> str:
    """What clips the lines: `step` where every hidden layer has one threshold a neuron, else `hard_tanh`."""
    return "step" if all(layer.max_code == 1 for layer in model.layers[:-1]) else "hard_tanh"


def lines(model: Model) -> list[Lines]:
    """The line of each hidden layer, in units of `activation_of(model)`."""
    step = activation_of(model) == "step"
    return [_line(layer, *model.code_range(i), step) for i, layer in enumerate(model.layers[:-1])]


def _line(layer: Layer, least: int, most: int, step: bool) -> Lines:
    assert layer.thresholds is not None
    thresholds, levels = layer.thresholds.astype(np.float64), layer.max_code
    ends = np.stack([layer.weights * least, layer.weights * most])
    low, high = ends.min(0).sum(1) + layer.bias, ends.max(0).sum(1) + layer.bias
    within = (layer.thresholds > low[:, None]) & (layer.thresholds <= high[:, None])
    first, last = within.argmax(axis=1), levels - 1 - within[:, ::-1].argmax(axis=1)
    rows = np.arange(layer.outputs)
    start, end = thresholds[rows, first], thresholds[rows, last]
    spread = np.sqrt(np.square(layer.weights).sum(axis=1)) * (most - least) / 4
    gap = np.where(last > first, (end - start) / np.maximum(last - first, 1), np.maximum(spread, 1))
    gap = np.maximum(gap, 1e-9)
    if step:
        slope, offset = 1 / gap, (0.5 - start) / gap
    else:  # the code goes through first + 1/2 half a unit below its threshold
        slope = 2 / (gap * levels)
        offset = 2 * (first + 0.5 + (0.5 - start) / gap) / levels - 1
    still = ~within.any(axis=1)
    constant = (layer.thresholds <= low[:, None]).sum(axis=1)
    fixed = constant - 0.5 if step else 2 * constant / levels - 1
    return Lines(np.where(still, 0, slope), np.where(still, fixed, offset))


def real_layers(model: Model) -> list[tuple[Reals, Reals]]:
    """Weights (inputs, outputs) and biases (outputs,) of the float twin whose activation clips the lines."""
    step = activation_of(model) == "step"
    found = []
    for i, (layer, line) in enumerate(zip(model.layers, [*lines(model), _logits(model)], strict=True)):
        weights, bias = layer.weights.T.astype(np.float64), layer.bias.astype(np.float64)
        if i == 0:
            weights = weights * layer.codes_per_unit
        elif not step:  # a code is half its largest times 1 + the activation
            weights = weights * (model.layers[i - 1].max_code / 2)
            bias = bias + weights.sum(axis=0)
        found.append((weights * line.slope, bias * line.slope + line.offset))
    return found


def _logits(model: Model) -> Lines:
    """Real logits: by the scale that an import has kept, else of a moderate size."""
    last, kept = model.layers[-1], model.provenance.get("logits")
    if isinstance(kept, dict) and "scale" in kept:
        both: list[Any] = [
            np.broadcast_to(np.asarray(kept[k], float), last.outputs) for k in ("scale", "offset")
        ]
        return Lines(*both)
    largest = max(map(abs, model.code_range(len(model.layers) - 1)))
    typical = largest * np.sqrt(np.square(last.weights).sum(axis=1).mean())
    return Lines(np.full(last.outputs, LOGITS / max(typical, 1)), np.zeros(last.outputs))
