"""Loader: each word of a load stands where it belongs, nothing else changes, and each goes into the CRC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from ..gateware.rom import table
from ..shape.loadable import MemoryShape
from .opened import Opened, word
from .streams import anything

IDENTITY = 0x12345678


def made(m: Module, axi_load: Any, shapes: Sequence[MemoryShape]) -> tuple[Any, list[Memory]]:
    """A loader, not yet elaborated, and the memories that it writes."""
    memories = [table(shape.width, shape.words) for shape in shapes]
    m.submodules += memories
    return axi_load.Loader(shapes, memories, IDENTITY), memories


def written(axi_load: Any, shapes: Sequence[MemoryShape]) -> Module:
    """Any words, in any cycles, begun anew at any time; the loader's user pushes none too many.

    One word of each memory, any, is watched from the cycles in which its pieces come.
    """
    m = Module()
    block, memories = made(m, axi_load, shapes)
    opened = Opened(m, block)
    anything(m, block.start, block.push, block.data)
    words = 1 + sum(shape.words * shape.pieces for shape in shapes)
    count, check = Signal(range(words + 1)), opened.submodule("check")
    m.d.comb += [
        Assume(~(block.push & (block.start | (count == words)))),
        Assert(block.count == count, "the words are counted"),
        Assert(block.complete == (count == words), "complete with the last word"),
        Assert(block.wrong_shape == (block.push & (count == 0) & (block.data != IDENTITY)), "the first word"),
        Assert(block.touched == (block.push & (count != 0)), "every other word is told to touch a memory"),
        Assert(check.start == block.start, "the CRC begins with the load"),
        Assert(check.valid == block.push, "each word goes into the CRC once"),
        Assert(check.data == block.data, "as it is"),
        Assert(block.crc == check.crc, "and the CRC is told"),
    ]
    with m.If(block.push):
        m.d.sync += count.eq(count + 1)
    with m.If(block.start):
        m.d.sync += count.eq(0)
    first = 1
    for shape, memory in zip(shapes, memories, strict=True):
        _watched(m, opened, shape, memory, first, count)
        first += shape.words * shape.pieces
    _inside(m, opened, shapes, count, words)
    return m


def _watched(m: Module, opened: Opened, shape: MemoryShape, memory: Memory, first: int, count: Value) -> None:
    """Any word of one memory, whose first word's first piece is number `first` of a load."""
    place, known, due = Signal(range(shape.words)), Signal(), Signal()
    pieces = [Signal(32, name=f"{shape.name}_piece_{k}") for k in range(shape.pieces)]
    there, wanted = word(m, memory, place), Signal(shape.width)
    start, block = first + place * shape.pieces, opened.block
    m.d.comb += [place.eq(AnyConst(range(shape.words))), Assume(place < shape.words)]
    for k, piece in enumerate(pieces):
        with m.If(block.push & (count == start + k)):
            m.d.sync += piece.eq(block.data)
    whole = Cat(pieces)[: shape.width]
    m.d.sync += [
        due.eq(block.push & (count == start + shape.pieces - 1)),
        wanted.eq(Mux(due, whole, there)),
        known.eq(1),
    ]
    held = opened.signal("held")
    enable, address = opened.signal(f"write_{shape.name}"), opened.signal("address")
    m.d.comb += [
        Assert(~known | (there == wanted), "a word changes with its last piece alone, to its pieces"),
        Assert(~enable | (address < shape.words), "inside: no address beyond the words"),
        Assert((enable & (address == place)) == due, "inside: a word is written once it is complete"),
        Assert(~due | (held[len(held) - 32 * shape.pieces :][: shape.width] == whole), "inside: its pieces"),
    ]
    for n in range(1, shape.pieces):
        came = held[len(held) - 32 * n :]
        m.d.comb += Assert((count != start + n) | (came == Cat(pieces[:n])), "inside: the pieces so far")


def _inside(m: Module, opened: Opened, shapes: Sequence[MemoryShape], count: Value, words: int) -> None:
    """Where the walk through memories, words and pieces stands."""
    memory, address, piece = (opened.signal(name) for name in ("memory", "word", "piece"))
    position = Signal.like(count)
    m.d.comb += position.eq(Mux(count == 0, 0, count - 1))
    first = 0
    for index, shape in enumerate(shapes):
        size = shape.words * shape.pieces
        here = (position >= first) & (position < first + size)
        same = (memory == index) & (position == first + address * shape.pieces + piece)
        bounded = (address < shape.words) & (piece < shape.pieces)
        m.d.comb += Assert(~here | (same & bounded), "inside: the walk follows the count")
        first += size
    m.d.comb += Assert(count <= words, "inside: no word too many")
