"""Products over non-zero inputs against the dense ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import qsim
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


@pytest.mark.parametrize("activation", ["relu", "step"])
def test_training_does_not_depend_on_blas_threads(activation: str) -> None:
    digests = set()
    for threads in (1, 2):
        with threadpool_limits(threads):
            recipe = Recipe(epochs=5, batch=32)
            network = qsim.train("digits", bits=3, activation=activation, hidden=20, seed=7, recipe=recipe)
        digests.add(qsim.quantize(network).digest)
    assert len(digests) == 1
