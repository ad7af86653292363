"""Adversarial training: batches stay in ball and format, and the network that comes out withstands more."""

from __future__ import annotations

import numpy as np
import pytest

import qsim
from qsim import QsimError
from qsim.shadow.adversarial import worsened
from qsim.shadow.network import forward, of_model, to_real


@pytest.mark.parametrize("activation", ["step", "sigmoid", "relu"])
def test_what_is_trained_on_is_in_the_ball_and_worse(activation: str) -> None:
    network = qsim.train("digits", bits=4, activation=activation, hidden=10, recipe=qsim.Recipe(epochs=3))
    codes, labels = qsim.data.digits("test")
    x, shadow = to_real(codes, 255), network.rounded()
    moved = worsened(shadow, x, labels, 0.1, np.random.default_rng(0))
    assert np.abs(moved - x).max() <= 0.1 + 1e-6
    assert moved.min() >= 0
    assert moved.max() <= 1

    def loss(inputs: np.ndarray) -> float:  # type: ignore[type-arg]
        logits = forward(shadow, inputs).logits.astype(float)
        logits -= logits.max(1, keepdims=True)
        return float(-(logits[np.arange(len(labels)), labels] - np.log(np.exp(logits).sum(1))).mean())

    assert loss(moved) > loss(x)


def test_the_network_withstands_more() -> None:
    codes, labels = qsim.data.digits("test")
    left = []
    for strength in (0.0, 0.1):
        recipe = qsim.Recipe(epochs=30, batch=32, adversarial=strength)
        model = qsim.quantize(qsim.train("digits", bits=8, hidden=24, recipe=recipe))
        left.append(qsim.attacks.pgd(model, codes, labels, 0.1, restarts=2).robust_accuracy)
    assert left[1] > left[0] + 0.2


def test_the_same_seed_gives_the_same_network() -> None:
    recipe = qsim.Recipe(epochs=2, adversarial=0.05)
    one, other = (qsim.quantize(qsim.train("digits", hidden=6, recipe=recipe)) for _ in range(2))
    assert one.digest == other.digest
    assert of_model(one).weights[0].shape == (64, 6)


def test_a_negative_strength_is_refused() -> None:
    with pytest.raises(QsimError, match="adversarial is -1; a strength of 0 or more is needed"):
        qsim.train("digits", recipe=qsim.Recipe(adversarial=-1))
