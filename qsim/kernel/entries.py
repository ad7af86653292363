"""The compiled entries of the dense engine: for each instruction set one whose layers all have operands of
8 bits, and one for any. Each is compiled when a model first needs it, and kept on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

from ..jit.compiling import cached, sources
from .dense import products
from .dense.layer import any_layer, layer_sums, list_groups, list_groups_512
from .dense.network import RUN, SWEEP, network
from .dense.products import Unit
from .sweep.engine import sweeper


@dataclass(frozen=True)
class InstructionSet:
    """The units for operands of 16 and of 8 bits (or None), and what lists the groups that are not zero."""

    halves: Unit
    octets: Unit | None
    list_groups: Any

    @property
    def lanes(self) -> int:
        return self.halves.lanes


SETS = {
    "avx512vnni": InstructionSet(products.VNNI512_HALVES, products.VNNI512_BYTES, list_groups_512),
    "avxvnni": InstructionSet(products.VNNI256_HALVES, products.VNNI256_BYTES, list_groups),
    "avx2": InstructionSet(products.AVX2_HALVES, None, list_groups),
}

engine: Any = None  # in the globals of each entry, its own


@cache
def engines(isa: str, octets: bool) -> tuple[Any, Any]:
    """What the entries of an instruction set run: through all layers, and all steps of a sweep."""
    own, name = SETS[isa], f"{isa}.{'octets' if octets else 'any'}"
    layer = layer_sums(own.octets) if octets and own.octets else any_layer(isa, own.octets, own.halves)
    return network(name, layer, own.lanes), sweeper(name, own.halves, layer, own.list_groups)


@cache
def run(isa: str, octets: bool, package: str = sources()) -> Any:
    """The entry for classes and logits; `package` is part of the key under which numba keeps it on disk."""

    def run_entry(operands, rows, block, hidden, logits, classes):
        _ = package
        engine(operands, rows, block, hidden, logits, classes)

    return _compiled(run_entry, isa, octets, engines(isa, octets)[0], RUN)


@cache
def sweep(isa: str, octets: bool, package: str = sources()) -> Any:
    """The entry for sweeps; see `run`."""

    def sweep_entry(operands, signs, steps, low, high, rows, block, classes):
        _ = package
        engine(operands, signs, steps, low, high, rows, block, classes)

    return _compiled(sweep_entry, isa, octets, engines(isa, octets)[1], SWEEP)


def _compiled(template: Callable[..., None], isa: str, octets: bool, own: Any, signature: Any) -> Any:
    """A copy of a function with its own `engine` and name: by these numba tells apart what it keeps."""
    assert isinstance(template, FunctionType)
    entry = FunctionType(
        template.__code__, {**globals(), "engine": own}, template.__name__, closure=template.__closure__
    )
    entry.__qualname__ = f"{template.__name__}.{isa}.{'octets' if octets else 'any'}"
    return cached(signature, error_model="numpy")(entry)
