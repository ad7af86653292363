"""The first layer's two products of a training step, by how its rows are stored: real digits.

`qsim.shadow.sparse` leaves zeros out; dense rows go through BLAS; scipy's sparse rows are the library way.
A step takes 128 images of 20,000, in random order as training does; its rate counts images.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from qsim.shadow.network import to_real
from qsim.shadow.sparse import SparseRows

from . import harness
from .harness import Row

BATCH, IMAGES = 128, 20_000
WIDTHS = (100, 300)


def rows() -> list[Row]:
    codes, rng = harness.digits(IMAGES), np.random.default_rng(0)
    dense = to_real(codes, 255)
    stored = {"qsim": SparseRows(codes, 255), "dense rows": dense, "scipy rows": csr_array(dense)}
    found = []
    for width in WIDTHS:
        w = rng.normal(size=(codes.shape[1], width)).astype(np.float32)
        d = rng.normal(size=(BATCH, width)).astype(np.float32)

        def step(x, w=w, d=d):  # type: ignore[no-untyped-def]
            part = x[rng.integers(0, len(codes), BATCH)]
            return part @ w, part.T @ d

        engines = {name: lambda x=x, step=step: step(x) for name, x in stored.items()}
        found += harness.compare("training", f"{harness.DIGITS}, {width} hidden units", BATCH, engines)
    return found
