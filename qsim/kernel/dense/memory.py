"""What compiled functions are told about memory: addresses and pitches that belong together, under names."""

from __future__ import annotations

from typing import NamedTuple

from numba import types


class Rows(NamedTuple):
    """Rows in memory: the address of the first, and the bytes from each to the next; 0 if all are one."""

    address: int
    pitch: int


class Groups(NamedTuple):
    """Consecutive groups of operands of a layer: the first, and how many."""

    first: int
    size: int


class Panel(NamedTuple):
    """Vectors of neurons side by side: how many, and where their weights and what sums start from are."""

    vectors: int
    weights: int
    start: int


class Matrix(NamedTuple):
    """Packed weights of bytes: their address, groups of inputs, and vectors of neurons."""

    weights: int
    groups: int
    vectors: int


class Work(NamedTuple):
    """A block's work areas: an address, and offsets from it (see `network.memory_map`)."""

    base: int
    areas: tuple[int, int, int, int, int]


class Results(NamedTuple):
    """Where results go: hidden codes (rows of images), logits and classes; addresses, 0 for nowhere."""

    hidden: Rows
    logits: int
    classes: int


class Line(NamedTuple):
    """Addresses of a panel's intercepts and slopes: acc(step) = intercept + slope * step."""

    intercept: int
    slope: int


class Steps(NamedTuple):
    """The address of steps of an attack, int64, and how many."""

    address: int
    size: int


def numbers(kind: type[tuple[int, ...]], count: int) -> types.NamedUniTuple:
    """The compiled type of one of these whose fields are all numbers."""
    return types.NamedUniTuple(types.intp, count, kind)
