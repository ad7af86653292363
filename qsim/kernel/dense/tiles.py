"""Products on matrix tiles: AMX, in x86 servers since 2023, which multiply ten times as fast as vectors.

**Tiles.** Besides its vectors such a processor has eight tile registers of 16 rows x 64 bytes. Four
instructions are all that is needed:

    load     16 rows from memory, each a given number of bytes after the one before; 0 repeats one row
    dot      16 x 16 sums += 16 rows of 64 bytes x 64 rows of 16 bytes
    store    16 rows to memory
    configure, release    say what shape the tiles have; give them back, all zero

`dot` reads its operands so, with m, n, k from 0 to 15 and i from 0 to 3:

    sums[m][n] += codes[m][4k + i] * weights[k][4n + i]      in 32 bits, wrapping

It comes four times, for unsigned and signed bytes on either side. TDPBUSD takes unsigned codes and signed
weights, as vectors do; the others serve operands of 16 bits, byte by byte (see `tile_planes`).

**What lies in them.** Row m of `codes` is an image, 64 input codes of it. Row k of `weights` holds, side by
side for 16 neurons n, their weights for the group of inputs 4k ... 4k + 3. That is how `products` has weights
in memory already, w[group][vector][lane] = 4 bytes: a tile of weights is 16 groups of one vector, loaded from
there, and nothing is packed anew. Sums start from a row of numbers loaded sixteen times, and end in the rows
that vectors would have written. So only the codes are moved (see `tile_layer`).

    one block:            weights 0   weights 1   weights 2        32 images x up to 48 neurons.
      codes 0 (images)     sums 0      sums 1      sums 2          Sums stay in tiles 0 ... 5 while
      codes 1 (images)     sums 3      sums 4      sums 5          16 groups after 16 pass by.

A `dot` starts every 16 cycles, a `load` every 8, and a sum is ready after 52: hence at least four sums at a
time where there are as many, and each operand used for all sums it belongs to. Wherever sums are proved to
fit 32 bits this is exact, like every path here.

Figures of cycles: Intel 64 and IA-32 Architectures Optimization Reference Manual, chapter on AMX; the
instructions: Software Developer's Manual, volume 2, TDPBSSD and its kin, LDTILECFG, TILELOADD.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ...jit.vectors import I8, I64, declared, loop
from .memory import Rows, numbers
from .products import switch

TILES = 8
ROWS = 16  # of a tile: images, or groups of inputs
BYTES = 64  # in a row: 16 groups of input codes, or one for each of 16 neurons
WIDEST = 3  # tiles of neurons in a block, beside two of images
WEIGHTS = TILES - 1  # the tile that weights go through
DOTS = ("tdpbuud", "tdpbusd", "tdpbsud", "tdpbssd")  # by 2 if codes are signed, and 1 if weights are
AS_VECTORS = 1  # unsigned codes, signed weights


def shapes() -> bytes:
    """The 64 bytes for `configure`: palette 1, then the tiles' bytes in a row (16-bit) and rows (8-bit)."""
    widths, heights = BYTES.to_bytes(2, "little") * TILES, bytes([ROWS] * TILES)
    return bytes([1]).ljust(16, b"\0") + widths.ljust(32, b"\0") + heights.ljust(16, b"\0")


class TileUnit(Protocol):
    """What emits the instructions; tiles are named by numbers, `state` is what `configure` gave (i64)."""

    name: str

    def __hash__(self) -> int:
        """Compiled functions are kept for each unit."""

    def configure(self, context: Any, b: Any, config: Any) -> Any:
        """From the address of 64 bytes, see `shapes`."""

    def load(self, context: Any, b: Any, state: Any, tile: int, rows: tuple[Any, Any]) -> None:
        """From Rows in memory."""

    def dot(self, context: Any, b: Any, state: Any, signs: int, tiles: tuple[int, int, int]) -> None:
        """Adds codes x weights to the sums; `tiles` are sums, codes and weights, `signs` is of DOTS."""

    def store(self, context: Any, b: Any, state: Any, tile: int, rows: tuple[Any, Any]) -> None:
        """To Rows in memory."""

    def release(self, context: Any, b: Any, state: Any) -> None:
        """Ends what `configure` began."""


