"""Faults drawn by a seed: each place with a chance, or so many of them, or one after another."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import QsimError
from ..model.checks import checked_int
from ..model.model import Model
from .kinds import Kind, Sites, kind_of
from .lists import FaultList, of_model
from .memory import Integers


@dataclass(frozen=True)
class Space:
    """All single faults of one kind in a model, numbered: layer by layer, place by place, value by value.

    A stuck cell has two values, its lowest and its highest level.
    """

    model: Model
    kind: Kind

    @cached_property
    def layers(self) -> tuple[tuple[int, Sites, int], ...]:
        """The layers that have such faults: number, sites, and values of each place."""
        found = []
        for i in range(len(self.model.layers)):
            sites = self.kind.sites(self.model, i)
            if sites is not None:
                found.append((i, sites, sites.values if self.kind.flips else 2))
        if not found:
            raise QsimError(f"{self.kind.name}: no layer of this model has any; another kind is needed")
        return tuple(found)

    @property
    def sizes(self) -> list[int]:
        """How many single faults each of `layers` has."""
        return [sites.places * values for _, sites, values in self.layers]

    def __len__(self) -> int:
        return sum(self.sizes)

    def table(self, numbers: Integers) -> Integers:
        """Layer, indices and value (faults, 2 + axes) of faults by their numbers."""
        rows, start = [], 0
        for (index, sites, values), size in zip(self.layers, self.sizes, strict=True):
            own = numbers[(numbers >= start) & (numbers < start + size)] - start
            place = np.stack(np.unravel_index(own // values, sites.shape), 1)
            value = own % values
            if not self.kind.flips:
                crossbar = self.model.layers[index].crossbar
                assert crossbar is not None
                value = value * crossbar.mapping.top * crossbar.mapping.unit
            rows.append(np.column_stack([np.full(len(own), index), place, value]))
            start += size
        return np.concatenate(rows).astype(np.int64)


def draw(model: Model, kinds: Sequence[str], rate: float, seed: int = 0) -> FaultList:
    """A list in which every place of the kinds is wrong with a chance, independently of all others.

    With one seed, a higher rate keeps the faults of a lower one.

    Parameters
    ----------
    model : Model
    kinds : sequence of str
        Names out of `kinds.KINDS`.
    rate : float
        From 0 to 1: of each bit, or of each cell, stuck at either end alike.
    seed : int

    Raises
    ------
    QsimError
        If the rate is out of range, a kind is unknown, or the model has no such places.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise QsimError(f"fault rate is {rate!r}; 0 to 1 is allowed")
    tables = {}
    for name in kinds:
        kind, parts, start = kind_of(name), [], 0
        space = Space(model, kind)
        for (index, sites, values), size in zip(space.layers, space.sizes, strict=True):
            random = _generator(name, seed, index)
            each = values if kind.flips else 1
            chosen = np.flatnonzero(random.random(sites.places * each) < rate)
            if not kind.flips:
                chosen = chosen * 2 + random.integers(0, 2, sites.places)[chosen]
            parts.append(chosen + start)
            start += size
        tables[name] = space.table(np.concatenate(parts))
    return of_model(model, tables)


def draw_in_order(model: Model, name: str, count: int, seed: int = 0) -> Integers:
    """The first `count` faults (count, 2 + axes) of a random order of all single ones, which a seed names."""
    space = Space(model, kind_of(name))
    checked_int(count, 0, len(space), "number of faults")
    numbers = _generator(name, seed, -1 & 0xFFFF).permutation(len(space))[:count]
    order = np.argsort(numbers, kind="stable")
    table = np.empty((count, len(space.kind.axes) + 2), np.int64)
    table[order] = space.table(numbers[order])
    return table


def _generator(name: str, seed: int, layer: int) -> np.random.Generator:
    """The random numbers of one kind on one layer."""
    checked_int(seed, 0, 1 << 63, "seed")
    return np.random.default_rng([int(seed), zlib.crc32(f"faults {name}".encode()), layer])
