"""Products over non-zero inputs against the dense ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import qsim
from qsim.shadow import sparse
from qsim.shadow.sparse import SparseRows
from qsim.shadow.train import Recipe


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("shape", [(5, 2, 3), (40, 65, 17), (30, 9, 1)])
def test_equals_dense(shape: tuple[int, int, int], share: float) -> None:
    images, inputs, outputs = shape
    rng = np.random.default_rng(images)
    codes: Any = rng.integers(-99, 99, (images, inputs)) * (rng.random((images, inputs)) < share)
    rows = rng.permutation(images)[: images // 2]
    w, d = (rng.normal(size=(n, outputs)).astype(np.float32) for n in (inputs, len(rows)))
    batch, x = SparseRows(codes.astype(np.int16), 64)[rows], codes[rows] / 64
    np.testing.assert_allclose(batch @ w, x @ w, rtol=0, atol=1e-4)
    np.testing.assert_allclose(batch.T @ d, x.T @ d, rtol=0, atol=1e-4)


@pytest.mark.parametrize("most", [2, 12])
@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.int16])
@pytest.mark.parametrize("outputs", [3, 40])
def test_small_integers_are_exact(
    kind: Any, outputs: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Extreme codes of every type, rows that come twice or are zero, an odd number of inputs."""
    monkeypatch.setattr(sparse, "MOST_VECTORS", dict.fromkeys((True, False), most))
    rng, ends = np.random.default_rng(outputs), np.iinfo(kind)
    codes = rng.choice([0, 0, 0, 1, ends.min, ends.max], (20, 33)).astype(kind)
    codes[4] = 0
    rows = np.array([4, 7, 19, 7, 0, 4])
    w, d = (rng.integers(-3, 4, (n, outputs)) for n in (33, len(rows)))
    batch, x = SparseRows(codes, 1)[rows], codes[rows].astype(np.int64)
    assert (batch @ w.astype(np.float32) == x @ w).all()
    assert (batch.T @ d.astype(np.float32) == x.T @ d).all()


def test_a_vector_s_width_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (30, 20), np.uint8) * (rng.random((30, 20)) < 0.3)
    w, d = (rng.normal(size=(n, 40)).astype(np.float32) for n in (20, 25))
    found = []
    for most in (2, 12):
        monkeypatch.setattr(sparse, "MOST_VECTORS", dict.fromkeys((True, False), most))
        batch = SparseRows(codes, 255)[np.arange(25)]
        found.append(((batch @ w).tobytes(), (batch.T @ d).tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("activation", ["relu", "step"])
def test_training_does_not_depend_on_blas_threads(activation: str) -> None:
    digests = set()
    for threads in (1, 2):
        with threadpool_limits(threads):
            recipe = Recipe(epochs=5, batch=32)
            network = qsim.train("digits", bits=3, activation=activation, hidden=20, seed=7, recipe=recipe)
        digests.add(qsim.quantize(network).digest)
    assert len(digests) == 1
