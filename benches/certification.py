"""Certification beside a mixed integer programme of all the network: `python -m benches.certification FILE`.

The programme is what one would write by hand: integer inputs, an accumulator each, and for each threshold
that the accumulator can cross a binary variable with big-M constraints from exact interval bounds. HiGHS
decides for each rival that intervals leave open whether it can win. Both get the same images in turn, on one
core, and the same seconds of it an image.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

import qsim
from qsim.certification.branch import Effort
from qsim.certification.cells import cell_of, unsplit, whole_bound
from qsim.certification.counterexamples import box_of
from qsim.certification.dual import Cell
from qsim.certification.ladder import Certifier
from qsim.certification.network import Arrays, Margin


class Programme:
    """Rows and columns of a programme as they come."""

    def __init__(self) -> None:
        self.low: list[float] = []
        self.high: list[float] = []
        self.whole: list[int] = []
        self.rows: list[tuple[list[int], list[float], float, float]] = []

    def variable(self, low: float, high: float, whole: bool) -> int:
        self.low.append(low)
        self.high.append(high)
        self.whole.append(int(whole))
        return len(self.low) - 1

    def require(self, columns: list[int], factors: list[float], low: float, high: float) -> None:
        self.rows.append((columns, factors, low, high))

    def solve(self, seconds: float) -> str:
        """`robust` if nothing is feasible, `broken` if something is, else `unknown`."""
        counts = np.cumsum([0, *(len(columns) for columns, *_ in self.rows)])
        columns = np.concatenate([columns for columns, *_ in self.rows])
        factors = np.concatenate([factors for _, factors, *_ in self.rows])
        matrix = sparse.csr_array((factors, columns, counts), shape=(len(self.rows), len(self.low)))
        limits = LinearConstraint(matrix, [row[2] for row in self.rows], [row[3] for row in self.rows])
        found = milp(
            np.zeros(len(self.low)),
            integrality=self.whole,
            bounds=Bounds(self.low, self.high),
            constraints=limits,
            options={"time_limit": max(seconds, 0.01)},
        )
        return "robust" if found.status == 2 else "broken" if found.x is not None else "unknown"


def programme(arrays: Arrays, margin: Margin, cell: Cell) -> Programme:
    """Feasible where an image of the box exists that the rival wins."""
    made = Programme()
    box = zip(cell.box_low.tolist(), cell.box_high.tolist(), strict=True)
    codes = [made.variable(low, high, True) for low, high in box]
    for layer in range(len(arrays.at)):
        width, units = int(arrays.widths[layer]), int(arrays.widths[layer + 1])
        rows = arrays.weights[arrays.at[layer] :][: units * width].reshape(units, width)
        codes = [
            _neuron(made, arrays, cell, int(arrays.first[layer]) + j, codes, rows[j]) for j in range(units)
        ]
    made.require(codes, margin.factors.astype(float).tolist(), -np.inf, float(margin.most - margin.constant))
    return made


def _neuron(made: Programme, arrays: Arrays, cell: Cell, q: int, below: list[int], row: Any) -> int:
    """The column of a neuron's code."""
    low, high = float(cell.low[q]), float(cell.high[q])
    thresholds = arrays.thresholds[arrays.start[q] : arrays.stop[q]]
    first, last = np.searchsorted(thresholds, [low, high], side="right")
    code = made.variable(float(first), float(last), True)
    if first == last:
        return code
    acc = made.variable(low, high, False)
    bias = float(arrays.bias[q])
    made.require([*below, acc], [*row.tolist(), -1.0], -bias, -bias)
    steps = [made.variable(0, 1, True) for _ in range(first, last)]
    for step, threshold in zip(steps, thresholds[first:last].astype(float).tolist(), strict=True):
        made.require([acc, step], [1.0, low - threshold], low, np.inf)
        made.require([acc, step], [1.0, threshold - 1 - high], -np.inf, threshold - 1)
    made.require([code, *steps], [1.0, *[-1.0] * len(steps)], float(first), float(first))
    return code


def by_programme(certifier: Certifier, image: Any, label: int, radius: int, seconds: float) -> str:
    """An image decided by HiGHS alone, rival by rival."""
    arrays, started = certifier.arrays, time.thread_time()
    cell = cell_of(arrays, unsplit(arrays, *box_of(certifier.model, image, radius)))
    assert cell is not None
    verdict, zero = "robust", np.zeros(len(arrays.bias), np.int64)
    for margin in certifier.margins[label]:
        if whole_bound(arrays, margin, 1, zero, cell) > margin.most:
            continue
        found = programme(arrays, margin, cell).solve(seconds - (time.thread_time() - started))
        if found == "broken":
            return found
        verdict = found if found == "unknown" else verdict
    return verdict


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.certification", description=__doc__)
    parser.add_argument("file", type=Path, help="a model for MNIST")
    parser.add_argument("--radius", type=int, default=3)
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0, help="of one core, an image")
    chosen = parser.parse_args()
    certifier = Certifier(qsim.load(chosen.file))
    codes, labels = qsim.data.mnist("test")
    effort = Effort(10**9, chosen.seconds)
    engines: dict[str, Callable[[Any, int], str]] = {
        "qsim": lambda image, label: certifier.decide(image, label, chosen.radius, effort).verdict,
        "HiGHS": lambda image, label: by_programme(certifier, image, label, chosen.radius, chosen.seconds),
    }
    engines["qsim"](codes[0].astype(np.int64), int(labels[0]))  # compiles
    verdicts: dict[str, list[str]] = {name: [] for name in engines}
    times: dict[str, list[float]] = {name: [] for name in engines}
    for row in range(chosen.images):
        for name, decide in engines.items():
            started = time.process_time()
            verdicts[name].append(decide(codes[row].astype(np.int64), int(labels[row])))
            times[name].append(time.process_time() - started)
        pair = [verdicts[name][-1] for name in engines]
        assert "unknown" in pair or len(set(pair)) == 1, f"image {row}: {pair}"
    print(f"{chosen.file.stem} at {chosen.radius} LSB, {chosen.images} images, {chosen.seconds:g} s an image")
    for name in engines:
        count = ", ".join(f"{n} {verdict}" for verdict, n in sorted(Counter(verdicts[name]).items()))
        print(f"{name:6} {count}; median {median(times[name]):.3f} s, all {sum(times[name]):.1f} s")


if __name__ == "__main__":
    main()
