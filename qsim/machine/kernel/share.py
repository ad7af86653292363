"""Images over threads: compiled loops hold no Python lock, so plain threads run side by side."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from ..errors import QsimError

ALONE = 1024  # images that one thread takes: a few hundred microseconds
SHARE = 4096  # images that a thread takes at a time, at most


def threads() -> int:
    """How many threads share the images: QSIM_THREADS, else every core this process may use."""
    wanted = os.environ.get("QSIM_THREADS")
    if not wanted:
        return len(os.sched_getaffinity(0))
    if not wanted.isdecimal() or int(wanted) < 1:
        raise QsimError(f"QSIM_THREADS is {wanted!r}; a number from 1 up is needed")
    return int(wanted)


def share(images: int, part: Callable[[slice], None]) -> None:
    """Calls `part` for slices that cover all images; where it pays, other threads help the calling one."""
    workers = threads() if images > ALONE else 1
    size = min(max(-(-images // (4 * workers)), ALONE // 2), SHARE)
    slices = iter([slice(start, min(start + size, images)) for start in range(0, images, size)])

    def work() -> None:
        for rows in slices:  # each slice goes to one thread
            part(rows)

    helpers = [_pool(workers).submit(work) for _ in range(workers - 1)]
    work()
    for helper in helpers:
        helper.result()


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="qsim")


os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of its parent's threads
