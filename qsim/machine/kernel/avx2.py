"""The engine with AVX2: 8 neurons in a vector, all operands in 16 bits."""

from __future__ import annotations

from typing import Any

from numba import njit

from . import tiles
from .engine import RUN, network, sources

UNIT = tiles.AVX2_HALVES
PANEL = max(tiles.TILES[UNIT.lanes])
HAS_BYTES = False
_run = network(None, UNIT)


def _entry(package: str) -> Any:
    """Compiled at once, or read from the disk where it was compiled from the same sources."""

    @njit(RUN, cache=True, nogil=True, boundscheck=False, error_model="numpy")
    def run(codes, kind, rows, block, hidden, logits, classes):
        _ = package  # part of the key under which numba caches
        _run(codes, kind, rows, block, hidden, logits, classes)

    return run


run = _entry(sources())