class Amx:
    """The instructions themselves; they need no state."""

    name = "amx"

    def configure(self, context: Any, b: Any, config: Any) -> Any:
        self._emit(b, "ldtilecfg", b.inttoptr(config, I8.as_pointer()))
        return ir.Constant(I64, 0)

    def load(self, context: Any, b: Any, state: Any, tile: int, rows: tuple[Any, Any]) -> None:
        address, pitch = rows
        self._emit(b, "tileloadd64", ir.Constant(I8, tile), b.inttoptr(address, I8.as_pointer()), pitch)

    def dot(self, context: Any, b: Any, state: Any, signs: int, tiles: tuple[int, int, int]) -> None:
        self._emit(b, DOTS[signs], *(ir.Constant(I8, tile) for tile in tiles))

    def store(self, context: Any, b: Any, state: Any, tile: int, rows: tuple[Any, Any]) -> None:
        address, pitch = rows
        self._emit(b, "tilestored64", ir.Constant(I8, tile), b.inttoptr(address, I8.as_pointer()), pitch)

    def release(self, context: Any, b: Any, state: Any) -> None:
        self._emit(b, "tilerelease")

    def _emit(self, b: Any, instruction: str, *operands: Any) -> None:
        kind = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
        b.call(declared(b, f"llvm.x86.{instruction}", kind), operands)


def _block(unit: TileUnit, context: Any, b: Any, how: tuple[int, int], arguments: list[Any]) -> None:
    """Two tiles of images x some of neurons, over all groups; `how` is signs and width, see `block`."""
    state, (codes, pitch), second, (weights, stride), depth, start, sums = arguments
    signs, width = how

    def rows_of(address: Any, pitch: Any) -> list[Any]:
        return [address, b.add(address, b.mul(second, pitch))]

    def step(index: Any, _: list[Any]) -> list[Any]:
        groups = b.mul(index, ir.Constant(I64, ROWS))
        column, panel = b.mul(index, ir.Constant(I64, BYTES)), b.add(weights, b.mul(groups, stride))
        held: dict[int, int] = {}  # which tile of images is in which register
        for v in range(width):
            unit.load(context, b, state, WEIGHTS, (b.add(panel, ir.Constant(I64, v * BYTES)), stride))
            for i in (0, 1) if v % 2 == 0 else (1, 0):  # there and back: the one in hand goes on
                tile = 2 * width + i % (WEIGHTS - 2 * width)
                if held.get(tile) != i:
                    unit.load(context, b, state, tile, (b.add(images[i], column), pitch))
                    held[tile] = i
                unit.dot(context, b, state, signs, (i * width + v, tile, WEIGHTS))
        return []

    def each_sum(move: Callable[..., None], rows: tuple[Any, Any]) -> None:
        for v in range(width):
            for i, address in enumerate(rows_of(*rows)):
                move(context, b, state, i * width + v, (b.add(address, ir.Constant(I64, v * BYTES)), rows[1]))

    images = rows_of(codes, pitch)
    each_sum(unit.load, start)
    loop(b, depth, [], step)
    each_sum(unit.store, sums)


def tiles(unit: TileUnit, kinds: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Three functions to compile in, `configure`, `block` and `release`; `kinds` are indices of DOTS in use.

    configure():
        A number, the state for the others, valid as long as the function that calls it runs.
    block(state, signs, width, codes, second, weights, depth, start, sums):
        Sums of 16 images from the first of Rows `codes` on and of 16 from row `second` on, for 1 to WIDEST
        tiles of neurons, over `depth` tiles of groups; `signs` is one of the kinds. Sums start from the int32
        of Rows `start` and go to Rows `sums`, the same rows as of codes. Both may be the same: all are read
        before any is written. Rows of `weights` are groups. All of each tile is read: codes beyond the groups
        must be 0, and what weights are there does not matter.
    release(state)
    """
    ways = {kind * (WIDEST + 1) + width: (kind, width) for kind in kinds for width in range(1, WIDEST + 1)}

    @intrinsic
    def configure(context):
        def emit(context, b, signature, arguments):
            config = cgutils.global_constant(
                b.module, "qsim.tile.shapes", ir.Constant(ir.ArrayType(I8, 64), bytearray(shapes()))
            )
            return unit.configure(context, b, b.ptrtoint(config, I64))

        return types.intp(), emit

    @intrinsic
    def block(context, state, signs, width, codes, second, weights, depth, start, sums):
        def emit(context, b, signature, arguments):
            state, signs, width, codes, second, weights, depth, start, sums = arguments
            codes, weights, start, sums = (
                cgutils.unpack_tuple(b, given, 2) for given in (codes, weights, start, sums)
            )
            way = b.add(b.mul(signs, ir.Constant(I64, WIDEST + 1)), width)
            rest = [state, codes, second, weights, depth, start, sums]
            switch(b, way, lambda n: _block(unit, context, b, ways[n], rest), ways)
            return context.get_dummy_value()

        number, rows = types.intp, numbers(Rows, 2)
        return types.void(number, number, number, rows, number, rows, number, rows, rows), emit

    @intrinsic
    def release(context, state):
        def emit(context, b, signature, arguments):
            unit.release(context, b, arguments[0])
            return context.get_dummy_value()

        return types.void(types.intp), emit

    return configure, block, release
