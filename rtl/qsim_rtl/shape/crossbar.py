"""The hardware of one mapped layer: cells, converters, the digital sums behind them, and read noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qsim.model.crossbar import Crossbar
from qsim.model.layer import Layer
from qsim.spec import noise as spec
from qsim.spec.geometry import signed_width

ADDERS = 4  # enabled cycles from a beat's address to its currents
CONVERTED = 3  # from a column's code to its value
SUMMED = 4  # from the last value of a neuron to its accumulator
NEAR = 8  # lanes whose cells share a memory, and whose products are added where they are formed
ROUNDS_A_STAGE = 2  # of the noise generator's hash
COLUMN = 15  # bits of a physical column's number


@dataclass(frozen=True)
class CrossbarShape:
    """One layer on a crossbar, folded onto `pe` columns and `simd` rows at a time.

    Columns are the physical ones of all tiles side by side. `cell_bits` holds every cell, in units
    of 2**`scale_bits`; currents have the same unit, or with noise that of the model. `value_bits`,
    `fine_bits` and `accumulator_bits` are two's complement widths of a reconstructed value, a
    shifted sum and an accumulator. `amplitude_bits` is 0 without noise.
    """

    inputs: int
    code_bits: int
    code_signed: bool
    rows: int
    columns: int
    slices: int
    slice_bits: int
    digit_bits: int
    cell_bits: int
    scale_bits: int
    amplitude_bits: int
    adc_levels: int
    adc_each_slice: bool
    adc_each_column: bool
    value_bits: int
    fine_bits: int
    accumulator_bits: int
    gain: int
    unit_bits: int
    pe: int
    simd: int

    @property
    def beats(self) -> int:
        """Beats of `simd` codes in which one frame of inputs comes."""
        return -(-self.inputs // self.simd)

    @property
    def tile_beats(self) -> int:
        """Beats that a full tile of rows takes."""
        return -(-min(self.rows, self.inputs) // self.simd)

    @property
    def tiles(self) -> int:
        """Tiles of rows."""
        return -(-self.inputs // self.rows)

    @property
    def digits(self) -> int:
        """Digits of an input code."""
        return -(-self.code_bits // self.digit_bits)

    @property
    def groups(self) -> int:
        """Groups of `pe` columns that are read one after another."""
        return -(-self.columns // self.pe)

    @property
    def last_group(self) -> int:
        """Columns in the last group: 1 to `pe`."""
        return self.columns - (self.groups - 1) * self.pe

    @property
    def cell_words(self) -> int:
        """Words of each memory of cells."""
        return self.groups * self.slices * self.beats

    @property
    def reads(self) -> int:
        """Conversions of one group: each tile once for each slice and digit."""
        return self.slices * self.digits * self.tiles

    @property
    def work(self) -> int:
        """Cycles of one group: each beat once for each slice and digit."""
        return self.slices * self.digits * self.beats

    @property
    def sum_bits(self) -> int:
        """Bits of a sum of cell x digit over a tile's rows, unsigned."""
        digits = min(self.rows, self.inputs) * ((1 << self.digit_bits) - 1)
        return (digits * ((1 << self.cell_bits) - 1)).bit_length()

    @property
    def noise_range(self) -> int:
        """No noise is larger, either way."""
        largest = spec.MEAN * ((1 << self.amplitude_bits) - 1)
        return largest + (1 << spec.NOISE_SHIFT - 1) >> spec.NOISE_SHIFT

    @property
    def current_range(self) -> tuple[int, int]:
        """The smallest and the largest current, with noise if there is any."""
        largest = (1 << self.sum_bits) - 1
        if not self.amplitude_bits:
            return 0, largest
        return -self.noise_range, (largest << self.scale_bits) + self.noise_range

    @property
    def threshold_bits(self) -> int:
        """A two's complement width that holds every current, and one above the largest."""
        low, high = self.current_range
        return signed_width(low, high + 1)

    @property
    def converter_rows(self) -> int:
        """Rows of thresholds that a converter has room for."""
        groups = 1 << (self.groups - 1).bit_length() if self.adc_each_column else 1
        return groups * (self.slices if self.adc_each_slice else 1)

    @property
    def adc_bits(self) -> int:
        """Bits of a column code."""
        return self.adc_levels.bit_length()

    @property
    def noise_latency(self) -> int:
        """Advances from a read's place to its noise: the column's number, the hash, three to scale it."""
        return 1 + -(-spec.ROUNDS // ROUNDS_A_STAGE) + 3 if self.amplitude_bits else 0

    @property
    def depth(self) -> int:
        """Cycles from the address of a group's last beat to the first column joined and rounded."""
        return ADDERS + self.noise_latency + self.adc_bits + CONVERTED + SUMMED


def of(layer: Layer, codes: tuple[int, int], accumulator_bits: int, pe: int, simd: int) -> CrossbarShape:
    """The hardware of a mapped layer whose input codes run from the first to the second of `codes`."""
    assert layer.crossbar is not None
    crossbar: Crossbar = layer.crossbar
    mapping, adc = crossbar.mapping, crossbar.adc
    low, high = codes
    slices, inputs, columns = crossbar.cells.shape
    scale = _common_zeros(crossbar.cells, mapping.unit_bits)
    cell = max(int(crossbar.cells.max()), mapping.top << mapping.unit_bits) >> scale
    values = [0, *adc.base.tolist(), *(adc.base + adc.step * adc.max_code).tolist(), *adc.step.tolist()]
    least, most = crossbar.sum_bounds(low, high)
    noise = crossbar.noise
    return CrossbarShape(
        inputs=inputs,
        code_bits=(high - low).bit_length(),
        code_signed=low < 0,
        rows=min(mapping.rows, inputs),
        columns=columns,
        slices=slices,
        slice_bits=mapping.cell_bits,
        digit_bits=min(mapping.digit_bits, (high - low).bit_length()),
        cell_bits=cell.bit_length(),
        scale_bits=scale,
        amplitude_bits=0 if noise is None else noise.amplitude.bit_length(),
        adc_levels=adc.max_code,
        adc_each_slice=len(adc.thresholds) > 1,
        adc_each_column=adc.thresholds.shape[1] > 1,
        value_bits=signed_width(min(values), max(values)),
        fine_bits=signed_width(least, most),
        accumulator_bits=accumulator_bits,
        gain=mapping.positive_weight(layer.grid),
        unit_bits=mapping.unit_bits,
        pe=pe,
        simd=simd,
    )


def near(simd: int) -> list[range]:
    """The lanes whose cells share a memory and whose products are added first."""
    return [range(s, min(s + NEAR, simd)) for s in range(0, simd, NEAR)]


def _common_zeros(cells: npt.NDArray[np.int64], most: int) -> int:
    """How many low bits are 0 in every cell, at most `most`: all of them where cells hold whole levels."""
    used = int(np.bitwise_or.reduce(cells, axis=None)) | 1 << most
    return (used & -used).bit_length() - 1
