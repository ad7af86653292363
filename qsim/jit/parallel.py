"""Images over threads: compiled loops hold no Python lock, so plain threads run side by side."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from ..errors import QsimError

ALONE = 1024  # images that one thread takes: a few hundred microseconds
LARGEST = 4096  # images that a thread takes at a time, at most
SMALLEST = 512  # and at least
PATIENCE = 200e-6  # seconds that the calling thread asks whether the others are done before it sleeps


def threads() -> int:
    """How many threads share the images: QSIM_THREADS, else every core this process may use."""
    wanted = os.environ.get("QSIM_THREADS")
    if not wanted:
        return len(os.sched_getaffinity(0))
    if not wanted.isdecimal() or int(wanted) < 1:
        raise QsimError(f"QSIM_THREADS is {wanted!r}; a number from 1 up is needed")
    return int(wanted)


def parallel_for(images: int, part: Callable[[slice], None]) -> None:
    """Calls `part` for slices that cover all images; where it pays, other threads help the calling one.

    To wake a thread takes 50 to 100 microseconds, and much longer where all cores are busy. So no one waits
    for a helper that comes too late, and the caller stays awake for one that is nearly done.
    """
    workers = threads() if images > ALONE else 1
    slices = iter(_slices(images, workers))

    def work() -> None:
        for rows in slices:  # each slice goes to one thread
            part(rows)

    helpers = [_pool(workers).submit(work) for _ in range(workers - 1)]
    work()
    helpers = [helper for helper in helpers if not helper.cancel()]
    patience = time.perf_counter() + PATIENCE
    while not all(helper.done() for helper in helpers) and time.perf_counter() < patience:
        time.sleep(0)
    for helper in helpers:
        helper.result()


def _slices(images: int, workers: int) -> list[slice]:
    """Ever smaller slices, so that all workers end at about the same time."""
    slices, start = [], 0
    while start < images:
        size = min(max((images - start) // workers, SMALLEST), LARGEST)
        slices.append(slice(start, min(start + size, images)))
        start += size
    return slices


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="qsim")


os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of its parent's threads
