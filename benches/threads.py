"""How the rate grows with threads, and how it could: a loop in registers, in the same rounds."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from qsim.jit.parallel import parallel_for

from . import harness, peers
from .harness import Row
from .limits import limits

SIZES = (20_000, 100_000)
TURNS = 60  # of the loop for each image, which take about as long as the network
ALONE = ", one thread"


def burn(images: int) -> None:
    """Work on any number of threads that needs no memory: what the machine has to give just now."""
    loop = limits()[0].run
    parallel_for(images, lambda rows: loop(TURNS * (rows.stop - rows.start)))


def rows() -> list[Row]:
    """onnxruntime has rounds of its own: its threads stay awake after a call, on cores that others need."""
    model, found = harness.network(), []
    for kind, data in (("dense", harness.dense), ("digits", harness.digits)):
        for size in SIZES:
            codes, name = data(size), harness.DIGITS if kind == "digits" else kind
            works = {"qsim": lambda codes=codes: model.predict(codes)}
            if limits():
                works["a loop in registers"] = lambda size=size: burn(size)
            for threads in sorted({1, 2, len(os.sched_getaffinity(0))}):
                engines = {}
                for engine, work in works.items():
                    engines[engine] = lambda work=work, threads=threads: _on(threads, work)
                    engines[engine + ALONE] = lambda work=work: _on(1, work)
                case = f"{name}, {size} images, {threads} threads"
                given = {"threads": threads, "data": kind, "size": size}
                found += harness.compare("threads", case, len(codes), engines, time.perf_counter, **given)
                theirs = peers.onnxruntime(model, codes, threads)
                found += harness.compare("threads", case, len(codes), theirs, time.perf_counter, **given)
                del theirs  # and its threads
    return _with_gains(found)


def _on(threads: int, work: harness.Work) -> None:
    with harness.environment(QSIM_THREADS=str(threads)):
        work()


def _with_gains(rows: list[Row]) -> list[Row]:
    alone = {(row.case, row.engine.removesuffix(ALONE)): row for row in rows if row.engine.endswith(ALONE)}
    return [
        replace(row, parameters={**row.parameters, "gain": alone[row.case, row.engine].median / row.median})
        if (row.case, row.engine) in alone
        else row
        for row in rows
    ]
