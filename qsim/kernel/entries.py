"""The compiled entries of each instruction set: classes and logits, and sweeps.

An entry is compiled once on a machine and then read from the disk, until anything in the compiled packages
changes; a model is data to it, never code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from ..errors import QsimError
from ..jit.compiling import cached, sources
from .dense import products as tiles
from .dense.layer import any_layer, list_groups, list_groups_512
from .dense.network import RUN, SWEEP, network
from .sweep.engine import sweeper


@dataclass(frozen=True)
class Entries:
    """What an instruction set computes with, and its entries, each compiled when it is first asked for.

    Parameters
    ----------
    name : str
    halves : Unit
        What multiplies 16-bit operands.
    octets : Unit or None
        What multiplies bytes, if anything does.
    listing : compiled function
        Lists the groups of operands that are not all zero.
    """

    name: str
    halves: tiles.Unit
    octets: tiles.Unit | None
    listing: Any

    @property
    def lanes(self) -> int:
        """Neurons in a vector."""
        return self.halves.lanes

    @property
    def panel(self) -> int:
        """Vectors of weights that lie side by side in memory."""
        return tiles.PANEL[self.lanes]

    @cached_property
    def parts(self) -> tuple[Any, Any]:
        """The compiled functions that the two entries call."""
        layer = any_layer(self.name, self.octets, self.halves)
        run = network(self.name, layer, self.lanes)
        return run, sweeper(self.name, self.halves, layer, self.listing)

    @cached_property
    def run(self) -> Any:
        """The compiled entry for classes and logits; arguments as in `network.RUN`."""
        run = self.parts[0]

        def entry(codes, kind, rows, block, hidden, logits, classes):
            run(codes, kind, rows, block, hidden, logits, classes)

        return self._compiled(entry, RUN, "run")

    @cached_property
    def sweep(self) -> Any:
        """The compiled entry for sweeps; arguments as in `network.SWEEP`."""
        sweep = self.parts[1]

        def entry(codes, kind, signs, steps, low, high, rows, block, classes):
            sweep(codes, kind, signs, steps, low, high, rows, block, classes)

        return self._compiled(entry, SWEEP, "sweep")

    def _compiled(self, entry: Callable[..., None], signature: Any, what: str) -> Any:
        entry.__qualname__ = f"{what}.{self.name}"
        return cached(signature, key=sources(), error_model="numpy")(entry)


@cache
def entries(isa: str) -> Entries:
    """The entries of an instruction set of `isa.NEEDS` other than the portable one."""
    made = {
        "avx512vnni": (tiles.VNNI512_HALVES, tiles.VNNI512_BYTES, list_groups_512),
        "avxvnni": (tiles.VNNI256_HALVES, tiles.VNNI256_BYTES, list_groups),
        "avx2": (tiles.AVX2_HALVES, None, list_groups),
    }
    if isa not in made:
        raise QsimError(f"instruction set {isa!r} has no entries; {', '.join(made)} have")
    return Entries(isa, *made[isa])
