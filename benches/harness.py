"""What every bench needs: networks, data, timing in turns, rows."""

from __future__ import annotations

import gzip
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim import InputFormat, Layer, Model
from qsim.kernel import isa

Codes = npt.NDArray[np.integer[Any]]
Clock = Callable[[], float]
Work = Callable[[], Any]
Engines = Mapping[str, Work]
ROUNDS = 15
LEAST_SECONDS = 0.02  # a timed run repeats short work until it takes about this long


@dataclass(frozen=True)
class Row:
    """One engine in one case: seconds for `count` items (images, or what the bench says)."""

    bench: str
    case: str
    engine: str
    count: int
    median: float
    best: float
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Items a second, by the median."""
        return self.count / self.median


def compare(
    bench: str, case: str, count: int, engines: Engines, clock: Clock = time.thread_time, **parameters: Any
) -> list[Row]:
    """A row for each engine; they run in turns, so that a busy machine slows all of them.

    The clock counts the processor time of the calling thread, which others cannot take from it; work on
    several threads needs `time.perf_counter`.
    """
    repeats = {name: _repeats(work) for name, work in engines.items()}
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, work in engines.items():
            seconds[name].append(_timed(work, repeats[name], clock))
    return [
        Row(bench, case, name, count, statistics.median(found), min(found), parameters)
        for name, found in seconds.items()
    ]


def _timed(work: Work, repeats: int, clock: Clock) -> float:
    started = clock()
    for _ in range(repeats):
        work()
    return (clock() - started) / repeats


def _repeats(work: Work) -> int:
    work()
    return max(1, round(LEAST_SECONDS / max(_timed(work, 1, time.perf_counter), 1e-7)))


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Environment variables for the length of a block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def network(
    shape: tuple[int, ...] = (784, 100, 10),
    bits: int = 8,
    levels: int = 255,
    input_bits: int = 8,
    sigmoid: bool = False,
) -> Model:
    """Random weights on the odd grid, thresholds that the accumulators really cross: even, or a sigmoid's."""
    rng, half, one, layers = np.random.default_rng(0), 1 << bits - 1, (1 << input_bits) - 1, []
    for i, (inputs, outputs) in enumerate(pairwise(shape)):
        weights = 2 * rng.integers(-half, half, (outputs, inputs)) + 1
        spread = float(np.abs(weights).mean() * np.sqrt(inputs) * one)
        place = np.linspace(-1, 1, levels)
        if sigmoid:
            place = np.arctanh(np.arange(1 - levels, levels, 2) / (levels + 1)) / 2
        steps = np.round(spread * place).astype(np.int64)
        layers.append(Layer(weights, np.zeros(outputs, int), bits, None if i == len(shape) - 2 else steps))
        one = levels
    return Model(tuple(layers), InputFormat(input_bits))


def macs(model: Model) -> int:
    """Multiplications for one image."""
    return sum(layer.weights.size for layer in model.layers)


def dense(count: int, inputs: int = 784) -> npt.NDArray[np.uint8]:
    """Random bytes: no zero to skip."""
    return np.random.default_rng(1).integers(0, 256, (count, inputs)).astype(np.uint8)


MNIST = Path(os.environ.get("QSIM_DATA", ".")) / "mnist" / "t10k-images-idx3-ubyte.gz"
DIGITS = "digits" if MNIST.exists() else "noise like digits"


def digits(count: int) -> npt.NDArray[np.uint8]:
    """MNIST test images from $QSIM_DATA, repeated if need be; without them, as many zeros around noise."""
    if MNIST.exists():
        images = np.frombuffer(gzip.decompress(MNIST.read_bytes()), np.uint8, offset=16).reshape(-1, 784)
    else:
        noise = dense(10_000, 14 * 11).reshape(-1, 14, 11)
        images = np.zeros((len(noise), 28, 28), np.uint8)
        images[:, 7:21, 9:20] = noise
        images = images.reshape(-1, 784)
    return images[np.arange(count) % len(images)]


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    packages = {}
    for name in ("numpy", "numba", "llvmlite", "onnxruntime"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "missing"
    return {
        "processor": names[0].split(":")[1].strip() if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "instructions": list(isa.available()),
        "load": os.getloadavg()[0],
        "sparse images": DIGITS,
        "python": platform.python_version(),
        **packages,
    }
