"""Small networks for attacks to be tried on, and images for them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

import qsim
from qsim import InputFormat, Layer, Model
from qsim.data import Codes, Labels

MODELS = Path(__file__).parents[2] / "models"


@cache
def digits(activation: str, bits: int) -> Model:
    return qsim.load(MODELS / f"digits-{activation}-q{bits}.safetensors")


def images(count: int = 40) -> tuple[Codes, Labels]:
    codes, labels = qsim.data.digits("test")
    return codes[:count], labels[:count]


def tiny(activation: str, inputs: int = 5, hidden: int = 4, outputs: int = 3, seed: int = 0) -> Model:
    """A random network on 4-bit codes, small enough to try every code vector."""
    rng = np.random.default_rng(seed)
    top = 3
    thresholds = {"step": [0], "sigmoid": [-12, 0, 12], "relu": [8, 24, 40]}[activation]
    first = Layer(
        2 * rng.integers(-2, 2, (hidden, inputs)) + 1,
        rng.integers(-10, 10, hidden),
        bits=2,
        thresholds=thresholds,
        activation=activation,
        codes_per_unit=15,
    )
    second = Layer(
        2 * rng.integers(-2, 2, (outputs, hidden)) + 1,
        rng.integers(-2, 3, outputs),
        bits=2,
        codes_per_unit=1.0 if activation == "step" else top,
    )
    return Model((first, second), InputFormat(4))


def deep(activation: str) -> Model:
    """Two hidden layers."""
    rng = np.random.default_rng(7)
    thresholds = {"step": [0], "sigmoid": [-3, 0, 3], "relu": [1, 2, 3]}[activation]

    def layer(outputs: int, inputs: int, unit: float) -> Layer:
        weights = 2 * rng.integers(-2, 2, (outputs, inputs)) + 1
        return Layer(weights, rng.integers(-3, 4, outputs), bits=2, codes_per_unit=unit)

    first, second, last = layer(8, 64, 255), layer(6, 8, 3), layer(10, 6, 3)
    many = np.array(thresholds) * 900
    first = replace(first, thresholds=many, activation=activation)
    second = replace(second, thresholds=thresholds, activation=activation)
    return Model((first, second, last), InputFormat(8))
