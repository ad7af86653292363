"""The analog part of a tile: column currents, for `pe` columns and `simd` rows a cycle."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...memory.crossbar import cells
from ...shape.crossbar import CrossbarShape, near
from ..frame_buffer import FrameBuffer
from ..rom import tables
from ..stream.beat import beats
from ..stream.pipeline import delayed
from .read_tag import cell_write, place


class CrossbarColumns(wiring.Component):
    """Column currents: the sum of cell x digit over the rows of one tile, for one slice and digit.

    A frame is taken in groups of `pe` columns, these in slices, these in digits, these in tiles: one
    read each, every `tile_beats` advances (fewer for a last tile that is smaller). Input codes count
    from the smallest code of their format. The first currents of an isolated frame are there
    `tile_beats` + 4 cycles after the frame's last input beat.

    Ports
    -----
    i : stream of `simd` codes; see `FrameBuffer`, also for `checked`
    advance : in, whether all but the writing of frames moves in this cycle
    place : out, of the read whose currents are there; see `place`
    currents : out, `pe` sums, unsigned, in units of 2**`scale_bits`
    short_frame, long_frame : out; see `FrameBuffer`
    first_image : in, the number of the first frame after a reset; constant between resets
    cell_write : in, without effect unless there is to be a `cell_port`; see `cell_write`

    Attributes
    ----------
    cells : list of `pe` lists of Memory of groups x slices x beats words
        The memories of a list stand side by side, each `NEAR` lanes wide: lane s of word (g, k, b)
        of list p is the cell of row b * simd + s in the column that is read as number g * pe + p, in
        slice k; 0 where there is no such row or column.
    """

    def __init__(self, shape: CrossbarShape, cell_port: bool = True, checked: bool = True) -> None:
        self.shape = shape
        self.cell_port, self.checked = cell_port, checked
        banks = [tables(cells(shape, p)) for p in range(shape.pe)]
        self.memories = {name: memory for bank in banks for name, memory in bank.items()}
        self.cells = [[*bank.values()] for bank in banks]
        self.current = unsigned(shape.sum_bits)
        code = Shape(shape.code_bits, shape.code_signed)
        super().__init__(
            {
                "i": In(beats(data.ArrayLayout(code, shape.simd))),
                "advance": In(1),
                "place": Out(place(shape)),
                "currents": Out(data.ArrayLayout(self.current, shape.pe)),
                "short_frame": Out(1),
                "long_frame": Out(1),
                "first_image": In(32),
                "cell_write": In(cell_write(shape)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = FrameBuffer(self.shape, self.checked)
        wiring.connect(m, wiring.flipped(self.i), buffer.i)
        m.d.comb += [
            self.short_frame.eq(buffer.short_frame),
            self.long_frame.eq(buffer.long_frame),
            buffer.read.eq(self.advance),
        ]
        addressed, starts_tile, address = self._walk(m, buffer)
        fetched = delayed(m, self.advance, addressed, name="fetched")
        loaded = delayed(m, self.advance, fetched, name="loaded")
        added = delayed(m, self.advance, loaded, name="added")
        accumulated = delayed(m, self.advance, added, name="accumulated")
        m.d.comb += self.place.eq(accumulated)

        digits = [self._digit(buffer.codes[lane], fetched.digit) for lane in range(self.shape.simd)]
        digits = [delayed(m, self.advance, digit, name=f"digit{s}") for s, digit in enumerate(digits)]
        starts = delayed(m, self.advance, starts_tile, 3, name="starts_tile")
        for p in range(self.shape.pe):
            self._add(m, p, address, digits, starts)
        return m

    def _walk(self, m: Module, buffer: FrameBuffer) -> tuple[data.View, Value, Value]:
        """Count through groups, slices, digits and beats while a frame is there; the cells' address.

        The second result tells whether the beat is a tile's first.
        """
        shape = self.shape
        stage = Signal(place(shape), name="addressed")
        beat, row = Signal(range(shape.beats)), Signal(range(shape.tile_beats))
        base = Signal(range(max(2, shape.cell_words)))
        tile, frames = Signal(range(shape.tiles)), Signal(32)
        step, ends_beats, ends_tile = Signal(), Signal(), Signal()
        m.d.comb += [
            step.eq(self.advance & buffer.filled),
            ends_beats.eq(beat == shape.beats - 1),
            ends_tile.eq(ends_beats | (row == shape.tile_beats - 1)),
            buffer.beat.eq(beat),
        ]
        with m.If(step):
            m.d.sync += [beat.eq(Mux(ends_beats, 0, beat + 1)), row.eq(Mux(ends_tile, 0, row + 1))]
        with m.If(step & ends_tile):
            m.d.sync += tile.eq(Mux(ends_beats, 0, tile + 1))

        counters, ends, zero = {}, {"beat": ends_beats}, Const(1)
        wraps: Value = ends_beats
        for name, count in (("digit", shape.digits), ("slice", shape.slices), ("group", shape.groups)):
            counter = counters[name] = Signal(range(count), name=name)
            with m.If(step & wraps):
                m.d.sync += counter.eq(Mux(counter == count - 1, 0, counter + 1))
            wraps = ends[name] = wraps & (counter == count - 1)
            if name != "group":
                zero = zero & (counter == 0)
        with m.If(step & ends["digit"]):
            m.d.sync += base.eq(Mux(ends["group"], 0, base + shape.beats))
        with m.If(step & ends["group"]):
            m.d.sync += frames.eq(frames + 1)
        m.d.comb += [
            buffer.release.eq(step & ends["group"]),
            stage.valid.eq(buffer.filled & ends_tile),
            stage.starts_group.eq(zero & (tile == 0)),
            stage.ends_group.eq(buffer.filled & ends["slice"]),
            stage.ends_frame.eq(buffer.filled & ends["group"]),
            stage.tile.eq(tile),
            stage.image.eq(self.first_image + frames),
            *(stage[name].eq(counter) for name, counter in counters.items()),
        ]
        return stage, row == 0, base + beat

    def _digit(self, code: Value, digit: Value) -> Value:
        """One digit of a code, counted from the smallest code."""
        shape = self.shape
        code = code.as_unsigned()
        above = code ^ (1 << shape.code_bits - 1) if shape.code_signed else code
        padded = Cat(above, Const(0, shape.digits * shape.digit_bits - shape.code_bits))
        return padded.word_select(digit, shape.digit_bits)

    def _add(self, m: Module, p: int, address: Value, digits: list[Value], starts: Value) -> None:
        """One column: sums of a few products each, then all of them with the tile so far."""
        bits, sums = self.shape.cell_bits, []
        for k, (bank, lanes) in enumerate(zip(self.cells[p], near(self.shape.simd), strict=True)):
            m.submodules[f"cells{p}_{k}"] = bank
            read = bank.read_port()
            m.d.comb += [read.addr.eq(address), read.en.eq(self.advance)]
            if self.cell_port:
                write, number = bank.write_port(), p * len(self.cells[p]) + k
                m.d.comb += [
                    write.addr.eq(self.cell_write.address),
                    write.data.eq(self.cell_write.word),
                    write.en.eq(self.cell_write.enable & (self.cell_write.bank == number)),
                ]
            word = delayed(m, self.advance, read.data, name=f"word{p}_{k}")
            terms = [product(word.word_select(n, bits), digits[s]) for n, s in enumerate(lanes)]
            sums.append(delayed(m, self.advance, total(terms), name=f"sum{p}_{k}"))
        current = Signal(self.current, name=f"current{p}", reset_less=True)
        with m.If(self.advance):
            m.d.sync += current.eq(Mux(starts, 0, current) + total(sums))
        m.d.comb += self.currents[p].eq(current)


def product(cell: Value, digit: Value) -> Value:
    """cell x digit, as the sum of the cell at each place where the digit has a one."""
    return total([Mux(bit, cell, 0).shift_left(k) for k, bit in enumerate(digit)])


def total(terms: Sequence[Value]) -> Value:
    """The sum of all terms, in a balanced tree of adders."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return total(terms[:half]) + total(terms[half:])
