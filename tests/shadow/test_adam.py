"""The compiled Adam against plain numpy, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qsim.shadow.adam import Adam
from qsim.shadow.network import round_to_grid

SHAPES = [(37, 5), (5,), (1, 1)]


def adam_in_numpy(parameters: list[Any], gradients: list[list[Any]], learning_rate: float) -> list[Any]:
    means = [np.zeros_like(p) for p in parameters]
    squares = [np.zeros_like(p) for p in parameters]
    for step, each in enumerate(gradients, 1):
        rate = np.float32(learning_rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step))
        for p, g, m, v in zip(parameters, each, means, squares, strict=True):
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            p -= rate * m / (np.sqrt(v) + np.float32(1e-7))
            np.clip(p, -1, 1, out=p)
    return parameters


def parameters(rng: np.random.Generator) -> list[Any]:
    return [rng.uniform(-1, 1, shape).astype(np.float32) for shape in SHAPES]


@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
@pytest.mark.parametrize("bits", [None, 1, 2, 3, 10])
def test_equals_numpy(bits: int | None, grid: str) -> None:
    rng = np.random.default_rng(bits or 0)
    start = parameters(rng)
    gradients = [[rng.normal(0, 1, s).astype(np.float32) for s in SHAPES] for _ in range(20)]
    adam = Adam([p.copy() for p in start], 0.05, bits, grid)
    for each in gradients:
        adam.step(each)
    expected = adam_in_numpy([p.copy() for p in start], gradients, 0.05)
    for p, q, found in zip(adam.parameters, adam.rounded, expected, strict=True):
        assert (p == found).all()
        assert (np.abs(p) <= 1).all()
        assert (q == (found if bits is None else round_to_grid(found, bits, grid))).all()


@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
@pytest.mark.parametrize("bits", [1, 2, 5])
def test_rounds_before_the_first_step(bits: int, grid: str) -> None:
    halves = np.linspace(-1, 1, 1025, dtype=np.float32)  # contains the grid's ties
    assert (Adam([halves], 0.1, bits, grid).rounded[0] == round_to_grid(halves, bits, grid)).all()


def test_a_zero_gradient_moves_nothing() -> None:
    start = np.float32([0.25, -1, 1])
    adam = Adam([start.copy()], 0.1, None, "odd")
    adam.step([np.zeros(3, np.float32)])
    assert (adam.parameters[0] == start).all()
