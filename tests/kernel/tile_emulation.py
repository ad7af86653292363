"""Matrix tiles in plain loops, for processors without them: Intel's definition, step by step.

`Emulated` is a `TileUnit`. Its state is memory of the calling function: the configuration, a byte that says
whether the processor would have refused anything so far, and the tiles. What was refused spoils all that is
stored afterwards.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: LDTILECFG, TILELOADD,
TILESTORED, TDPBUUD, TDPBUSD, TDPBSUD, TDPBSSD, TILERELEASE.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils

from qsim.jit.vectors import I8, I64, pointer

ROW, TILE = 64, 1024  # bytes
REFUSED = 64  # where the state says so
FIRST = 128  # where its tiles begin
SIZE = FIRST + 8 * TILE
SPOILT = 0x5A
BEYOND = 99  # around what may be written


def aligned(size: int, fill: int) -> np.ndarray:
    """Bytes that start at a cache line."""
    room = np.full(size + 64, fill, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size]


@njit
def height(state, tile):
    """Rows of a tile."""
    return np.int64(pointer(state, np.uint8)[48 + tile])


@njit
def width(state, tile):
    """Bytes in each."""
    return np.int64(pointer(state + 16, np.uint16)[tile])


@njit
def row(state, tile, m):
    """The address of a row."""
    return state + FIRST + tile * TILE + m * ROW


@njit
def configure(state, config):
    """LDTILECFG: copies and checks the shapes; all tiles become zero."""
    given, own = pointer(config, np.uint8), pointer(state, np.uint8)
    for i in range(SIZE):
        own[i] = given[i] if i < 64 else 0
    refused = given[0] != 1 or given[1] > 16
    for i in range(2, 64):
        reserved = i < 16 or 32 <= i < 48 or i >= 56
        refused |= reserved and given[i] != 0
    for tile in range(8):
        rows, size = height(state, tile), width(state, tile)
        refused |= rows > 16 or size > 64 or (rows == 0) != (size == 0)
    own[REFUSED] = refused


@njit
def load(state, tile, address, pitch):
    """TILELOADD: what lies outside the tile's shape becomes zero."""
    if height(state, tile) == 0:
        pointer(state, np.uint8)[REFUSED] = 1
    for m in range(16):
        source, target = pointer(address + m * pitch, np.uint8), pointer(row(state, tile, m), np.uint8)
        for i in range(ROW):
            inside = m < height(state, tile) and i < width(state, tile)
            target[i] = source[i] if inside else 0


@njit
def store(state, tile, address, pitch):
    """TILESTORED."""
    spoilt = pointer(state, np.uint8)[REFUSED] or height(state, tile) == 0
    for m in range(height(state, tile)):
        source, target = pointer(row(state, tile, m), np.uint8), pointer(address + m * pitch, np.uint8)
        for i in range(width(state, tile)):
            target[i] = SPOILT if spoilt else source[i]


@njit
def number(byte, signed):
    """A byte's value."""
    return np.int32(byte) - np.int32(256 if signed and byte > 127 else 0)


@njit
def dot(state, signs, sums, codes, weights):
    """TDPBUUD, TDPBUSD, TDPBSUD or TDPBSSD sums, codes, weights, for signs of 0 to 3."""
    refused = sums in (codes, weights) or codes == weights
    for tile in (sums, codes, weights):
        refused |= height(state, tile) == 0 or width(state, tile) % 4 != 0
    refused |= height(state, codes) != height(state, sums)
    refused |= width(state, weights) != width(state, sums)
    refused |= 4 * height(state, weights) != width(state, codes)
    if refused:
        pointer(state, np.uint8)[REFUSED] = 1
        return
    for m in range(height(state, sums)):
        a, c = pointer(row(state, codes, m), np.uint8), pointer(row(state, sums, m), np.int32)
        for k in range(width(state, codes) // 4):
            b = pointer(row(state, weights, k), np.uint8)
            for n in range(width(state, sums) // 4):
                for i in range(4):
                    c[n] += number(a[4 * k + i], signs & 2) * number(b[4 * n + i], signs & 1)
        for n in range(width(state, sums) // 4, 16):
            c[n] = 0
    for m in range(height(state, sums), 16):
        c = pointer(row(state, sums, m), np.int32)
        for n in range(16):
            c[n] = 0


@njit
def release(state):
    """TILERELEASE: no shapes, so that whatever follows is refused."""
    own = pointer(state, np.uint8)
    for i in range(SIZE):
        own[i] = 0


class Emulated:
    """A `TileUnit` of the functions above; its name changes with them, as that of compiled code must."""

    name = "emulated-" + hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]

    def configure(self, context: Any, b: Any, config: Any) -> Any:
        state = b.ptrtoint(cgutils.alloca_once(b, ir.ArrayType(I8, SIZE)), I64)
        self._call(context, b, configure, state, config)
        return state

    def load(self, context: Any, b: Any, state: Any, tile: int, rows: tuple[Any, Any]) -> None:
        self._call(context, b, load, state, ir.Constant(I64, tile), *rows)

    def dot(self, context: Any, b: Any, state: Any, signs: int, tiles: tuple[int, int, int]) -> None:
        self._call(context, b, dot, state, *(ir.Constant(I64, number) for number in (signs, *tiles)))

    def store(self, context: Any, b: Any, state: Any, tile: int, rows: tuple[Any, Any]) -> None:
        self._call(context, b, store, state, ir.Constant(I64, tile), *rows)

    def release(self, context: Any, b: Any, state: Any) -> None:
        self._call(context, b, release, state)

    def _call(self, context: Any, b: Any, function: Callable[..., None], *arguments: Any) -> None:
        """A call that stays one: spelled out at each place, the loops would take minutes to compile."""
        kind = types.void(*[types.intp] * len(arguments))
        compiled = context.compile_subroutine(b, function.py_func, kind)  # type: ignore[attr-defined]
        target = context.declare_function(b.module, compiled.fndesc)
        context.call_conv.call_function(b, target, types.void, kind.args, arguments, attrs=("noinline",))


class Doubling(Emulated):
    """Tiles that add every product twice."""

    name = Emulated.name + "-doubling"

    def dot(self, context: Any, b: Any, state: Any, signs: int, tiles: tuple[int, int, int]) -> None:
        for _ in range(2):
            super().dot(context, b, state, signs, tiles)
