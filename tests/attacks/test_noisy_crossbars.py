"""Attacks on read noise: scored on sums of readings, gradients averaged over draws, nothing left to luck."""

from __future__ import annotations

import numpy as np
import pytest
from attacked_models import digits, images

import qsim
from qsim import Mapping, spec
from qsim.attacks import defective, get
from qsim.attacks.surrogate import Surrogate
from qsim.crossbar.effects.current_noise import read_noise
from qsim.crossbar.mapping import map_to_crossbar
from qsim.shadow.network import of_model

FEW = {"steps": 5, "restarts": 2}


@pytest.fixture(scope="module")
def noisy() -> qsim.Model:
    return read_noise(map_to_crossbar(digits("step", 2), Mapping(rows=32)), 3.0, 1)


def test_a_candidate_is_scored_on_the_same_readings_wherever_it_stands(noisy: qsim.Model) -> None:
    codes, _ = images(3)
    sums = defective.summed_logits(noisy, codes)
    for row, candidate in zip(sums, codes, strict=True):
        each = [spec.logits(noisy, candidate[None], k)[0] for k in range(defective.READS)]
        assert row.tolist() == np.sum(each, axis=0).tolist()
        assert len({tuple(map(int, reading)) for reading in each}) > 1  # there is noise to average


@pytest.mark.parametrize("name", ["pgd", "annealed", "square", "lattice"])
def test_success_is_the_class_of_the_sums_in_every_batch(noisy: qsim.Model, name: str) -> None:
    codes, labels = images(12)
    result = get(name)(noisy, codes, labels, 0.05, **FEW)
    found = defective.summed_logits(noisy, result.codes).argmax(axis=1)
    assert (result.success == (found != labels)).all()
    some = [7, 2, 9]
    alone = get(name)(noisy, codes[some], labels[some], 0.05, **FEW)
    assert (alone.codes == result.codes[some]).all()
    assert np.abs(result.codes.astype(int) - codes).max() <= result.lsb


def test_the_gradient_is_the_mean_over_draws(noisy: qsim.Model) -> None:
    codes, _ = images(5)
    network = of_model(noisy)
    surrogate = Surrogate(noisy, 1.0, 2.0, network)
    by_logits = np.random.default_rng(0).normal(size=(5, 10))
    draws = surrogate.noise[0]
    assert draws.shape == (defective.READS, noisy.layers[0].outputs)
    assert len(np.unique(draws[:, 0])) == defective.READS
    parts = [surrogate._into_first(codes, by_logits, 1.0, k) for k in range(defective.READS)]
    z = surrogate.sums[0](codes)
    width = surrogate.widths[0]
    assert width is not None
    shares = [(1 + np.tanh((z + draw) / width / 2)) / 2 for draw in draws]  # the logistic function
    slopes = np.mean([share * (1 - share) / width for share in shares], axis=0)
    by_hand = by_logits @ network.weights[1].T * slopes
    np.testing.assert_allclose(np.mean(parts, axis=0), by_hand, rtol=1e-3, atol=1e-6)
    found = surrogate.gradient(codes, by_logits)
    np.testing.assert_allclose(_unit(found), _unit(by_hand @ network.weights[0].T), atol=1e-3)


def _unit(rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_without_noise_there_is_one_reading_and_one_draw() -> None:
    mapped = map_to_crossbar(digits("relu", 4), Mapping())
    codes, _ = images(4)
    assert (defective.summed_logits(mapped, codes) == mapped.logits(codes)).all()
    assert defective.without_noise(mapped) is mapped
    assert not defective.noise_of_units(mapped)[0].any()
