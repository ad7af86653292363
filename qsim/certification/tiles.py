"""Layers on crossbar tiles: ideal networks that enclose them, whose certificates hold for the tiles too.

A converter gives base + step * code for a current; over all currents that its column can have, it is off by
no more than a range that is read off its thresholds. Digits and slices add up to a product that is linear in
the input code, since all digits meet the same cells. So an accumulator is an ideal one, of the cells as they
are, plus something in a known range. Where that range is a single number for all units the network is ideal.
Else each hidden unit becomes two, one that never has a higher code than the real one and one that never has a
lower, and in the last layer the label has its least logit and each rival its largest: where the label wins
there, it wins on the tiles.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..errors import QsimError
from ..model.crossbar import Crossbar
from ..model.layer import MAX_WEIGHT_BITS, Layer
from ..model.model import Model
from ..spec.geometry import signed_width
from .branch import Effort
from .counterexamples import counterexamples
from .ladder import Certifier, Finding
from .network import Integers


class Sums(NamedTuple):
    """Between weights . codes + low and weights . codes + high lies `unit` times each accumulator.

    In a hidden layer, what is `unit` times smaller and rounded down; `rounding` says by how much that lowers
    it, for each output, at least and at most.
    """

    weights: Integers
    low: Integers
    high: Integers
    unit: int
    rounding: tuple[Integers, Integers]


class TiledCertifier:
    """Decides images of one model with layers on crossbar tiles, as `ladder.Certifier` does of ideal ones.

    Parameters
    ----------
    model : Model without read noise

    Raises
    ------
    QsimError
        If a layer has read noise, or the enclosing network does not fit.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._meant = replace(model, layers=tuple(replace(one, crossbar=None) for one in model.layers))
        self._ideal = [Certifier(enclosing(model, label)) for label in range(model.classes)]

    def network(self, label: int) -> Model:
        """The ideal network that a certificate for this label is about."""
        return self._ideal[label].model

    def decide(self, image: Integers, label: int, radius: int, effort: Effort = Effort()) -> Finding:  # noqa: B008
        """As `ladder.Certifier.decide`; unknown also where only the enclosing network is broken.

        There an attack on the network that the cells were meant to hold may still break the model.
        """
        if self._breaks(image, label):
            return Finding("broken", "clean", witness=image)
        found = self._ideal[label].decide(image, label, radius, effort)
        if found.witness is None or self._breaks(found.witness, label):
            return found
        images, fooled = counterexamples(self._meant, image[None], np.array([label]), radius)
        if fooled[0] and self._breaks(images[0], label):
            return Finding("broken", "attack", found.nodes, witness=images[0])
        return Finding("unknown", found.rung, found.nodes)

    def _breaks(self, image: Integers, label: int) -> bool:
        return int(self.model.predict(image[None])[0]) != label


