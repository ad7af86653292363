"""One mapped layer: column currents, read noise, converters, shift-and-add, and columns joined to neurons."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Shape, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...shape.crossbar import CONVERTED, CrossbarShape
from ..rom import joined
from ..stream.beat import beats
from ..stream.pipeline import delayed
from .columns import CrossbarColumns
from .converter import Converter
from .noise import ReadNoise
from .read_tag import cell_write
from .reference import Combine
from .shift_add import ShiftAdd


class CrossbarLayer(wiring.Component):
    """Accumulators of one mapped layer, one a beat, in the order of the neurons; see `Dense`.

    All tiles share one array of `pe` x `simd` multipliers by a digit, `pe` converters and, with read
    noise, `pe` generators. The first group of columns of an isolated frame begins to leave `work` +
    `depth` + 1 cycles after the frame's last input beat; a group of `pe` columns leaves while the
    next is read, without a gap between groups or frames. If results are not taken, all waits.

    Ports
    -----
    i : stream of `simd` codes; see `FrameBuffer`, also for `checked`
    o : stream of accumulators, signed, `accumulator_bits` wide
    short_frame, long_frame : out; see `FrameBuffer`
    first_image, cell_write : in; see `CrossbarColumns`, as for `cell_port`
    codes, codes_valid : out, `pe` column codes, the first lowest, in the cycles in which valid is high
        Each read once, in the order of `CrossbarColumns`; columns in that of `memory.column_order`.
    """

    def __init__(self, shape: CrossbarShape, cell_port: bool = True, checked: bool = True) -> None:
        self.shape = shape
        self.columns = CrossbarColumns(shape, cell_port, checked)
        self.adcs = [Converter(shape) for _ in range(shape.pe)]
        self.combine = Combine(shape)
        self.read_noise = ReadNoise(shape) if shape.amplitude_bits else None
        code = Shape(shape.code_bits, shape.code_signed)
        super().__init__(
            {
                "i": In(beats(data.ArrayLayout(code, shape.simd))),
                "o": Out(beats(signed(shape.accumulator_bits))),
                "short_frame": Out(1),
                "long_frame": Out(1),
                "first_image": In(32),
                "cell_write": In(cell_write(shape)),
                "codes": Out(shape.pe * shape.adc_bits),
                "codes_valid": Out(1),
            }
        )

    @property
    def memories(self) -> dict[str, Memory]:
        """All memories that a model fills, by the names that they have in a netlist, behind the layer's."""
        blocks = {"combine": self.combine, "columns": self.columns}
        blocks |= {f"adc{p}": adc for p, adc in enumerate(self.adcs)}
        return joined(blocks if self.read_noise is None else {**blocks, "read_noise": self.read_noise})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape, columns, combine = self.shape, self.columns, self.combine
        m.submodules.columns, m.submodules.combine = columns, combine
        m.submodules.shift_add = shift_add = ShiftAdd(shape)
        wiring.connect(m, wiring.flipped(self.i), columns.i)
        wiring.connect(m, shift_add.o, combine.i)
        wiring.connect(m, combine.o, wiring.flipped(self.o))
        advance = shift_add.advance
        m.d.comb += [
            columns.advance.eq(advance),
            columns.first_image.eq(self.first_image),
            columns.cell_write.eq(self.cell_write),
            self.short_frame.eq(columns.short_frame),
            self.long_frame.eq(columns.long_frame),
        ]

        read, currents = columns.place, [columns.currents[p] for p in range(shape.pe)]
        noise = self.read_noise
        if noise is not None:
            m.submodules.read_noise = noise
            m.d.comb += [noise.advance.eq(advance), noise.place.eq(read)]
            read = delayed(m, advance, read, shape.noise_latency, "read")
            currents = [
                (
                    delayed(m, advance, current, shape.noise_latency, f"current{p}").shift_left(
                        shape.scale_bits
                    )
                )
                + noise.noise[p]
                for p, current in enumerate(currents)
            ]

        codes = []
        for p, current in enumerate(currents):
            m.submodules[f"adc{p}"] = adc = self.adcs[p]
            m.d.comb += [
                adc.advance.eq(advance),
                adc.group.eq(read.group),
                adc.slice.eq(read.slice),
                adc.current.eq(current),
                shift_add.values[p].eq(adc.value),
            ]
            codes.append(adc.code)
        coded = delayed(m, advance, read, shape.adc_bits, "coded")
        m.d.comb += [
            self.codes.eq(Cat(codes)),
            self.codes_valid.eq(coded.valid & advance),
            shift_add.place.eq(delayed(m, advance, coded, CONVERTED, "converted")),
        ]
        return m
