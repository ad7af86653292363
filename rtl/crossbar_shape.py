"""The hardware of one mapped layer: a tile of cells, its converters, and the digital sums behind them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Noise:
    """A generator of read noise: `sigma_bits` wide scale, and the right shift behind the product."""

    sigma_bits: int
    shift: int
    rounds: int


@dataclass(frozen=True)
class CrossbarShape:
    """One layer on a crossbar, folded onto `pe` columns and `simd` rows at a time.

    Columns are all physical ones, references included, in the order in which they are converted.
    `cell_bits`, `current_bits`, `value_bits` and `fine_bits` hold every cell, column current with
    noise, reconstructed value and shifted sum; all but the first are two's complement.
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
    current_bits: int
    adc_levels: int
    adc_shared: bool
    value_bits: int
    fine_bits: int
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
    def sum_bits(self) -> int:
        """Bits of a column current without noise, unsigned."""
        digits = min(self.rows, self.inputs) * ((1 << self.digit_bits) - 1)
        return (digits * ((1 << self.cell_bits) - 1)).bit_length()

    @property
    def work(self) -> int:
        """Cycles of one group: every beat once for each slice and digit."""
        return self.slices * self.digits * self.beats

    @property
    def adc_bits(self) -> int:
        """Bits of a column code."""
        return self.adc_levels.bit_length()
