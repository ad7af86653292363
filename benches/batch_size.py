"""How many images a second, by how many come at a time: random bytes and real digits."""

from __future__ import annotations

from dataclasses import replace

from . import harness, peers
from .harness import Row

SIZES = (1, 10, 100, 1000, 10_000, 100_000)


def rows(threads: int = 1) -> list[Row]:
    """The limit, in the same rounds, is what the processor can multiply: see `peers.limit`."""
    model, found, limits = harness.network(), [], peers.limit(harness.network())
    with harness.environment(QSIM_THREADS=str(threads)):
        for kind, data in (("dense", harness.dense), ("digits", harness.digits)):
            for size in SIZES:
                codes = data(size)
                engines = {"qsim": lambda codes=codes: model.predict(codes)}
                engines |= {name: burn for name, (_, burn) in limits.items()}
                if size <= 10_000:
                    engines |= peers.onnxruntime(model, codes, threads) | peers.blas(model, codes)
                some = harness.compare(
                    "batch_size",
                    f"{harness.DIGITS if kind == 'digits' else kind}, {size} images",
                    size,
                    engines,
                    size=size,
                    data=kind,
                    macs=harness.macs(model),
                )
                found += _beside_limit(some, {name: count for name, (count, _) in limits.items()})
    return found


def _beside_limit(rows: list[Row], counts: dict[str, int]) -> list[Row]:
    """The limit's own number of images, and what part of its rate the others reach."""
    rows = [replace(row, count=counts.get(row.engine, row.count)) for row in rows]
    limits = [row.rate for row in rows if row.engine in counts]
    return [
        replace(row, parameters={**row.parameters, "of_limit": row.rate / limits[0]})
        if limits and row.engine not in counts
        else row
        for row in rows
    ]
