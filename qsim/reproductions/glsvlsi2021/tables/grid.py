"""Rows as an array over activation, bits, seed and strength, and what resampling the seeds says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ....errors import QsimError
from ..run.tasks import UNROUNDED
from .columns import Columns

RESAMPLES = 400
COVERAGE = 95  # per cent

Reals = npt.NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Cube:
    """A field of the rows of a data set, variant and path: `values` (activations, bits, seeds, strengths)."""

    dataset: str
    activations: tuple[str, ...]
    bits: tuple[int, ...]
    seeds: tuple[int, ...]
    epsilons: Reals
    values: Reals

    def of(self, activation: str) -> Cube:
        """One activation's part."""
        i = self.activations.index(activation)
        return replace(self, activations=(activation,), values=self.values[i : i + 1])

    def at(self, *bits: int) -> Cube:
        """Some widths' part."""
        return replace(self, bits=bits, values=self.values[:, [self.bits.index(q) for q in bits]])

    def like(self, other: Cube) -> Cube:
        """The part at another cube's activations, widths and seeds."""
        chosen = (
            [self.activations.index(a) for a in other.activations],
            [self.bits.index(q) for q in other.bits],
            [self.seeds.index(s) for s in other.seeds],
        )
        return replace(other, epsilons=self.epsilons, values=self.values[np.ix_(*chosen)])

    def rounded(self) -> Cube:
        """The part without the network that was trained without rounding."""
        return self.at(*(q for q in self.bits if q != UNROUNDED))

    def between(self, low: float, high: float) -> Cube:
        """The strengths from `low` to `high`, both included."""
        chosen = (self.epsilons >= low - 1e-9) & (self.epsilons <= high + 1e-9)
        return replace(self, epsilons=self.epsilons[chosen], values=self.values[..., chosen])


def cube(rows: Columns, dataset: str, variant: str, path: str, field: str = "accuracy") -> Cube:
    """The cube of a field; every combination of its axes must have exactly one row."""
    chosen = (rows["dataset"] == dataset) & (rows["variant"] == variant) & (rows["path"] == path)
    part = {name: rows[name][chosen] for name in ("activation", "bits", "seed", "epsilon", field)}
    axes, values = gathered(part, ("activation", "bits", "seed", "epsilon"), field)
    if chosen.sum() != values.size or np.isnan(values).any():
        raise QsimError(
            f"rows of {dataset}, {variant}, {path}: {chosen.sum()} found, {values.size} are needed"
        )
    activations, bits, seeds, epsilons = axes
    names = tuple(str(a) for a in activations), tuple(int(b) for b in bits), tuple(int(s) for s in seeds)
    return Cube(dataset, *names, epsilons, values)


def gathered(table: Columns, names: Sequence[str], field: str) -> tuple[list[npt.NDArray[Any]], Reals]:
    """A field as an array over the values of some columns, nan where there is no row; those values first."""
    pairs = [np.unique(table[name], return_inverse=True) for name in names]
    values = np.full([len(labels) for labels, _ in pairs], np.nan)
    values[tuple(inverse for _, inverse in pairs)] = table[field]
    return [labels for labels, _ in pairs], values


def mean_of(values: Reals) -> Reals:
    """Over the seeds."""
    return values.mean(axis=2)


def bootstrap(statistic: Callable[..., float], *cubes: Cube) -> tuple[float, Interval | None]:
    """A figure and its 95 % interval over seeds; no interval where there is but one seed, or no figure.

    `statistic` gets each cube's mean over seeds (activations, bits, strengths). The seeds are resampled,
    all cubes alike, so that what a seed has in common cancels.
    """
    figure = float(statistic(*(mean_of(c.values) for c in cubes)))
    count = len(cubes[0].seeds)
    if count < 2 or math.isnan(figure):
        return figure, None
    rng = np.random.default_rng(0)
    draws: list[float] = []
    for _ in range(RESAMPLES):
        picked = rng.integers(0, count, count)
        draws.append(statistic(*(mean_of(c.values[:, :, picked]) for c in cubes)))
    tail = (100 - COVERAGE) / 2
    low, high = np.nanpercentile(draws, [tail, 100 - tail])
    return figure, (float(low), float(high))
