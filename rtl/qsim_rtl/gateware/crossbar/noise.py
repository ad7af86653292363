"""Read noise from a counter: the integers of `qsim.spec.noise`, whatever is stalled or folded."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from qsim.spec import noise as spec

from ...memory.crossbar import noise as memories
from ...shape.crossbar import COLUMN, ROUNDS_A_STAGE, CrossbarShape
from ..rom import tables
from ..stream.pipeline import delayed
from .read_tag import place

HASH_STAGES = -(-spec.ROUNDS // ROUNDS_A_STAGE)


class ReadNoise(wiring.Component):
    """The noise of `pe` currents, `noise_latency` advances after their place.

    A 13-round Threefry-2x32 a column, of adders, wires and exclusive ors, `ROUNDS_A_STAGE` rounds
    an advance; behind it the sum of a word's four bytes and one multiplication by the amplitude.

    Ports
    -----
    advance : in, whether the generator moves in this cycle
    place : in, of the read; see `place`
    noise : out, `pe` integers, signed

    Attributes
    ----------
    columns : Memory, one word a group: `pe` physical column numbers, 15 bits each
    settings : Memory, one word of 32-bit fields: the hash's three key words, the amplitude
        The third key word is that of `qsim.spec.noise.threefry`: it follows from the other two.
    """

    def __init__(self, shape: CrossbarShape) -> None:
        self.shape = shape
        self.memories = tables(memories(shape))
        self.columns, self.settings = self.memories["columns"], self.memories["settings"]
        noise = signed(shape.noise_range.bit_length() + 1)
        super().__init__(
            {
                "advance": In(1),
                "place": In(place(shape)),
                "noise": Out(data.ArrayLayout(noise, shape.pe)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.columns, m.submodules.settings = self.columns, self.settings
        columns, settings = self.columns.read_port(), self.settings.read_port()
        m.d.comb += [
            columns.addr.eq(self.place.group),
            columns.en.eq(self.advance),
            settings.en.eq(1),
        ]
        keys = [settings.data.word_select(k, 32) for k in range(3)]
        amplitude = settings.data[96 : 96 + self.shape.amplitude_bits]
        read = delayed(m, self.advance, self.place, name="read")
        for p in range(self.shape.pe):
            column = columns.data.word_select(p, COLUMN)
            where = Cat(column[1:], _wide(read.digit, 4), _wide(read.slice, 4), _wide(read.tile, 10))
            words = threefry(m, self.advance, keys, (read.image, where), f"lane{p}")
            odd = delayed(m, self.advance, column[0], HASH_STAGES, f"odd{p}")
            word = Mux(odd, words[1], words[0])
            bytes = [word[k : k + 8] for k in range(0, 32, 8)]
            total = (bytes[0] + bytes[1]) + (bytes[2] + bytes[3]) - spec.MEAN
            centred = delayed(m, self.advance, total, name=f"centred{p}")
            scaled = delayed(m, self.advance, centred * amplitude, name=f"scaled{p}")
            rounded = scaled + (1 << spec.NOISE_SHIFT - 1) >> spec.NOISE_SHIFT
            m.d.comb += self.noise[p].eq(delayed(m, self.advance, rounded, name=f"noise{p}"))
        return m


def threefry(
    m: Module, advance: Value, keys: Sequence[Value], counter: tuple[Value, Value], name: str
) -> tuple[Value, Value]:
    """Threefry-2x32 as in `qsim.spec.noise.threefry`, `HASH_STAGES` advances later."""
    a, b = (counter[0] + keys[0])[:32], (counter[1] + keys[1])[:32]
    for i in range(spec.ROUNDS):
        a = (a + b)[:32]
        b = b.rotate_left(spec.ROTATIONS[i % 8]) ^ a
        if i % 4 == 3:
            j = i // 4 + 1
            a, b = (a + keys[j % 3])[:32], (b + keys[(j + 1) % 3] + j)[:32]
        if i % ROUNDS_A_STAGE == ROUNDS_A_STAGE - 1 or i == spec.ROUNDS - 1:
            a = delayed(m, advance, a, name=f"{name}_a{i}")
            b = delayed(m, advance, b, name=f"{name}_b{i}")
    return a, b


def _wide(value: Value, bits: int) -> Value:
    """`value` in so many bits."""
    return Cat(value, Const(0, bits - len(value)))
