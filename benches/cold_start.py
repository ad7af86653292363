"""How long a new process takes to its first class, with compiled code on the disk and without."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from .harness import Row

PROGRAM = """
import time
started = time.perf_counter()
import numpy as np
import qsim
imported = time.perf_counter()
layers = qsim.Layer(np.ones((2, 4), int), [0, 0], 1, [1]), qsim.Layer(np.ones((2, 2), int), [0, 0], 1)
model = qsim.Model(layers, qsim.InputFormat(8))
model.predict(np.zeros((1, 4), np.uint8))
print(imported - started, time.perf_counter() - imported)
"""


def rows() -> list[Row]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for case, times in (("nothing compiled", 1), ("compiled before", 5)):
            runs = [_once(folder) for _ in range(times)]
            for part, name in enumerate(("import qsim", "first class")):
                seconds = sorted(run[part] for run in runs)
                found.append(Row("cold_start", case, name, 1, seconds[len(seconds) // 2], seconds[0]))
    return found


def _once(folder: str) -> list[float]:
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": folder,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, check=True, capture_output=True, text=True
    )
    return [float(part) for part in done.stdout.split()]
