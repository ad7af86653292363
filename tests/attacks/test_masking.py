"""The unsaturated gradient: the plain one's sign where that is not zero, and not zero where it is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import qsim
from qsim import InputFormat, Layer, Model, QsimError
from qsim.attacks.fgsm import gradient_signs
from qsim.shadow.network import Network, input_gradient, of_model, unsaturated_input_gradient

FORMAT = InputFormat(8)


def network(activation: str, outputs: int, scale: float) -> Network:
    rng = np.random.default_rng(outputs)
    shapes = [(6, 9), (9, outputs)]
    return Network(
        weights=tuple(rng.uniform(-scale, scale, s) for s in shapes),
        biases=tuple(rng.uniform(-scale, scale, s[1]) for s in shapes),
        activation=activation,
        bits=None,
        input=FORMAT,
        codes_per_unit=255,
        preactivation_gain=2.0,
    )


@pytest.mark.parametrize("outputs", [1, 4])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "step"])
def test_it_is_the_gradient_times_a_positive_factor(activation: str, outputs: int) -> None:
    rng = np.random.default_rng(1)
    x, labels = rng.uniform(0, 1, (30, 6)), rng.integers(0, max(2, outputs), 30)
    net = network(activation, outputs, 1.0)
    plain, other = input_gradient(net, x, labels), unsaturated_input_gradient(net, x, labels)
    factors = (other * plain).sum(1) / (plain * plain).sum(1)
    assert (factors > 0).all()
    np.testing.assert_allclose(other, plain * factors[:, None], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_sure_network_keeps_its_gradient(outputs: int) -> None:
    hidden = Layer(
        [[15, -13]], [0], bits=4, thresholds=range(1, 256), activation="relu", codes_per_unit=1 / 15
    )
    model = Model((hidden, Layer([[15]] + [[-15]] * (outputs - 1), [0] * outputs, bits=4)), FORMAT)
    codes = np.array([[200, 3]])
    labels = model.predict(codes)
    shadow = of_model(model)
    assert not gradient_signs(shadow, codes, labels).any()
    down = [[-1, 1]]
    assert gradient_signs(shadow, codes, labels, "unsaturated").tolist() == down
    moved = qsim.fgsm(model, codes, labels, 5, gradient="unsaturated")
    assert moved.tolist() == [[200 - round(5 * Fraction(1, 15)), 3 + round(5 * Fraction(1, 15))]]


def test_other_gradients_are_refused() -> None:
    net = network("relu", 2, 1.0)
    with pytest.raises(QsimError, match="gradient is 'exact'; plain or unsaturated is needed"):
        gradient_signs(net, np.zeros((1, 6), np.uint8), np.zeros(1, int), "exact")
