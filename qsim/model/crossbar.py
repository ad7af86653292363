"""A layer on memristive tiles, as data: how weights lie in cells, what the cells hold, how columns are read.

`qsim.spec` says what is computed from it. The cells are the model: a device effect changes them, and
with them the model's digest. Conductance has the unit 1/2**unit_bits of a level, current that times a digit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping as Facts
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..spec import geometry, noise
from .checks import checked_int, integers

CELL_BITS = 8  # at most
UNIT_BITS = 8
MAX_CELL = (1 << 15) - 1  # largest conductance, in units
MAX_AMPLITUDE = (1 << 21) - 1
MOST = {"tiles": 1 << 10, "columns": 1 << 15}  # what the noise generator tells apart

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mapping:
    """How a layer's weights lie on tiles and how its inputs are driven.

    Parameters
    ----------
    rows, cols : int
        Size of a tile: rows are inputs, columns of cells are read together. A tile has `cols` physical
        columns, those of reference included.
    cell_bits : int
        Bits c of a cell, 1 to 8: its level runs from 0 to 2**c - 1. A q-bit weight takes ceil(q / c) slices.
    digit_bits : int
        Bits d of an input digit, 1 to 16. A b-bit input code is driven in ceil(b / d) digits.
    style : "offset" or "differential"
        offset: a weight's level is its stored code + 2**(q - 1), and each tile's last column is the
        reference that stands for weight 0. differential: a pair of columns a weight, one for each sign.
    unit_bits : int
        A level is 2**unit_bits units of conductance; 0 to 8.
    """

    rows: int = 128
    cols: int = 128
    cell_bits: int = 1
    digit_bits: int = 1
    style: str = "offset"
    unit_bits: int = 6

    def __post_init__(self) -> None:
        checked_int(self.rows, 1, 1 << 16, "rows of a tile")
        checked_int(self.cols, 2, 1 << 15, "columns of a tile")
        checked_int(self.cell_bits, 1, CELL_BITS, "cell bits")
        checked_int(self.digit_bits, 1, 16, "digit bits")
        checked_int(self.unit_bits, 0, UNIT_BITS, "unit bits")
        if self.style not in geometry.STYLES:
            raise QsimError(f"mapping is {self.style!r}; {' or '.join(geometry.STYLES)} is needed")
        if self.top << self.unit_bits > MAX_CELL >> 1:
            raise QsimError(
                f"{self.cell_bits}-bit cells in units of 1/{1 << self.unit_bits} of a level reach "
                f"{self.top << self.unit_bits}; at most {MAX_CELL >> 1} is allowed"
            )

    @property
    def top(self) -> int:
        """The highest level of a cell."""
        return (1 << self.cell_bits) - 1

    @property
    def unit(self) -> int:
        """Units of conductance in a level."""
        return 1 << self.unit_bits

    @property
    def per_tile(self) -> int:
        """Outputs whose columns lie in one tile."""
        return geometry.outputs_per_tile(self.style, self.cols)

    def slices(self, bits: int) -> int:
        """Cells that a weight of `bits` bits takes in one column."""
        return geometry.slices(bits, self.cell_bits)

    def digits(self, low: int, high: int) -> int:
        """Digits in which a code from `low` to `high` is driven."""
        return geometry.digits(low, high, self.digit_bits)

    def tiles(self, inputs: int) -> int:
        """Tiles over which the inputs are spread."""
        return geometry.row_tiles(inputs, self.rows)

    def columns(self, outputs: int) -> int:
        """Physical columns of all tiles side by side."""
        return geometry.columns(self.style, self.cols, outputs)

    def pair(self, output: int, outputs: int) -> tuple[int, int]:
        """The physical columns that count for and against an output."""
        return geometry.column_pair(self.style, self.cols, outputs, output)

    def positive_weight(self, grid: str) -> int:
        """How often the positive column counts: twice for offset on the odd grid, else once."""
        return geometry.positive_weight(self.style, grid)


@dataclass(frozen=True, eq=False)
class Adc:
    """The converters of the columns.

    Parameters
    ----------
    thresholds : int array (T,), (columns, T) or (slices, columns or 1, T)
        Ascending currents: a column's code is the number of thresholds <= its current. One row serves all
        columns, one set all slices. T is at most 65,535.
    base, step : int, or one for each slice
        The code k stands for base + step * k units; step is 1 or more.
    """

    thresholds: Integers
    base: Integers
    step: Integers

    def __post_init__(self) -> None:
        thresholds = integers(self.thresholds, "converter thresholds")
        if thresholds.ndim not in (1, 2, 3):
            raise QsimError(
                f"converter thresholds have shape {thresholds.shape}; (T,), (columns, T) or "
                "(slices, columns, T) is needed"
            )
        thresholds = thresholds.reshape((1,) * (3 - thresholds.ndim) + thresholds.shape)
        if thresholds.shape[2] >= 1 << 16:
            raise QsimError(f"{thresholds.shape[2]} thresholds a converter; at most 65535 are allowed")
        if (thresholds[..., 1:] < thresholds[..., :-1]).any():
            raise QsimError("converter thresholds are not in ascending order; each must be >= the one before")
        if np.abs(thresholds).max() >= 1 << 31:
            raise QsimError("a converter threshold has more than 32 bits; 32 are allowed")
        object.__setattr__(self, "thresholds", thresholds)
        for name in ("base", "step"):
            values = integers(np.atleast_1d(getattr(self, name)), f"converter {name}", 1)
            if values.shape not in ((1,), (len(thresholds),)) or np.abs(values).max() >= 1 << 31:
                raise QsimError(
                    f"converter {name} is {values.tolist()}; a 32-bit integer, or one a slice, is needed"
                )
            object.__setattr__(self, name, np.broadcast_to(values, (len(thresholds),)))
        if self.step.min() < 1:
            raise QsimError(f"converter step is {self.step.min()}; 1 or more is needed")

    @property
    def max_code(self) -> int:
        """The largest code."""
        return self.thresholds.shape[2]


@dataclass(frozen=True)
class Noise:
    """Read noise, added to every current by a counter-based generator (see `qsim.spec.noise`).

    Parameters
    ----------
    amplitude : int
        Standard deviation in units, times 2**16 / 147.8; 0 to 2**21 - 1.
    seed : int
        32 bits.
    """

    amplitude: int
    seed: int = 0

    def __post_init__(self) -> None:
        checked_int(self.amplitude, 0, MAX_AMPLITUDE, "noise amplitude")
        checked_int(self.seed, 0, noise.MASK, "noise seed")

    @classmethod
    def of(cls, sigma: float, seed: int = 0) -> Noise:
        """Noise of standard deviation `sigma`, in units."""
        if not 0 <= sigma * cls.scale() <= MAX_AMPLITUDE:
            raise QsimError(
                f"noise sigma is {sigma} units; 0 to {MAX_AMPLITUDE / cls.scale():.0f} are allowed"
            )
        return cls(round(sigma * cls.scale()), seed)

    @staticmethod
    def scale() -> float:
        """Amplitude of noise with a standard deviation of one unit."""
        return float(1 << noise.NOISE_SHIFT) / float(np.sqrt(4 * (256**2 - 1) / 12))

    @property
    def largest(self) -> int:
        """No noise is larger, in units, either way."""
        return ((noise.MEAN * self.amplitude) >> noise.NOISE_SHIFT) + 1


@dataclass(frozen=True, eq=False)
class Crossbar:
    """The tiles of one layer.

    Parameters
    ----------
    mapping : Mapping
    cells : int array (slices, inputs, columns)
        Conductances in units, 0 to 32,767; an ideal cell holds level * 2**unit_bits.
    adc : Adc
    noise : Noise, optional
    history : sequence of mappings
        The device effects that made the cells, in order, JSON-able.

    Raises
    ------
    QsimError
        If a value is out of range or the parts contradict each other.
    """

    mapping: Mapping
    cells: Integers
    adc: Adc
    noise: Noise | None = None
    history: tuple[Facts[str, Any], ...] = ()

    def __post_init__(self) -> None:
        cells = integers(self.cells, "cells", 3)
        if cells.min() < 0 or cells.max() > MAX_CELL:
            found = cells.min() if cells.min() < 0 else cells.max()
            raise QsimError(f"a cell's conductance is {found} units; 0 to {MAX_CELL} are allowed")
        object.__setattr__(self, "cells", cells)
        slices, inputs, columns = cells.shape
        for name, value in (("tiles", self.mapping.tiles(inputs)), ("columns", columns)):
            if value > MOST[name]:
                raise QsimError(f"a layer of {value} {name}; at most {MOST[name]} are allowed")
        sets, rows, _ = self.adc.thresholds.shape
        if sets not in (1, slices) or rows not in (1, columns):
            raise QsimError(
                f"converters for {sets} slices of {rows} columns; 1 or {slices} of 1 or {columns} are needed"
            )
        try:
            object.__setattr__(self, "history", tuple(json.loads(json.dumps(list(self.history)))))
        except (TypeError, ValueError) as error:
            raise QsimError(f"the history of the cells cannot be written as JSON: {error}") from None

    def check(self, bits: int, inputs: int, outputs: int) -> None:
        """Refuse a layer whose weights do not lie on these tiles."""
        expected = (self.mapping.slices(bits), inputs, self.mapping.columns(outputs))
        if self.cells.shape != expected:
            raise QsimError(
                f"cells have shape {self.cells.shape}; this layer on these tiles needs {expected}"
            )

    def largest_current(self, low: int, high: int) -> int:
        """No column's current is larger, without noise, whatever codes from `low` to `high` come."""
        tiles = [self.cells[:, i : i + self.mapping.rows].sum(1).max() for i in self._starts()]
        return int(max(tiles)) * ((1 << self.mapping.digit_bits) - 1)

    def _starts(self) -> range:
        return range(0, self.cells.shape[1], self.mapping.rows)

    def sum_bounds(self, low: int, high: int) -> tuple[int, int]:
        """A range that no column's shift-and-add sum leaves, nor any partial sum of it, in units."""
        adc, mapping = self.adc, self.mapping
        digits = sum(1 << g * mapping.digit_bits for g in range(mapping.digits(low, high)))
        least = most = 0
        for s in range(len(self.cells)):
            base, step = (int(values[s % len(values)]) for values in (adc.base, adc.step))
            weight = (digits << s * mapping.cell_bits) * len(self._starts())
            least += min(base, 0) * weight
            most += max(base + step * adc.max_code, 0) * weight
        return least, most

    def bounds(self, grid: str, weights: Integers, bias: Integers, low: int, high: int) -> tuple[int, int]:
        """A range that no accumulator of a layer leaves for codes from `low` to `high`, nor a part of it."""
        least, most = self.sum_bounds(low, high)
        times, half = self.mapping.positive_weight(grid), self.mapping.unit >> 1
        below = (times * least - most + half) >> self.mapping.unit_bits
        above = (times * most - least + half) >> self.mapping.unit_bits
        digital = [(b, low * w) for b, w in zip(bias.tolist(), weights.sum(1).tolist(), strict=True)]
        return (
            min(below + min(b, 0) + min(c, 0) for b, c in digital),
            max(above + max(b, 0) + max(c, 0) for b, c in digital),
        )

    def description(self) -> dict[str, Any]:
        """All of it that is no array, as JSON-able values."""
        return {
            "kind": "crossbar",
            "mapping": vars(self.mapping),
            "noise": None if self.noise is None else vars(self.noise),
            "history": list(self.history),
        }

    def tensors(self) -> dict[str, Integers]:
        """The arrays."""
        return {
            "cells": self.cells,
            "adc.thresholds": self.adc.thresholds,
            "adc.base": np.asarray(self.adc.base),
            "adc.step": np.asarray(self.adc.step),
        }

    @classmethod
    def read(cls, entry: Facts[str, Any], tensors: dict[str, Any], prefix: str) -> Crossbar:
        """From what `description` gave, and what `tensors` gave under a prefix, which is taken out."""
        cells, thresholds, base, step = (
            tensors.pop(prefix + name) for name in ("cells", "adc.thresholds", "adc.base", "adc.step")
        )
        noise = None if entry["noise"] is None else Noise(**entry["noise"])
        adc = Adc(thresholds, base, step)
        return cls(Mapping(**entry["mapping"]), cells, adc, noise, tuple(entry["history"]))
