"""Where things lie in the memories of an export, worked out from its manifest's numbers alone.

Nothing here is shared with what packs the memories, so that a fault on either side shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from qsim.spec import noise

Facts = TypeVar("Facts", "DenseFacts", "TileFacts")


@dataclass(frozen=True)
class DenseFacts:
    """A layer as the manifest states it."""

    inputs: int
    outputs: int
    bits: int
    grid: str
    levels: int
    shared_thresholds: bool
    accumulator_bits: int
    pe: int
    simd: int

    @property
    def beats(self) -> int:
        """Words of one group of neurons."""
        return (self.inputs + self.simd - 1) // self.simd

    @property
    def groups(self) -> int:
        """Groups of neurons."""
        return (self.outputs + self.pe - 1) // self.pe

    @property
    def stages(self) -> int:
        """Memories of thresholds: one for each bit of a code."""
        return len(f"{self.levels:b}") if self.levels else 0


@dataclass(frozen=True)
class TileFacts:
    """A layer on crossbar tiles as the manifest states it."""

    inputs: int
    rows: int
    columns: int
    slices: int
    digit_bits: int
    cell_bits: int
    scale_bits: int
    amplitude_bits: int
    adc_levels: int
    adc_each_slice: bool
    adc_each_column: bool
    value_bits: int
    accumulator_bits: int
    pe: int
    simd: int

    @property
    def beats(self) -> int:
        """Words of one slice of a group of columns."""
        return (self.inputs + self.simd - 1) // self.simd

    @property
    def groups(self) -> int:
        """Groups of columns."""
        return (self.columns + self.pe - 1) // self.pe

    @property
    def stages(self) -> int:
        """Memories of a converter's thresholds."""
        return len(f"{self.adc_levels:b}")

    @property
    def room(self) -> int:
        """Rows of thresholds that each slice has in a converter."""
        room = 1
        while self.adc_each_column and room < self.groups:
            room *= 2
        return room

    @property
    def currents(self) -> tuple[int, int]:
        """The smallest and the largest current that the hardware has bits for."""
        most = min(self.rows, self.inputs) * (2**self.digit_bits - 1) * (2**self.cell_bits - 1)
        largest = 2 ** len(f"{most:b}") - 1
        if self.amplitude_bits == 0:
            return 0, largest
        half = 2**noise.NOISE_SHIFT // 2
        reach = (noise.MEAN * (2**self.amplitude_bits - 1) + half) // 2**noise.NOISE_SHIFT
        return -reach, largest * 2**self.scale_bits + reach

    @property
    def threshold_bits(self) -> int:
        """Bits of a threshold: two's complement, up to one above the largest current."""
        low, high = self.currents
        bits = 1
        while not -(2 ** (bits - 1)) <= low <= high + 1 < 2 ** (bits - 1):
            bits += 1
        return bits


def stated(kind: type[Facts], facts: Mapping[str, Any]) -> Facts:
    """What the manifest states of a layer.

    Raises
    ------
    KeyError
        If a number is missing.
    """
    return kind(**{field.name: facts[field.name] for field in fields(kind)})


def read_order(style: str, tile_columns: int, outputs: int) -> tuple[list[int], list[int]]:
    """The physical columns as they are read, and the neuron of each, -1 where it counts against others.

    Tile after tile: its reference, which is its last used column, then the others. In the differential
    style every pair is read so.
    """
    columns: list[int] = []
    neurons: list[int] = []
    start = placed = 0
    while placed < outputs:
        own = 1 if style == "differential" else min(tile_columns - 1, outputs - placed)
        columns += [start + own, *range(start, start + own)]
        neurons += [-1, *range(placed, placed + own)]
        start, placed = start + own + 1, placed + own
    return columns, neurons
