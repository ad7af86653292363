"""From the float shadow to the model: the integers that the hardware will hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..activations import CodeScale, activation
from ..errors import QsimError
from ..model.checks import MAX_CODE_BITS
from ..model.layer import Layer
from ..model.model import Model
from .network import Network, grid_integers, grid_scale


def quantize(network: Network, *, hidden_bits: int = 8, provenance: Mapping[str, Any] | None = None) -> Model:
    """Freeze a trained network to integers.

    Weights and biases go to their grid, a bias driven by the code of 1.0 (exact: bias = grid integer
    times `codes_per_unit`). Each activation, rounded half up to a hidden code, becomes its list of
    thresholds. Codes are never negative: where an activation is, they are shifted by the code of 0.0, and
    the next layer's bias takes away what that adds to its sums, exactly.

    Parameters
    ----------
    network : Network, with `bits` set
    hidden_bits : 1 to 16
        Width of hidden codes; a step activation always has 1, one that can be negative at least 2.
    provenance : mapping, optional, stored with the model

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If the network has no bit width, its activation is unknown, or `hidden_bits` is out of range.
    """
    if network.bits is None:
        raise QsimError("the network was trained with bits 'off'; 1 to 10 are needed to quantize")
    if not 1 <= hidden_bits <= MAX_CODE_BITS:
        raise QsimError(f"hidden_bits is {hidden_bits}; 1 to {MAX_CODE_BITS} are allowed")
    scale = grid_scale(network.bits, network.grid)
    one, zero = Fraction(network.codes_per_unit), 0
    layers = []
    for i, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        weights = grid_integers(w, network.bits, network.grid).T
        bias = grid_integers(b, network.bits, network.grid).tolist()
        last = i == len(network.weights) - 1
        thresholds, following = None, CodeScale(0, Fraction(1))
        if not last:
            unit = Fraction(scale) * one / Fraction(network.preactivation_gain)
            thresholds, following = sample_activation(network.activation, unit, hidden_bits, network.peaks[i])
        layers.append(
            Layer(
                weights=weights,
                bias=np.array([_round(x * one) for x in bias]) - zero * weights.sum(axis=1),
                bits=network.bits,
                grid=network.grid,
                thresholds=None if thresholds is None else np.array(thresholds),
                codes_per_unit=float(one),
                zero_code=zero,
                activation=None if last else network.activation,
                preactivation_gain=1.0 if last else network.preactivation_gain,
            )
        )
        one, zero = following.one, following.zero
    return Model(tuple(layers), network.input, provenance or {})


def sample_activation(name: str, unit: Fraction, bits: int, peak: float) -> tuple[list[int], CodeScale]:
    """An activation's thresholds on the accumulator, and what the hidden codes stand for.

    Parameters
    ----------
    name : str
        One of `qsim.activations`.
    unit : Fraction
        The accumulator's value that stands for a pre-activation of 1.0, gain included.
    bits : int
        Width of the code.
    peak : float
        The largest activation that the code must reach, where the activation has no bound of its own.

    Returns
    -------
    thresholds : list of int
        The least accumulator at which the activation, rounded half up, gives code k = 1, 2, ….
    scale : CodeScale

    Raises
    ------
    QsimError
        If the activation is unknown, or its codes need more bits.
    """
    kind = activation(name)
    scale = kind.scale(bits, peak)
    return kind.thresholds(unit, scale), scale


def _round(x: Fraction) -> int:
    """The nearest integer; halves go up. Exact already unless the code of 1.0 is below 1."""
    return math.floor(x + Fraction(1, 2))
