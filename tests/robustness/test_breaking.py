"""The smallest breaking strength, beside every strength tried; nothing depends on the other images."""

from __future__ import annotations

import numpy as np
import pytest

import qsim
from qsim import QsimError
from qsim.attacks import pgd
from qsim.robustness.breaking import smallest_breaking

EPSILONS = (0.0, 0.01, 1 / 15, 2 / 15, 4 / 15, 0.5)


@pytest.fixture(scope="module")
def model() -> qsim.Model:
    return qsim.load("models/digits-relu-q4.safetensors")


def test_it_is_the_first_strength_that_breaks(model: qsim.Model) -> None:
    codes, labels = (part[:60] for part in qsim.data.digits("test"))
    first = smallest_breaking(pgd, model, codes, labels, EPSILONS)
    broken = [pgd(model, codes, labels, e).success for e in EPSILONS[2:]]
    by_hand = np.maximum.accumulate(broken, axis=0)
    for k, alone in enumerate(by_hand, 2):
        assert (first <= k).tolist() == alone.tolist()
    assert ((first == 0) == (model.predict(codes) != labels)).all()
    assert not (first == 1).any()  # 0.01 moves nothing
    assert len(set(first.tolist())) >= 4


def test_an_image_fares_the_same_among_others(model: qsim.Model) -> None:
    codes, labels = (part[:40] for part in qsim.data.digits("test"))
    whole = smallest_breaking(pgd, model, codes, labels, EPSILONS, seed=3)
    order = np.random.default_rng(0).permutation(40)[:17]
    assert (
        smallest_breaking(pgd, model, codes[order], labels[order], EPSILONS, seed=3) == whole[order]
    ).all()


@pytest.mark.parametrize("bad", [(), (0.1, 0.2), (0.0, 0.2, 0.1)])
def test_strengths_must_ascend_from_zero(model: qsim.Model, bad: tuple[float, ...]) -> None:
    codes, labels = qsim.data.digits("test")
    with pytest.raises(QsimError, match="must ascend from 0"):
        smallest_breaking(pgd, model, codes[:2], labels[:2], bad)
