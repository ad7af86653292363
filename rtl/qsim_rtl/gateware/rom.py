"""A memory that the engine only reads; what it holds comes from `memory_image`."""

from __future__ import annotations

from amaranth.hdl import unsigned
from amaranth.lib.memory import Memory


def table(width: int, words: int) -> Memory:
    """A memory of `words` words of `width` bits; never less than two, so that it has an address."""
    return Memory(shape=unsigned(width), depth=max(2, words), init=[])
