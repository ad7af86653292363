"""How many images a second, by how many come at a time: random bytes and real digits."""

from __future__ import annotations

from . import harness, peers
from .harness import Row

SIZES = (1, 10, 100, 1000, 10_000, 100_000)


def rows(threads: int = 1) -> list[Row]:
    model, found = harness.network(), []
    with harness.environment(QSIM_THREADS=str(threads)):
        for kind, data in (("dense", harness.dense), ("digits", harness.digits)):
            for size in SIZES:
                codes = data(size)
                engines = {"qsim": lambda codes=codes: model.predict(codes)}
                if size <= 10_000:
                    engines |= peers.onnxruntime(model, codes, threads) | peers.blas(model, codes)
                found += harness.compare(
                    "batch_size",
                    f"{harness.DIGITS if kind == 'digits' else kind}, {size} images",
                    size,
                    engines,
                    size=size,
                    data=kind,
                    macs=harness.macs(model),
                )
    return found
