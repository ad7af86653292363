"""How the rate grows with threads."""

from __future__ import annotations

import os
import time

from qsim.machine.kernel.share import share

from . import harness, peers
from .harness import Row


def burn(threads: int) -> None:
    """As much work on any number of threads, without memory: what the machine has to give just now."""
    loop = next(iter(peers.units().values()))[0]
    with harness.environment(QSIM_THREADS=str(threads)):
        share(20_000, lambda images: loop(20 * (images.stop - images.start)))


def rows() -> list[Row]:
    model, found, limits = harness.network(), [], peers.units()
    cores = len(os.sched_getaffinity(0))
    for kind, data in (("dense", harness.dense), ("digits", harness.digits)):
        codes = data(20_000)

        def ours(threads: int, codes: harness.Codes = codes) -> None:
            with harness.environment(QSIM_THREADS=str(threads)):
                model.predict(codes)

        for threads in sorted({1, 2, cores}):
            engines = {"qsim": lambda threads=threads: ours(threads), "qsim, one thread": lambda: ours(1)}
            engines |= peers.onnxruntime(model, codes, threads)
            if limits:
                engines["a loop in registers"] = lambda threads=threads: burn(threads)
            case = f"{harness.DIGITS if kind == 'digits' else kind}, {threads} threads"
            found += harness.compare(
                "threads", case, len(codes), engines, time.perf_counter, threads=threads, data=kind
            )
    return found
