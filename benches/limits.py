"""The most that the processor multiplies: loops of its dot-product instructions that touch no memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from qsim import Model
from qsim.jit.vectors import I32, I64, loop
from qsim.kernel import isa
from qsim.kernel.dense import products, tiles

SUMS = 24  # independent sums of vectors: enough to hide the latency of one instruction
TILE_SUMS = 4  # of tiles, which need fewer
TURNS = 200_000


@dataclass(frozen=True)
class Limit:
    """What one unit does with operands of so many bits: `run(turns)` is `turns * each` multiplications.

    Neurons go by `lanes`.
    """

    unit: str
    bits: int
    run: Callable[[int], Any]
    each: int
    lanes: int

    @property
    def name(self) -> str:
        """As rows name it."""
        return f"{self.unit}, {self.bits} bits"

    def burn(self) -> None:
        """TURNS turns."""
        self.run(TURNS)

    @property
    def count(self) -> int:
        """Multiplications of one call of `burn`."""
        return TURNS * self.each

    def images(self, model: Model) -> int:
        """The same as images of a network, whose first layer's neurons leave the last vector's rest idle."""
        neurons = model.layers[0].outputs
        used = neurons / (-(-neurons // self.lanes) * self.lanes)
        return round(self.count * used / sum(layer.weights.size for layer in model.layers))


@cache
def limits() -> tuple[Limit, ...]:
    """Of the instructions in use, the best first; vectors follow tiles; () for portable loops."""
    name = isa.choose()
    if name == "avx512amx":
        return _tiles(tiles.Amx()), *_vnni512()
    if name == "avx512vnni":
        return _vnni512()
    if name == "avxvnni":
        octets = _vectors("AVX-VNNI", 8, products.VNNI256_BYTES)
        return octets, _vectors("AVX-VNNI", 16, products.VNNI256_HALVES)
    return (_vectors("AVX2", 16, products.AVX2_HALVES),) if name == "avx2" else ()


def best() -> tuple[Limit, ...]:
    """Those for operands as narrow as the best unit's."""
    return tuple(limit for limit in limits() if limit.bits == limits()[0].bits)


def _vnni512() -> tuple[Limit, Limit]:
    octets = _vectors("AVX-512 VNNI", 8, products.VNNI512_BYTES)
    return octets, _vectors("AVX-512 VNNI", 16, products.VNNI512_HALVES)


def _vectors(name: str, bits: int, unit: products.Unit) -> Limit:
    @intrinsic
    def burn(context, count, start):  # type: ignore[no-untyped-def]
        def emit(context, b, signature, arguments):  # type: ignore[no-untyped-def]
            lanes = ir.VectorType(I32, unit.lanes)
            one = b.insert_element(
                ir.Constant(lanes, [1] * unit.lanes), b.trunc(arguments[1], I32), ir.Constant(I32, 0)
            )
            start = [b.add(one, ir.Constant(lanes, [i] * unit.lanes)) for i in range(SUMS)]
            sums = loop(b, arguments[0], start, lambda _, acc: [unit.emit(b, a, a, one) for a in acc])
            total = sums[0]
            for other in sums[1:]:
                total = b.add(total, other)
            return b.sext(b.extract_element(total, ir.Constant(I32, 0)), I64)

        return types.int64(types.int64, types.int64), emit

    @njit(nogil=True)
    def run(count):  # type: ignore[no-untyped-def]
        return burn(count, count)

    return Limit(name, bits, run, SUMS * unit.lanes * (8 * products.GROUP // bits), unit.lanes)


def _tiles(unit: tiles.TileUnit) -> Limit:
    configure, _, release = tiles.tiles(unit, ())

    @intrinsic
    def burn(context, state, count):  # type: ignore[no-untyped-def]
        def emit(context, b, signature, arguments):  # type: ignore[no-untyped-def]
            def turn(_: Any, none: list[Any]) -> list[Any]:
                for tile in range(TILE_SUMS):
                    codes, weights = TILE_SUMS + tile // 2, TILE_SUMS + 2 + tile % 2
                    unit.dot(context, b, arguments[0], tiles.AS_VECTORS, (tile, codes, weights))
                return none

            loop(b, arguments[1], [], turn)
            return context.get_dummy_value()

        return types.void(types.intp, types.int64), emit

    @njit(nogil=True)
    def run(count):  # type: ignore[no-untyped-def]
        state = configure()
        burn(state, count)
        release(state)

    return Limit("AMX", 8, run, TILE_SUMS * tiles.ROWS * tiles.ROWS * tiles.BYTES, tiles.ROWS)
