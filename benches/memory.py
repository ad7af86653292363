"""How much memory a prediction takes beyond its input and output; the seconds go to a memory-mapped file."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from . import harness
from .harness import Row

SIZES = (10_000, 100_000, 1_000_000)


def own_bytes() -> int:
    """Anonymous memory of this process: all but mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def rows() -> list[Row]:
    model, found = harness.network(), []
    model.predict(harness.dense(5000))
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            codes = np.memmap(Path(folder) / "codes", np.uint8, "w+", shape=(size, 784))
            before, most, done = own_bytes(), [0], threading.Event()

            def watch(most: list[int] = most, done: threading.Event = done) -> None:
                while not done.wait(0.002):
                    most[0] = max(most[0], own_bytes())

            watcher = threading.Thread(target=watch)
            watcher.start()
            started = time.perf_counter()
            classes = model.predict(codes)
            seconds = time.perf_counter() - started
            done.set()
            watcher.join()
            extra = max(most[0] - before - classes.nbytes, 0)
            found.append(
                Row("memory", f"{size} images", "qsim", size, seconds, seconds, {"extra_bytes": extra})
            )
    return found
