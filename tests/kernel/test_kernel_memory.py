"""Inputs of any size, in memory that does not grow with them."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from kernel_networks import images, network

from qsim.jit.parallel import LARGEST

PROGRAM = """
import resource, sys
from pathlib import Path
import numpy as np
from kernel_networks import images, network

model, (file, kind, count) = network((784, 100, 10)), sys.argv[1:]
first = images(model, 9)
expected = model.predict(first)
codes = np.memmap(file, kind, "w+", shape=(int(count), 784))
codes[-9:] = first
model.predict(np.repeat(first, 500, 0))  # threads and their work areas exist from here on

status = Path("/proc/self/status").read_text().split("VmData:")[1]
limit = int(status.split()[0]) * 1024 + 64 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
classes = model.predict(codes)
assert classes[-9:].tolist() == expected.tolist()
assert (classes[:-9] == classes[0]).all()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("uint8", 1_000_000), ("int64", 200_000)])
def test_a_million_images(tmp_path: Path, kind: str, count: int) -> None:
    """A memory-mapped file is predicted within 64 MB, output included, whatever its type."""
    environment = {"PYTHONPATH": ":".join(sys.path), "QSIM_THREADS": "2", "PATH": ""}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "codes"), kind, str(count)]
    subprocess.run(command, env=environment, check=True)


def peak_beyond_classes(kind: str, count: int) -> int:
    """Bytes that Python and numpy hold at most while `count` images are classified, classes not counted."""
    model = network((784, 100, 10))
    codes = np.broadcast_to(images(model, 1).astype(kind), (count, 784))  # takes no memory of its own
    model.predict(codes[:5000])
    tracemalloc.start()
    try:
        classes = model.predict(codes)
        return tracemalloc.get_traced_memory()[1] - classes.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["uint8", "int64"])
def test_ten_times_the_images_take_no_more_memory(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice of at most LARGEST images is copied; each thread would hold one such."""
    monkeypatch.setenv("QSIM_THREADS", "1")
    few, many = (peak_beyond_classes(kind, count) for count in (20_000, 200_000))
    assert many < few + 100_000
    assert many < LARGEST * 784 + 1_000_000
