"""Products over non-zero inputs against the dense ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qsim.shadow.sparse import Rows


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("shape", [(5, 2, 3), (40, 65, 17), (30, 9, 1)])
def test_equals_dense(shape: tuple[int, int, int], share: float) -> None:
    images, inputs, outputs = shape
    rng = np.random.default_rng(images)
    codes: Any = rng.integers(-99, 99, (images, inputs)) * (rng.random((images, inputs)) < share)
    rows = rng.permutation(images)[: images // 2]
    w, b, d = (
        rng.normal(size=s).astype(np.float32) for s in ((inputs, outputs), (outputs,), (len(rows), outputs))
    )
    sparse, x = Rows(codes.astype(np.int16), 64), codes[rows] / 64
    np.testing.assert_allclose(sparse.products(rows, w, b), x @ w + b, rtol=0, atol=1e-4)
    np.testing.assert_allclose(sparse.gradient(rows, d), x.T @ d, rtol=0, atol=1e-4)
