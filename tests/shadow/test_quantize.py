"""Freezing: thresholds are the rounded activation, integers stay with the shadow."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import qsim
from qsim import QsimError, spec
from qsim.data import PIXELS
from qsim.shadow import network as nw
from qsim.shadow.quantize import sample_activation

ACTIVATION: dict[str, Any] = {
    "relu": lambda z: max(z, 0.0),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "step": lambda z: float(z >= 0),
    "tanh": math.tanh,
    "hard_tanh": lambda z: max(-1.0, min(z, 1.0)),
}


@pytest.mark.parametrize("bits", [1, 2, 5, 8])
@pytest.mark.parametrize("unit", [Fraction(1), Fraction(7, 3), Fraction(15 * 255), Fraction(1023 * 1024, 10)])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "step"])
def test_thresholds_are_the_activation_rounded_half_up(activation: str, unit: Fraction, bits: int) -> None:
    thresholds, scale = sample_activation(activation, unit, bits, peak=3.7)
    one = scale.one
    levels = (1 << bits) - 1 if activation != "step" else 1
    assert len(thresholds) == levels
    assert thresholds == sorted(thresholds)
    for acc in {t + d for t in thresholds for d in (-1, 0, 1)} | {-(10**9), 0, 10**9}:
        real = ACTIVATION[activation](max(-700.0, float(acc / unit)))
        exact = real * float(one) if activation != "relu" else float(max(Fraction(acc) / unit, 0) * one)
        if abs(exact + 0.5 - round(exact + 0.5)) > 1e-9 or activation != "sigmoid":
            assert spec.activate(acc, thresholds) == min(math.floor(exact + 0.5), levels)


@pytest.mark.parametrize("bits", [2, 5, 8])
@pytest.mark.parametrize("unit", [Fraction(1), Fraction(7, 3), Fraction(15 * 255), Fraction(1023 * 1024, 10)])
@pytest.mark.parametrize("activation", ["tanh", "hard_tanh"])
def test_codes_of_signed_activations_are_shifted_by_the_code_of_zero(
    activation: str, unit: Fraction, bits: int
) -> None:
    thresholds, scale = sample_activation(activation, unit, bits, peak=0.1)
    half = (1 << bits - 1) - 1
    assert (scale.max_code, scale.one, scale.zero) == (2 * half, half, half)
    assert thresholds == sorted(thresholds)
    for acc in {t + d for t in thresholds for d in (-1, 0, 1)} | {-(10**9), 0, 10**9}:
        real = ACTIVATION[activation](float(acc / unit))
        exact = real * half if activation == "tanh" else max(-1, min(Fraction(acc) / unit, 1)) * half
        if activation == "hard_tanh" or abs(exact + 0.5 - round(exact + 0.5)) > 1e-9:
            assert spec.activate(acc, thresholds) == math.floor(exact + Fraction(1, 2)) + half
    assert spec.activate(0, thresholds) == half


@pytest.mark.parametrize("peak", [1e-9, 0.3, 1.0, 15.2, 255.0, 256.0, 1e6])
def test_the_codes_of_a_relu_reach_its_peak_with_a_simple_unit(peak: float) -> None:
    one = sample_activation("relu", Fraction(1), 8, peak)[1].one
    assert one * Fraction(peak) <= 255
    assert one.denominator == 1 or (one.numerator == 1 and math.log2(one.denominator).is_integer())
    assert peak < 1 / 255 or one * Fraction(peak) > 100


def test_bias_is_the_grid_integer_times_the_code_of_one() -> None:
    network = nw.Network(
        weights=(np.eye(3, dtype=np.float32),),
        biases=(np.array([-1, 0.2, 1], np.float32),),
        activation="relu",
        bits=4,
        input=PIXELS,
        codes_per_unit=255,
    )
    model = qsim.quantize(network)
    assert model.layers[0].bias.tolist() == [-15 * 255, 3 * 255, 15 * 255]
    assert model.layers[0].weights.tolist() == [[15, 1, 1], [1, 15, 1], [1, 1, 15]]


@pytest.mark.parametrize("activation", ACTIVATION)
@pytest.mark.parametrize(("bits", "grid"), [(1, "odd"), (3, "odd"), (10, "odd"), (4, "twos_complement")])
def test_integers_follow_the_shadow(bits: int, grid: str, activation: str) -> None:
    recipe = qsim.Recipe(epochs=12, batch=32)
    network = qsim.train(
        "digits", bits=bits, activation=activation, hidden=(24, 16), grid=grid, recipe=recipe
    )
    model = qsim.quantize(network)
    test = qsim.data.load("digits", "test")
    shadow = nw.predict(network.rounded(), nw.to_real(test.codes, test.codes_per_unit))
    twin = nw.predict(nw.of_model(model), nw.to_real(test.codes, test.codes_per_unit))
    integers = model.predict(test.codes)
    assert np.mean(twin == shadow) >= 0.995
    # a step turns at acc = 0, which small integers often meet and sums in float32 just miss
    assert np.mean(integers == shadow) >= (0.9 if activation == "step" else 0.97)
    assert (model.shape, model.layers[0].bits, model.layers[0].grid) == ((64, 24, 16, 10), bits, grid)


def test_unrounded_networks_and_impossible_widths_are_refused() -> None:
    network = qsim.train("spiral", bits=None, recipe=qsim.Recipe(epochs=1))
    with pytest.raises(QsimError, match="trained with bits 'off'"):
        qsim.quantize(network)
    with pytest.raises(QsimError, match="hidden_bits is 17; 1 to 16 are allowed"):
        qsim.quantize(qsim.train("spiral", recipe=qsim.Recipe(epochs=1)), hidden_bits=17)


def test_the_bias_takes_away_exactly_what_shifted_codes_add() -> None:
    weights = np.array([[0.4, -1.0], [0.2, 0.6], [-0.2, 1.0]], np.float32)
    network = nw.Network(
        weights=(np.eye(3, dtype=np.float32), weights),
        biases=(np.zeros(3, np.float32), np.array([0.2, -0.6], np.float32)),
        activation="hard_tanh",
        bits=4,
        input=PIXELS,
        codes_per_unit=255,
        peaks=(1.0,),
    )
    last = qsim.quantize(network, hidden_bits=3).layers[1]
    assert (last.zero_code, last.codes_per_unit) == (3, 3)
    signed = (last.weights * (np.array([0, 3, 6]) - last.zero_code)).sum(1)  # hidden values -1, 0 and 1
    grid = nw.grid_integers(network.biases[1], 4, "odd")
    assert ((last.weights * [0, 3, 6]).sum(1) + last.bias == signed + 3 * grid).all()
    twin = nw.of_model(qsim.quantize(network, hidden_bits=3))
    np.testing.assert_allclose(twin.biases[1], grid / 15, rtol=1e-6)


def test_a_signed_activation_of_one_bit_is_refused() -> None:
    with pytest.raises(QsimError, match="hidden_bits is 1; an activation that can be negative needs"):
        sample_activation("tanh", Fraction(1), 1, 1.0)
