"""Training: it learns, it is seeded, it stops early, and its gradients are right."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import qsim
from qsim import QsimError, Recipe
from qsim.shadow import network as nw
from qsim.shadow import train as tr
from qsim.shadow.sparse import SparseRows

SHORT = Recipe(epochs=3, batch=64)


def accuracy(network: nw.Network, data: str) -> float:
    test = qsim.data.load(data, "test")
    return float(
        (nw.predict(network.rounded(), nw.to_real(test.codes, test.codes_per_unit)) == test.labels).mean()
    )


@pytest.mark.parametrize(
    ("activation", "bits", "least"), [("relu", 4, 0.95), ("sigmoid", 1, 0.9), ("step", 2, 0.92)]
)
def test_it_learns_digits(activation: str, bits: int, least: float) -> None:
    assert accuracy(qsim.train("digits", bits=bits, activation=activation), "digits") >= least


def test_it_learns_the_spirals_at_8_bits_and_not_at_1() -> None:
    assert accuracy(qsim.train("spiral", bits=8, activation="relu"), "spiral") >= 0.9
    assert accuracy(qsim.train("spiral", bits=1, activation="relu"), "spiral") <= 0.7


def test_equal_seeds_give_equal_networks_and_others_others() -> None:
    a, b, c = (qsim.train("digits", hidden=8, seed=seed, recipe=SHORT) for seed in (1, 1, 2))
    assert qsim.quantize(a).digest == qsim.quantize(b).digest != qsim.quantize(c).digest


@pytest.mark.parametrize("activation", ["relu", "step"])
def test_the_result_does_not_depend_on_the_cores(activation: str) -> None:
    digests = set()
    for threads in (1, 2):
        with threadpool_limits(threads):
            network = qsim.train("digits", bits=3, activation=activation, hidden=20, seed=7, recipe=SHORT)
        digests.add(qsim.quantize(network).digest)
    assert len(digests) == 1


def test_weights_stay_in_the_unit_interval() -> None:
    network = qsim.train("spiral", bits=8, recipe=Recipe(epochs=30, learning_rate=0.1, gain=10))
    for array in (*network.weights, *network.biases):
        assert np.abs(array).max() <= 1


def test_it_stops_at_the_best_epoch_and_goes_back_to_it() -> None:
    seen: list[float] = []
    recipe = Recipe(epochs=40, patience=3, batch=32, learning_rate=0.02)
    network = qsim.train("digits", hidden=10, recipe=recipe, report=lambda e, n, a: seen.append(a))
    best = int(np.argmax(seen))
    assert len(seen) == best + 1 + 3
    data = qsim.data.load("digits", "train")
    held_out = np.random.default_rng(0).permutation(len(data.codes))[: len(data.codes) // 10]
    x = nw.to_real(data.codes[held_out], data.codes_per_unit)
    assert np.mean(nw.predict(network.rounded(), x) == data.labels[held_out]) == seen[best]


def mean_loss(network: nw.Network, x: Any, labels: Any) -> float:
    logits = nw.forward(network, x)[2]
    return float(np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(len(x)), labels]))


def test_parameter_gradients_are_those_of_the_mean_loss() -> None:
    rng = np.random.default_rng(3)
    shapes = [(4, 3), (3, 5), (5, 3)]
    network = nw.Network(
        weights=tuple(rng.uniform(-1, 1, s).astype(np.float32) for s in shapes),
        biases=tuple(rng.uniform(-1, 1, s[1]).astype(np.float32) for s in shapes),
        activation="sigmoid",
        bits=None,
        input=qsim.data.PIXELS,
        codes_per_unit=255,
        preactivation_gain=2.0,
    )
    codes, labels = rng.integers(0, 256, (6, 4)), rng.integers(0, 3, 6)
    x = nw.to_real(codes, 255, np.float64)
    gradients = tr.parameter_gradients(network, SparseRows(codes, 255)[np.arange(6)], labels)
    parameters = [p.astype(np.float64) for p in (*network.weights, *network.biases)]
    for i, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
        for index in [(0,) * parameter.ndim, tuple(n - 1 for n in parameter.shape)]:
            losses = []
            for nudge in (1e-6, -1e-6):
                moved = [p.copy() for p in parameters]
                moved[i][index] += nudge
                losses.append(
                    mean_loss(replace(network, weights=tuple(moved[:3]), biases=tuple(moved[3:])), x, labels)
                )
            np.testing.assert_allclose(gradient[index], (losses[0] - losses[1]) / 2e-6, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"bits": 11}, "bits is 11; 1 to 10, or none, are allowed"),
        ({"bits": 0}, "bits is 0"),
        (
            {"activation": "gelu"},
            "activation is 'gelu'; one of hard_tanh, relu, sigmoid, step, tanh",
        ),
        ({"grid": "even"}, "grid is 'even'"),
        ({"hidden": (5, 0)}, r"hidden widths are \(5, 0\)"),
        ({"seed": -1}, "seed is -1; 0 or more is needed"),
        ({"data": "cifar"}, "data set 'cifar' is unknown"),
    ],
)
def test_what_is_out_of_range_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(QsimError, match=sentence):
        qsim.train(**{"data": "digits", "recipe": SHORT, **wrong})


def test_arrays_alone_are_no_data() -> None:
    arrays = np.zeros((4, 2), np.uint8), np.zeros(4, np.int64)
    with pytest.raises(
        qsim.QsimError, match=r"data is a tuple; a name \(mnist, .*\) or a qsim.Dataset is needed"
    ):
        qsim.train(arrays)  # type: ignore[arg-type]