def enclosing(model: Model, label: int) -> Model:
    """An ideal network of the same inputs: where it gives `label`, the model does.

    Parameters
    ----------
    model : Model without read noise; layers on tiles or not
    label : 0 to model.classes - 1

    Raises
    ------
    QsimError
        If a layer has read noise, or its cells need weights of more than 16 bits.
    """
    layers, twins = [], False
    for i, layer in enumerate(model.layers[:-1]):
        sums = sums_of(layer, i, *model.code_range(i))
        assert layer.thresholds is not None
        rows = layer.thresholds[0] if layer.shared_thresholds else layer.thresholds
        lower, upper = _enclosed(sums.weights, twins)
        if twins or (sums.low < sums.high).any():
            weights, bias, twins = np.vstack([lower, upper]), np.concatenate([sums.low, sums.high]), True
            rows = rows if rows.ndim == 1 else np.tile(rows, (2, 1))
        else:
            weights, bias = sums.weights, sums.low
        layers.append(_ideal(weights, bias, sums.unit, rows))
    i, last = len(layers), model.layers[-1]
    sums = sums_of(last, i, *model.code_range(i))
    lower, upper = _enclosed(sums.weights, twins)
    least, most = sums.low - sums.rounding[1], sums.high - sums.rounding[0]
    ours = np.arange(model.outputs) == label if model.outputs > 1 else np.array([label == 1])
    step = _step(sums.weights, sums.unit)
    bias = np.where(ours, least // step, -(-most // step)) * step
    layers.append(_ideal(np.where(ours[:, None], lower, upper), bias, sums.unit, None))
    return replace(model, layers=tuple(layers), provenance={})


def sums_of(layer: Layer, index: int, low: int, high: int) -> Sums:
    """What a layer accumulates, from input codes from `low` to `high`."""
    crossbar, zero = layer.crossbar, np.zeros_like(layer.bias)
    if crossbar is None:
        return Sums(layer.weights, layer.bias, layer.bias, 1, (zero, zero))
    if crossbar.noise is not None and crossbar.noise.amplitude:
        raise QsimError(f"layer {index} has read noise; only networks without it can be certified")
    mapping, unit = crossbar.mapping, crossbar.mapping.unit
    pairs = np.array([mapping.pair(j, layer.outputs) for j in range(layer.outputs)])
    times = mapping.positive_weight(layer.grid)
    places = np.left_shift(1, mapping.cell_bits * np.arange(len(crossbar.cells)))
    columns = np.tensordot(places, crossbar.cells, 1)
    weights = (times * columns[:, pairs[:, 0]] - columns[:, pairs[:, 1]]).T
    least, most = errors_of(crossbar, mapping.digits(low, high))
    fixed = unit * (layer.bias + low * layer.weights.sum(1)) - low * weights.sum(1) + (unit >> 1)
    below = times * least[pairs[:, 0]] - most[pairs[:, 1]]
    above = times * most[pairs[:, 0]] - least[pairs[:, 1]]
    exact = (below == above) & (weights % unit == 0).all(1)
    lost = (fixed + below) % unit
    rounding = np.where(exact, lost, 0), np.where(exact, lost, unit - 1)
    return Sums(weights, fixed + below, fixed + above, unit, rounding)


def errors_of(crossbar: Crossbar, digits: int) -> tuple[Integers, Integers]:
    """By how much the converted sum of each column is above the true one: at least, at most."""
    mapping, adc, cells = crossbar.mapping, crossbar.adc, crossbar.cells
    sets, rows, _ = adc.thresholds.shape
    least, most = np.zeros(cells.shape[2], np.int64), np.zeros(cells.shape[2], np.int64)
    driven = sum(1 << digit * mapping.digit_bits for digit in range(digits))
    for tile in range(0, cells.shape[1], mapping.rows):
        held = cells[:, tile : tile + mapping.rows]
        largest, grain = held.sum(1) * ((1 << mapping.digit_bits) - 1), np.gcd.reduce(held, axis=1)
        for s, column in np.ndindex(largest.shape):
            value = int(adc.base[s % sets]), int(adc.step[s % sets])
            currents = int(largest[s, column]), max(1, int(grain[s, column]))
            off = error_of(adc.thresholds[s % sets, column % rows], *value, *currents)
            times = driven << s * mapping.cell_bits
            least[column] += off[0] * times
            most[column] += off[1] * times
    return least, most


def error_of(thresholds: Integers, base: int, step: int, largest: int, grain: int) -> tuple[int, int]:
    """By how much a converter's value is above the current, at least and at most.

    Currents are the multiples of `grain` from 0 to `largest`, which is one of them.
    """
    inside = np.unique(thresholds[(thresholds > 0) & (thresholds <= largest)])
    starts, stops = np.concatenate([[0], inside]), np.concatenate([inside - 1, [largest]])
    values = base + step * np.searchsorted(thresholds, starts, "right")
    starts, stops = -(-starts // grain) * grain, stops // grain * grain
    some = starts <= stops
    return int((values - stops)[some].min()), int((values - starts)[some].max())


def _enclosed(weights: Integers, twins: bool) -> tuple[Integers, Integers]:
    """The weights of what is never above and of what is never below, for inputs that are twins or not."""
    if not twins:
        return weights, weights
    up, down = np.maximum(weights, 0), np.minimum(weights, 0)
    return np.hstack([up, down]), np.hstack([down, up])


def _step(weights: Integers, unit: int) -> int:
    """What `unit` and all weights are multiples of."""
    return int(np.gcd.reduce(weights.ravel(), initial=unit))


def _ideal(weights: Integers, bias: Integers, unit: int, thresholds: Integers | None) -> Layer:
    """A layer whose accumulators count `unit` for 1, made as small as it can be."""
    step = _step(weights, unit)
    weights = weights // step
    bits = max(signed_width(int(weights.min()), int(weights.max())), 1)
    if bits > MAX_WEIGHT_BITS:
        raise QsimError(f"cells that need weights of {bits} bits; {MAX_WEIGHT_BITS} are allowed to certify")
    scaled = None if thresholds is None else thresholds * (unit // step)
    return Layer(weights, bias // step, bits, scaled, "twos_complement")
