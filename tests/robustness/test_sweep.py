"""Sweeps over strengths against one strength at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import qsim
from qsim import InputFormat, Layer, Model, QsimError
from qsim.robustness import sweep
from qsim.shadow.network import Network, forward

EPSILONS = (0.0, 0.003, 0.1, 0.1, 0.31, 0.5, 1.2)
FORMATS = {"pixels": (InputFormat(8), 255), "coordinates": (InputFormat(9, signed=True), 100)}


def example(activation: str, form: str, outputs: int) -> tuple[Network, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    limits, one = FORMATS[form]
    shapes = [(12, 20), (20, outputs)]
    net = Network(
        weights=tuple(rng.uniform(-1, 1, s).astype(np.float32) for s in shapes),
        biases=tuple(rng.uniform(-1, 1, s[1]).astype(np.float32) for s in shapes),
        activation=activation,
        bits=3,
        input=limits,
        codes_per_unit=one,
        peaks=(9.0,),
    )
    codes = rng.integers(limits.low, limits.high + 1, (700, 12)).astype(limits.dtype)
    codes[:, :3] = limits.low
    codes[:, 3] = limits.high
    return net, codes, rng.integers(-1, 2, codes.shape).astype(np.int8)


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("activation", "outputs"), [("relu", 5), ("sigmoid", 5), ("step", 5), ("relu", 1)])
def test_shadow(activation: str, outputs: int, form: str, clip: bool) -> None:
    net, codes, signs = example(activation, form, outputs)
    found = sweep.shadow(net, codes, signs, EPSILONS, clip)
    assert found.shape == (700, len(EPSILONS))
    wide = of_wide(net)
    for k, epsilon in enumerate(EPSILONS):
        x = codes / net.codes_per_unit + epsilon * signs
        if clip:
            x = x.clip(net.input.low / net.codes_per_unit, net.input.high / net.codes_per_unit)
        hidden = (x @ wide.weights[0] + wide.biases[0])[:, :, None]
        logits = forward(wide, x)[2]
        ordered = np.sort(np.c_[logits, -logits] if outputs == 1 else logits, axis=1)
        clear = ordered[:, -1] - ordered[:, -2] > 1e-4  # no tie within float32
        if activation == "step":
            clear &= (np.abs(hidden) > 1e-5).all(axis=(1, 2))
        expected = (logits[:, 0] >= 0).astype(int) if outputs == 1 else logits.argmax(1)
        assert clear.mean() > 0.99
        assert (found[:, k] == expected)[clear].all()


def of_wide(net: Network) -> Network:
    return Network(
        weights=tuple(w.astype(np.float64) for w in net.weights),
        biases=tuple(b.astype(np.float64) for b in net.biases),
        activation=net.activation,
        bits=None,
        input=net.input,
        codes_per_unit=net.codes_per_unit,
    )


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("activation", "outputs"), [("relu", 5), ("sigmoid", 5), ("step", 5), ("relu", 1)])
def test_integer(activation: str, outputs: int, form: str, clip: bool) -> None:
    net, codes, signs = example(activation, form, outputs)
    codes, signs = codes[480:530], signs[480:530]
    model = qsim.quantize(net, hidden_bits=5)
    steps = [0, 1, 2, 5, 5, 60, 128, 300]
    found = sweep.integer(model, codes, signs, steps, clip)
    for k, step in enumerate(steps):
        moved = codes.astype(int) + step * signs.astype(int)
        rows = moved.clip(model.input.low, model.input.high) if clip else moved
        assert found[:, k].tolist() == qsim.spec.predict(model, rows.tolist())


@pytest.mark.parametrize("spread", [1, 10**7])
def test_integer_with_thresholds_of_each_neuron_and_far_apart(spread: int) -> None:
    rng = np.random.default_rng(5)
    hidden = Layer(
        rng.integers(-8, 8, (6, 4)) * 2 + 1,
        rng.integers(-9, 9, 6),
        bits=4,
        thresholds=np.array([-40, 0, spread]),
    )
    own = replace(hidden, thresholds=np.sort(rng.integers(-90, 90, (6, 4)), axis=1))
    output = Layer(rng.integers(-8, 8, (3, 6)) * 2 + 1, [0, 1, 2], bits=4)
    codes = rng.integers(0, 16, (40, 4)).astype(np.uint8)
    signs = rng.integers(-1, 2, codes.shape).astype(np.int8)
    for layer in (hidden, own):
        model = Model((layer, output), InputFormat(4))
        found = sweep.integer(model, codes, signs, range(20))
        for step in range(20):
            rows = (codes.astype(int) + step * signs).clip(0, 15).tolist()
            assert found[:, step].tolist() == qsim.spec.predict(model, rows)


def test_strengths_must_ascend() -> None:
    net, codes, signs = example("relu", "pixels", 5)
    with pytest.raises(QsimError, match="ascending numbers of 0 or more are needed"):
        sweep.shadow(net, codes, signs, [0.2, 0.1])
