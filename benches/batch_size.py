"""How many images a second, by how many come at a time: random bytes and real digits.

One image alone stands beside the same call of a network of four inputs, which is nearly all overhead.
"""

from __future__ import annotations

from dataclasses import replace

from . import harness, peers
from .harness import Row
from .limits import best

SIZES = (1, 10, 100, 1000, 10_000, 100_000)


def rows(threads: int = 1) -> list[Row]:
    """In the same rounds: the limit of the best unit, and beside that of tiles the one of vectors."""
    model, tiny, found = harness.network(), harness.network((4, 2, 2)), []
    known = {f"limit of {limit.name}": limit for limit in best()}
    counts = {name: limit.images(model) for name, limit in known.items()}
    with harness.environment(QSIM_THREADS=str(threads)):
        for kind, data in (("dense", harness.dense), ("digits", harness.digits)):
            for size in SIZES:
                codes = data(size)
                engines = {"qsim": lambda codes=codes: model.predict(codes)}
                if size == 1:
                    few = codes[:, :4].copy()
                    engines["qsim's call alone"] = lambda few=few: tiny.predict(few)
                engines |= {name: limit.burn for name, limit in known.items()}
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
                found += _beside_limits(some, counts)
    return found


def _beside_limits(rows: list[Row], counts: dict[str, int]) -> list[Row]:
    """The limits' own numbers of images, and what part of their rates the others reach."""
    rows = [replace(row, count=counts.get(row.engine, row.count)) for row in rows]
    rates = {row.engine: row.rate for row in rows if row.engine in counts}

    def compared(row: Row) -> Row:
        parts = {name: row.rate / rate for name, rate in rates.items()}
        return replace(row, parameters={**row.parameters, "of_limits": parts})

    return [row if row.engine in counts else compared(row) for row in rows]
