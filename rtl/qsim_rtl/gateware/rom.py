"""Memories that the engine only reads, as the memory map has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from amaranth.hdl import unsigned
from amaranth.lib.memory import Memory

from ..memory.memory_spec import MemorySpec


def table(width: int, words: int) -> Memory:
    """A memory of `words` words of `width` bits; never less than two, so that it has an address."""
    return Memory(shape=unsigned(width), depth=max(2, words), init=[])


def tables(specs: Iterable[MemorySpec]) -> dict[str, Memory]:
    """The memories of a block by name, still empty."""
    return {spec.name: table(spec.width, spec.words) for spec in specs}


def joined(blocks: Mapping[str, Any]) -> dict[str, Memory]:
    """The memories of submodules, each by its path in a netlist."""
    return {f"{name}_{own}": m for name, block in blocks.items() for own, m in block.memories.items()}
