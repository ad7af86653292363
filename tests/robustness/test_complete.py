"""Distances on the plane, beside every code tried one ring after another."""

from __future__ import annotations

import numpy as np
import pytest

import qsim
from qsim import QsimError
from qsim.model.input_format import InputFormat
from qsim.robustness.complete import true_distances


def ring_by_ring(model: qsim.Model, point: np.ndarray, label: int, reach: int) -> int:  # type: ignore[type-arg]
    form = model.input
    for far in range(reach + 1):
        for x in range(point[0] - far, point[0] + far + 1):
            for y in range(point[1] - far, point[1] + far + 1):
                inside = form.low <= min(x, y) and max(x, y) <= form.high
                if inside and int(qsim.spec.logits(model, [[x, y]])[0][0] >= 0) != label:
                    return far
    return reach + 1


def test_distances_are_those_of_all_codes() -> None:
    model = qsim.load("models/spiral-relu-q4.safetensors")
    rng = np.random.default_rng(5)
    codes = rng.integers(-400, 400, (12, 2)).astype(model.input.dtype)
    labels = rng.integers(0, 2, 12)
    found = true_distances(model, codes, labels, 6)
    expected = [
        ring_by_ring(model, point, int(label), 6)
        for point, label in zip(codes.astype(int), labels, strict=True)
    ]
    assert found.tolist() == expected
    assert 0 in expected
    assert max(expected) > 6


def test_nothing_beyond_the_input_format_counts() -> None:
    small = InputFormat(4, signed=True)  # -8 to 7
    layer = qsim.Layer(np.array([[1, 1]]), np.array([-13]), bits=8, grid="twos_complement")
    model = qsim.Model((layer,), small)  # class 1 where x + y >= 13: near the corner alone
    codes = np.array([[7, 7], [0, 0], [7, -8]], small.dtype)
    assert true_distances(model, codes, np.array([1, 0, 0]), 20).tolist() == [1, 7, 14]
    assert true_distances(model, codes, np.array([0, 0, 0]), 3).tolist() == [0, 4, 4]


def test_more_inputs_are_refused() -> None:
    codes, labels = qsim.data.digits("test")
    with pytest.raises(QsimError, match="64 inputs; all codes can be tried of two"):
        true_distances(qsim.load("models/digits-relu-q4.safetensors"), codes[:2], labels[:2], 3)
