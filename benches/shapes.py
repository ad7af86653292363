"""Width and depth: from 64-16-10 to 784-1024-1024-10."""

from __future__ import annotations

from . import harness, peers
from .harness import Row

SHAPES = (
    (64, 16, 10),
    (64, 64, 10),
    (784, 16, 10),
    (784, 100, 10),
    (784, 100, 100, 10),
    (784, 256, 128, 10),
    (784, 1024, 1024, 10),
)


def rows() -> list[Row]:
    found = []
    with harness.environment(QSIM_THREADS="1"):
        for shape in SHAPES:
            model, codes = harness.network(shape), harness.dense(1000, shape[0])
            engines = {"qsim": lambda m=model, c=codes: m.predict(c)}
            engines |= peers.onnxruntime(model, codes) | peers.blas(model, codes)
            name = "-".join(map(str, shape))
            found += harness.compare("shapes", name, len(codes), engines, macs=harness.macs(model))
    return found
