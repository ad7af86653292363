"""Training: the same for a seed whatever the number of BLAS threads, and as good as it says."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_limits

import qsim
from qsim.shadow.train import Recipe

SHORT = Recipe(epochs=12, patience=12, batch=32)


@pytest.mark.parametrize("activation", ["relu", "step"])
def test_deterministic(activation: str) -> None:
    digests = set()
    for threads in (1, 2):
        with threadpool_limits(threads):
            network = qsim.train("digits", bits=3, activation=activation, hidden=20, seed=7, recipe=SHORT)
        digests.add(qsim.quantize(network).digest)
    assert len(digests) == 1


def test_returns_the_best_epoch() -> None:
    accuracies: list[float] = []
    whole = qsim.train("digits", bits=2, recipe=SHORT, report=lambda e, m, a: accuracies.append(a))
    best = accuracies.index(max(accuracies)) + 1
    cut = qsim.train("digits", bits=2, recipe=Recipe(epochs=best, patience=12, batch=32))
    assert qsim.quantize(cut).digest == qsim.quantize(whole).digest


def test_patience_ends_training() -> None:
    epochs: list[int] = []
    recipe = Recipe(epochs=100, patience=1, batch=32, learning_rate=0.05)
    qsim.train("digits", bits=1, recipe=recipe, report=lambda e, m, a: epochs.append(e))
    assert len(epochs) < 100
