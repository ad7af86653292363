"""The float shadow: grid rounding by enumeration, gradients against finite differences."""

from bisect import bisect
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from examples import random_codes, random_model

from qsim import QsimError
from qsim.data import COORDINATES
from qsim.shadow import network as nw
from qsim.shadow.quantize import quantize
from qsim.shadow.train import train
from qsim.spec import dense as spec


@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
@pytest.mark.parametrize("bits", range(1, 11))
def test_rounding_takes_the_nearest_grid_point_and_halves_go_up(bits: int, grid: str) -> None:
    scale = nw.grid_scale(bits, grid)
    stored = range(-(1 << bits - 1), 1 << bits - 1)
    points = [Fraction(spec.weight(s, grid), scale) for s in stored]
    middles = [(a + b) / 2 for a, b in pairwise(points)]
    tests = [*points, Fraction(-1), Fraction(1), *middles, *(m - Fraction(1, 10**6) for m in middles)]
    tests = [t for t in tests if -1 <= t <= 1]
    around = [points[max(0, bisect(points, t) - 1) :][:2] for t in tests]
    nearest = [max(pair, key=lambda p, t=t: (-abs(p - t), p)) for t, pair in zip(tests, around, strict=True)]
    reals = np.array([float(t) for t in tests])
    exact = np.array([Fraction(r) == t for r, t in zip(reals, tests, strict=True)])  # else a half may tip
    found = nw.grid_integers(reals, bits, grid)
    halves = set(middles)
    keep = exact | [t not in halves for t in tests]
    assert found[keep].tolist() == [int(p * scale) for p, k in zip(nearest, keep, strict=True) if k]
    np.testing.assert_allclose(nw.round_to_grid(reals, bits, grid), found / scale, rtol=1e-12)


@pytest.mark.parametrize("bits", range(1, 11))
def test_rounding_a_grid_point_changes_nothing(bits: int) -> None:
    once = nw.round_to_grid(np.linspace(-1, 1, 997, dtype=np.float32), bits, "odd")
    assert np.array_equal(nw.round_to_grid(once, bits, "odd"), once)
    assert once.dtype == np.float32
    assert (once[0], once[-1]) == (-1, 1)


def example(activation: str, outputs: int, gain: float = 1.0) -> nw.Network:
    rng = np.random.default_rng(5)
    shapes = [(6, 5), (5, 4), (4, outputs)]
    return nw.Network(
        weights=tuple(rng.uniform(-1, 1, s) for s in shapes),
        biases=tuple(rng.uniform(-1, 1, s[1]) for s in shapes),
        activation=activation,
        bits=None,
        input=COORDINATES,
        codes_per_unit=1024,
        preactivation_gain=gain,
    )


def loss(network: nw.Network, x: Any, labels: Any) -> Any:
    logits = nw.forward(network, x)[2]
    if logits.shape[1] == 1:
        z = logits[:, 0]
        return np.logaddexp(0, z) - labels * z
    return np.log(np.exp(logits).sum(1)) - logits[np.arange(len(x)), labels]


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "hard_tanh"])
def test_the_input_gradient_is_that_of_the_loss(activation: str, outputs: int) -> None:
    network = example(activation, outputs, gain=1.5)
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(7, 6)), rng.integers(0, max(2, outputs), 7)
    gradient = nw.input_gradient(network, x, labels)
    for k in range(6):
        nudge = np.zeros(6)
        nudge[k] = 1e-6
        difference = (loss(network, x + nudge, labels) - loss(network, x - nudge, labels)) / 2e-6
        np.testing.assert_allclose(gradient[:, k], difference, rtol=1e-5, atol=1e-8)


def test_the_twin_of_a_model_has_its_real_logits() -> None:
    model = random_model(3, (6, 1), bits=4)
    codes = random_codes(1, model, 10)
    network = nw.of_model(model, np.float64)
    reals = nw.forward(network, nw.to_real(codes, network.codes_per_unit, np.float64))[2]
    unit = model.layers[0].weight_denominator * model.layers[0].codes_per_unit
    np.testing.assert_allclose(reals * unit, model.logits(codes), rtol=1e-12)


def test_an_unknown_activation_is_refused_wherever_it_is_used() -> None:
    network = example("gelu", 3)
    x = np.zeros((2, 6))
    known = "activation is 'gelu'; one of hard_tanh, relu, sigmoid, step, tanh is needed"
    for use in (nw.forward, nw.predict):
        with pytest.raises(QsimError, match=known):
            use(network, x)
    for gradient in (nw.input_gradient, nw.unsaturated_input_gradient):
        with pytest.raises(QsimError, match=known):
            gradient(network, x, np.zeros(2, int))
    with pytest.raises(QsimError, match=known):
        nw.slopes(network, nw.ForwardPass([x], [x], x))
    with pytest.raises(QsimError, match=known):
        quantize(replace(network, bits=4, peaks=(1.0, 1.0)))
    with pytest.raises(QsimError, match=known):
        train("digits", activation="gelu")
