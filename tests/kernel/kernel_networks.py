"""Random networks for tests, small enough for the specification and odd enough to find what is wrong."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from qsim import InputFormat, Layer, Model, spec
from qsim.executors import executor
from qsim.kernel.executor import classify

KINDS = ("step", "even", "smooth", "uneven", "coarse", "per_neuron")


def thresholds(kind: str, count: int, outputs: int, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Ascending thresholds for accumulators of about +-`spread`."""
    if kind == "step":
        return np.array([int(spread * rng.normal() / 4)])
    if kind == "even":
        return np.round(np.linspace(-spread, spread, count) + spread * rng.normal() / 4).astype(np.int64)
    if kind == "smooth":  # a sigmoid's
        reached = np.arange(1, count + 1) / (count + 1)
        return np.ceil(spread * np.log(reached / (1 - reached)) / 4).astype(np.int64)
    if kind == "coarse":  # many equal thresholds
        return np.sort(rng.integers(-2, 3, count) * int(spread / 3 + 1))
    shape = (outputs, count) if kind == "per_neuron" else count
    return np.sort((spread * rng.normal(size=shape)).astype(np.int64), axis=-1)


def network(
    shape: tuple[int, ...],
    *,
    bits: int = 8,
    grid: str = "odd",
    kind: str = "even",
    levels: int = 255,
    input_bits: int = 8,
    signed: bool = False,
    extreme: bool = False,
    seed: int = 0,
) -> Model:
    """A model of widths `shape`; with `extreme`, every weight is the smallest or the largest."""
    rng = np.random.default_rng(seed)
    half, one, layers = 1 << bits - 1, (1 << input_bits - signed) - 1, []
    for inputs, outputs in pairwise(shape):
        stored = rng.integers(-half, half, (outputs, inputs))
        if extreme:
            stored = np.where(rng.random((outputs, inputs)) < 0.1, half - 1, -half)
        weights = 2 * stored + 1 if grid == "odd" else stored
        spread = 1 + np.abs(weights).mean() * np.sqrt(inputs) * one
        last = len(layers) == len(shape) - 2
        steps = None if last else thresholds(kind, levels, outputs, spread, rng)
        bias = rng.integers(-1 - int(spread), 1 + int(spread), outputs)
        layers.append(Layer(weights, bias, bits, steps, grid))
        one = layers[-1].max_code
    return Model(tuple(layers), InputFormat(input_bits, signed))


def images(model: Model, count: int, seed: int = 0) -> np.ndarray:
    """Codes (count, inputs): nothing but the smallest, nothing but the largest, sparse, then dense ones."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(model.input.low, model.input.high + 1, (count, model.inputs))
    codes[2::3] *= rng.random(codes[2::3].shape) < 0.2
    codes[:1], codes[1:2] = model.input.low, model.input.high
    return codes.astype(model.input.dtype)


def check(name: str, model: Model, codes: np.ndarray) -> None:
    """Logits, classes and hidden codes against the specification, on one path."""
    packed = executor(model, name)
    expected = list(spec.trace(model, codes.tolist()))
    hidden = [
        np.empty((len(codes), layer.outputs), np.min_scalar_type(layer.max_code))
        for layer in model.layers[:-1]
    ]
    logits = packed.logits(codes, 0, hidden)
    assert logits.tolist() == [row for _, row in expected]
    for i, found in enumerate(hidden):
        assert found.tolist() == [codes[i] for codes, _ in expected]
    classes = [spec.classify(row) for _, row in expected]
    assert packed.predict(codes).tolist() == classes
    assert classify(logits).tolist() == classes
