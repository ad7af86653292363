"""The compiled entries of the dense engine, two an instruction set: layers of 8-bit operands, and any layers.

The second takes longer to compile. An entry is compiled when a model first needs it and then read from the
disk, until anything in the compiled packages changes; a model is data to it, never code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ..jit.compiling import cached, sources
from .dense import products
from .dense.layer import any_layer, layer_sums, list_groups, list_groups_512
from .dense.network import RUN, SWEEP, network
from .dense.operands import Layout
from .dense.products import Unit
from .dense.tile_layer import tile_sums
from .dense.tile_planes import plane_sums
from .dense.tiles import Amx, TileUnit
from .sweep.engine import sweeper


@dataclass(frozen=True)
class InstructionSet:
    """What an instruction set computes with.

    Parameters
    ----------
    halves : Unit
        What multiplies 16-bit operands.
    octets : Unit or None
        What multiplies bytes, if anything does.
    list_groups : compiled function
        Lists the groups of operands that are not all zero.
    tiles : TileUnit or None
        What multiplies tiles of bytes, if anything does; vectors then have 16 lanes.
    """

    halves: Unit
    octets: Unit | None
    list_groups: Any
    tiles: TileUnit | None = None

    @property
    def lanes(self) -> int:
        """Neurons in a vector."""
        return self.halves.lanes

    @property
    def layout(self) -> Layout:
        """How models are packed for it."""
        return Layout(self.lanes, self.octets is not None, self.tiles is not None)

    def layer(self, name: str, octets: bool) -> Any:
        """The compiled function for a layer's sums, as of `layer_sums`: of bytes alone or of any operands."""
        halves_sums = layer_sums(self.halves)
        bytes_sums = layer_sums(self.octets) if self.octets else halves_sums
        if self.tiles and self.octets:
            bytes_sums = tile_sums(self.tiles, self.octets)
            halves_sums = plane_sums(self.tiles, self.halves)
        return bytes_sums if octets and self.octets else any_layer(name, bytes_sums, halves_sums)


_VNNI512 = InstructionSet(products.VNNI512_HALVES, products.VNNI512_BYTES, list_groups_512)
SETS = {
    "avx512amx": replace(_VNNI512, tiles=Amx()),
    "avx512vnni": _VNNI512,
    "avxvnni": InstructionSet(products.VNNI256_HALVES, products.VNNI256_BYTES, list_groups),
    "avx2": InstructionSet(products.AVX2_HALVES, None, list_groups),
}


@cache
def parts(isa: str, octets: bool) -> tuple[Any, Any]:
    """The compiled functions that the two entries of an instruction set call."""
    own, name = SETS[isa], _named(isa, octets)
    layer = own.layer(isa, octets)
    return network(name, layer, own.lanes), sweeper(name, own.halves, layer, own.list_groups)


@cache
def run(isa: str, octets: bool) -> Any:
    """The entry for classes and logits; arguments as in `network.RUN`."""
    engine = parts(isa, octets)[0]

    def entry(operands, rows, block, hidden, logits, classes):
        engine(operands, rows, block, hidden, logits, classes)

    return _compiled(entry, RUN, f"run.{_named(isa, octets)}")


@cache
def sweep(isa: str, octets: bool) -> Any:
    """The entry for sweeps; arguments as in `network.SWEEP`."""
    engine = parts(isa, octets)[1]

    def entry(operands, signs, steps, low, high, rows, block, classes):
        engine(operands, signs, steps, low, high, rows, block, classes)

    return _compiled(entry, SWEEP, f"sweep.{_named(isa, octets)}")


def _compiled(entry: Callable[..., None], signature: Any, name: str) -> Any:
    entry.__qualname__ = name
    return cached(signature, key=sources(), error_model="numpy")(entry)


def _named(isa: str, octets: bool) -> str:
    return f"{isa}.{'octets' if octets else 'any'}"
