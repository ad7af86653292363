"""From the float twin to the waist: the integers that the hardware will hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import QsimError
from ..model.checks import MAX_CODE_BITS
from ..model.layer import Layer
from ..model.model import Model
from .network import Network, grid_integers, grid_scale


def quantize(network: Network, *, hidden_bits: int = 8, provenance: Mapping[str, Any] | None = None) -> Model:
    """Freeze a trained network to integers.

    Weights and biases go to their grid, a bias driven by the code of 1.0 (exact: bias = grid integer
    times `codes_per_unit`). Each activation, rounded half up to a hidden code, becomes its list of
    thresholds.

    Parameters
    ----------
    network : Network, with `bits` set
    hidden_bits : 1 to 16
        Width of hidden codes; a step activation always has 1.
    provenance : mapping, optional, stored with the model

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If the network has no bit width, or `hidden_bits` is out of range.
    """
    if network.bits is None:
        raise QsimError("the network was trained with bits 'off'; 1 to 10 are needed to quantize")
    if not 1 <= hidden_bits <= MAX_CODE_BITS:
        raise QsimError(f"hidden_bits is {hidden_bits}; 1 to {MAX_CODE_BITS} are allowed")
    scale = grid_scale(network.bits, network.grid)
    one = Fraction(network.codes_per_unit)
    layers = []
    for i, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        bias = grid_integers(b, network.bits, network.grid).tolist()
        last = i == len(network.weights) - 1
        thresholds, next_one = None, Fraction(1)
        if not last:
            peak = network.peaks[i]
            thresholds, next_one = sample_activation(
                network.activation,
                Fraction(scale) * one / Fraction(network.preactivation_gain),
                hidden_bits,
                peak,
            )
        layers.append(
            Layer(
                weights=grid_integers(w, network.bits, network.grid).T,
                bias=np.array([_round(x * one) for x in bias]),
                bits=network.bits,
                grid=network.grid,
                thresholds=None if thresholds is None else np.array(thresholds),
                codes_per_unit=float(one),
                activation=None if last else network.activation,
                preactivation_gain=1.0 if last else network.preactivation_gain,
            )
        )
        one = next_one
    return Model(tuple(layers), network.input, provenance or {})


def sample_activation(activation: str, unit: Fraction, bits: int, peak: float) -> tuple[list[int], Fraction]:
    """An activation's thresholds on the accumulator, and the hidden code that stands for 1.0.

    Parameters
    ----------
    activation : "step", "sigmoid" or "relu"
    unit : the accumulator's value that stands for a pre-activation of 1.0, gain included
    bits : width of the code
    peak : the largest activation that the code must reach (ReLU only)

    Returns
    -------
    thresholds : the least integer acc at which the activation, rounded half up, gives code k
    one : the code of 1.0; for ReLU an integer, or below 1 a power of two, so that codes reach `peak`
    """
    levels = (1 << bits) - 1
    if activation == "step":
        return [0], Fraction(1)
    halves = [Fraction(2 * k - 1, 2) for k in range(1, levels + 1)]  # code k begins at k - 1/2
    if activation == "sigmoid":
        logits = [math.log(h / (levels - h)) for h in halves]
        return [math.ceil(Fraction(z) * unit) for z in logits], Fraction(levels)
    one = _relu_one(levels, peak)
    return [math.ceil(h * unit / one) for h in halves], one


def _relu_one(levels: int, peak: float) -> Fraction:
    """The largest code of 1.0 with which `peak` still fits into `levels`."""
    if peak <= levels:
        return Fraction(math.floor(levels / max(peak, 1 / levels)))
    return Fraction(1, 1 << math.ceil(math.log2(peak / levels)))


def _round(x: Fraction) -> int:
    """The nearest integer; halves go up. Exact already unless the code of 1.0 is below 1."""
    return math.floor(x + Fraction(1, 2))
