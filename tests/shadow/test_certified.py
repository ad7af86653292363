"""Training for certificates: its gradient is that of its loss, its boxes hold, and it pays."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import qsim
from qsim import QsimError
from qsim.shadow.certified import (
    Interval,
    IntervalRecipe,
    parameter_gradients,
    train_certified,
)
from qsim.shadow.network import Network, forward
from qsim.shadow.train import untrained

NOMINAL = 0.3


def worst_logits(network: Network, box: Interval, labels: np.ndarray) -> np.ndarray:
    """The worst logits over boxes, by ends instead of centres and radii."""
    low, high = box.centre - box.radius, box.centre + box.radius
    for i, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        up, down = np.maximum(w, 0), np.minimum(w, 0)
        low, high = low @ up + high @ down + b, high @ up + low @ down + b
        if i < len(network.weights) - 1:
            low, high = (np.maximum(v * network.preactivation_gain, 0) for v in (low, high))
    if low.shape[1] == 1:
        return np.where(labels[:, None] == 1, low, high)
    mine = np.arange(low.shape[1]) == labels[:, None]
    return np.where(mine, low, high)


def loss_of(logits: np.ndarray, labels: np.ndarray) -> float:
    if logits.shape[1] == 1:
        sign = np.where(labels == 1, 1, -1)
        return float(np.log1p(np.exp(-sign * logits[:, 0])).mean())
    true = logits[np.arange(len(labels)), labels]
    return float((np.log(np.exp(logits).sum(1)) - true).mean())


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_gradient_is_that_of_the_mixed_loss(outputs: int) -> None:
    rng = np.random.default_rng(0)
    shape = (4, 6, 5, outputs)
    network = replace(
        untrained(qsim.data.load("spiral", "train"), (6, 5), 1.0, rng),
        weights=tuple(rng.normal(size=pair) for pair in pairwise(shape)),
        biases=tuple(rng.normal(size=width) for width in shape[1:]),
        preactivation_gain=0.7,
    )
    x = rng.normal(size=(8, 4))
    box, labels = Interval(x + 0.01, np.full_like(x, 0.05)), rng.integers(0, max(2, outputs), 8)

    def loss(changed: Network) -> float:
        worst = loss_of(worst_logits(changed, box, labels), labels)
        return NOMINAL * loss_of(forward(changed, x).logits, labels) + (1 - NOMINAL) * worst

    found = parameter_gradients(network, x, box, labels, NOMINAL)
    parameters = [*network.weights, *network.biases]
    for p, gradient in zip(parameters, found, strict=True):
        for place in np.ndindex(p.shape):
            kept, ends = p[place], []
            for step in (1e-6, -1e-6):
                p[place] = kept + step
                ends.append(loss(network))
            p[place] = kept
            assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)


def test_it_pays() -> None:
    test = qsim.data.load("digits", "test")
    codes, labels = test.codes[:100], test.labels[:100]
    trained = train_certified("digits", radius=26, hidden=32, recipe=IntervalRecipe(epochs=40, batch=50))
    plain = qsim.train("digits", bits=8, hidden=32, recipe=qsim.Recipe(epochs=20))
    shares = []
    for network in (trained, plain):
        found = qsim.certify(qsim.quantize(network), codes, labels, 26, nodes=1)
        shares.append(sum(one.verdict == "robust" for one in found) / len(found))
    assert shares[0] > 0.4
    assert shares[0] > 2 * shares[1]


def test_the_same_seed_gives_the_same_network() -> None:
    recipe = IntervalRecipe(epochs=2, batch=100)
    a, b = (train_certified("digits", radius=1, hidden=8, recipe=recipe, seed=3) for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in zip(a.weights, b.weights, strict=True))


def test_a_radius_must_be_one() -> None:
    with pytest.raises(QsimError, match="radius is 0; 1 to 255 LSBs are allowed"):
        train_certified("digits", radius=0)


def test_data_that_are_neither_a_name_nor_a_dataset_are_refused() -> None:
    pair: Any = qsim.data.digits("train")
    with pytest.raises(QsimError, match=r"data is a tuple; a name \(mnist, .*\) or a qsim.Dataset is needed"):
        train_certified(pair, radius=1)
