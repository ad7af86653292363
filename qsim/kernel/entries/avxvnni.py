"""The engine with VNNI in 256 bits: 8 neurons in a vector."""

from __future__ import annotations

from functools import cache
from typing import Any

from ...jit.compiling import cached, sources
from ..dense import products as tiles
from ..dense.layer import any_layer, list_groups
from ..dense.network import RUN, SWEEP, network
from ..sweep.engine import sweeper

NAME = "avxvnni"
UNIT = tiles.VNNI256_HALVES
PANEL = tiles.PANEL[UNIT.lanes]
HAS_BYTES = True
_layer = any_layer(NAME, tiles.VNNI256_BYTES, UNIT)
_run, _sweep = network(NAME, _layer, UNIT.lanes), sweeper(NAME, UNIT, _layer, list_groups)
# `package` is part of the key under which numba caches what it compiles


@cache
def run(package: str = sources()) -> Any:
    """The compiled entry for classes and logits, from the disk where nothing in the package has changed."""

    @cached(RUN, error_model="numpy")
    def entry(codes, kind, rows, block, hidden, logits, classes):
        _ = package
        _run(codes, kind, rows, block, hidden, logits, classes)

    return entry


@cache
def sweep(package: str = sources()) -> Any:
    """The compiled entry for sweeps."""

    @cached(SWEEP, error_model="numpy")
    def entry(codes, kind, signs, steps, low, high, rows, block, classes):
        _ = package
        _sweep(codes, kind, signs, steps, low, high, rows, block, classes)

    return entry
