"""Writes the memories of an engine from the words of a load, one after another, and checks their CRC."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...shape.loadable import MemoryShape


class Loader(wiring.Component):
    """Takes a load: the shape's name, then every word of every memory in 32-bit pieces, lowest first.

    Ports
    -----
    start : in, forgets an unfinished load and expects the first word
    data, push : in, a word in the cycle in which `push` is high
    complete : out, all words have come; one more must not
    crc : out, the CRC-32 of the words so far, from the second cycle after a push on
    count : out, words so far
    wrong_shape : out, high for the cycle of a first word that is not `identity`
    touched : out, high while a word changes a memory
    """

    def __init__(self, shapes: Sequence[MemoryShape], memories: Sequence[Memory], identity: int) -> None:
        self.shapes, self.identity = shapes, identity
        self.ports = [memory.write_port() for memory in memories]
        self.words = 1 + sum(shape.words * shape.pieces for shape in shapes)
        super().__init__(
            {
                "start": In(1),
                "data": In(32),
                "push": In(1),
                "complete": Out(1),
                "crc": Out(32),
                "count": Out(range(self.words + 1)),
                "wrong_shape": Out(1),
                "touched": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.check = check = CRC32_ETHERNET(data_width=32).create()
        first = Signal()
        m.d.comb += [
            first.eq(self.count == 0),
            self.complete.eq(self.count == self.words),
            self.wrong_shape.eq(self.push & first & (self.data != self.identity)),
            self.touched.eq(self.push & ~first),
            check.start.eq(self.start),
            check.data.eq(self.data),
            check.valid.eq(self.push),
            self.crc.eq(check.crc),
        ]
        with m.If(self.push):
            m.d.sync += self.count.eq(self.count + 1)
        with m.If(self.start):
            m.d.sync += self.count.eq(0)
        self._walk(m, first)
        return m

    def _walk(self, m: Module, first: Signal) -> None:
        """Memory after memory, word after word, piece after piece; a word's last piece writes it."""
        memory = Signal(range(len(self.shapes)))
        word = Signal(range(max(shape.words for shape in self.shapes)))
        piece = Signal(range(max(shape.pieces for shape in self.shapes)))
        ends_word, ends_memory = Signal(), Signal()
        m.d.comb += [
            ends_word.eq(piece == Array([shape.pieces - 1 for shape in self.shapes])[memory]),
            ends_memory.eq(word == Array([shape.words - 1 for shape in self.shapes])[memory]),
        ]
        with m.If(self.touched):
            m.d.sync += piece.eq(Mux(ends_word, 0, piece + 1))
            with m.If(ends_word):
                m.d.sync += word.eq(Mux(ends_memory, 0, word + 1))
                with m.If(ends_memory):
                    m.d.sync += memory.eq(memory + 1)
        with m.If(self.start):
            m.d.sync += [memory.eq(0), word.eq(0), piece.eq(0)]

        held = Signal(32 * max(1, *(shape.pieces for shape in self.shapes)), reset_less=True)
        address = Signal.like(word, reset_less=True)
        with m.If(self.touched):
            m.d.sync += [held.eq(Cat(held[32:], self.data)), address.eq(word)]
        for index, (shape, port) in enumerate(zip(self.shapes, self.ports, strict=True)):
            enable = Signal(name=f"write_{shape.name}")
            m.d.sync += enable.eq(self.touched & ends_word & (memory == index))
            value = held[len(held) - 32 * shape.pieces :]
            m.d.comb += [port.en.eq(enable), port.addr.eq(address), port.data.eq(value)]
