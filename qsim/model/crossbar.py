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
from ..spec import noise
from .checks import checked_int, integers
from .mapping import MAX_CELL, Mapping

__all__ = ["MAX_CELL", "Adc", "Crossbar", "Integers", "Mapping", "Noise"]

MAX_AMPLITUDE = (1 << 21) - 1
MOST = {"tiles": 1 << 10, "columns": 1 << 15}  # what the noise generator tells apart

Integers = npt.NDArray[np.int64]


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

    Raises
    ------
    QsimError
        If shapes contradict each other, thresholds do not ascend or a value has more than 32 bits.
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

    Raises
    ------
    QsimError
        If a number is outside its range.

    References
    ----------
    J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Threefry-2x32, 13 rounds).
    """

    amplitude: int
    seed: int = 0

    def __post_init__(self) -> None:
        checked_int(self.amplitude, 0, MAX_AMPLITUDE, "noise amplitude")
        checked_int(self.seed, 0, noise.MASK, "noise seed")

    @classmethod
    def of(cls, sigma: float, seed: int = 0) -> Noise:
        """Noise of standard deviation `sigma`, in units.

        Parameters
        ----------
        sigma : float
            In units of conductance x digit, 0 or more.
        seed : int
            32 bits.

        Returns
        -------
        Noise

        Raises
        ------
        QsimError
            If `sigma` is negative or beyond what 21 bits of amplitude express.
        """
        if not 0 <= sigma * cls.scale() <= MAX_AMPLITUDE:
            raise QsimError(
                f"noise sigma is {sigma} units; 0 to {MAX_AMPLITUDE / cls.scale():.0f} are allowed"
            )
        return cls(round(sigma * cls.scale()), seed)

    @staticmethod
    def scale() -> float:
        """Amplitude of noise with a standard deviation of one unit.

        Returns
        -------
        float
            2**16 / 147.8.
        """
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
        """Refuse a layer whose weights do not lie on these tiles.

        Parameters
        ----------
        bits : int
            Width of the layer's stored weights.
        inputs, outputs : int
            The layer's size.

        Raises
        ------
        QsimError
            If the cells have another shape than (slices, inputs, columns) of such a layer.
        """
        expected = (self.mapping.slices(bits), inputs, self.mapping.columns(outputs))
        if self.cells.shape != expected:
            raise QsimError(
                f"cells have shape {self.cells.shape}; this layer on these tiles needs {expected}"
            )

    def largest_current(self, low: int, high: int) -> int:
        """No column's current is larger, without noise, whatever codes from `low` to `high` come.

        Parameters
        ----------
        low, high : int
            The range of the input codes.

        Returns
        -------
        int
            In units of conductance x digit.
        """
        tiles = [self.cells[:, i : i + self.mapping.rows].sum(1).max() for i in self._starts()]
        return int(max(tiles)) * ((1 << self.mapping.digit_bits) - 1)

    def _starts(self) -> range:
        return range(0, self.cells.shape[1], self.mapping.rows)

    def sum_bounds(self, low: int, high: int) -> tuple[int, int]:
        """A range that no column's shift-and-add sum leaves, nor any partial sum of it, in units.

        Parameters
        ----------
        low, high : int
            The range of the input codes.

        Returns
        -------
        tuple of int
            The least and the largest sum.
        """
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
        """A range that no accumulator of a layer leaves for codes from `low` to `high`, nor a part of it.

        Parameters
        ----------
        grid : "odd" or "twos_complement"
        weights : int64 array (outputs, inputs)
            The layer's, for the digital term in `low`.
        bias : int64 array (outputs,)
        low, high : int
            The range of the input codes.

        Returns
        -------
        tuple of int
            The least and the largest accumulator.
        """
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
        """All of it that is no array, as JSON-able values.

        Returns
        -------
        dict
            Kind, mapping, noise and history.
        """
        return {
            "kind": "crossbar",
            "mapping": vars(self.mapping),
            "noise": None if self.noise is None else vars(self.noise),
            "history": list(self.history),
        }

    def tensors(self) -> dict[str, Integers]:
        """The arrays.

        Returns
        -------
        dict of str to int64 array
            Cells, and the converters' thresholds, bases and steps.
        """
        return {
            "cells": self.cells,
            "adc.thresholds": self.adc.thresholds,
            "adc.base": np.asarray(self.adc.base),
            "adc.step": np.asarray(self.adc.step),
        }

    @classmethod
    def read(cls, entry: Facts[str, Any], tensors: dict[str, Any], prefix: str) -> Crossbar:
        """From what `description` gave, and what `tensors` gave under a prefix, which is taken out.

        Parameters
        ----------
        entry : mapping
            The layer's entry in a model file.
        tensors : dict of str to int64 array
            Those of the file; the crossbar's own are removed.
        prefix : str
            Of the names in `tensors`, such as "layers.0.".

        Returns
        -------
        Crossbar

        Raises
        ------
        QsimError
            If a value is out of range or the parts contradict each other.
        KeyError
            If the entry or an array is missing.
        """
        cells, thresholds, base, step = (
            tensors.pop(prefix + name) for name in ("cells", "adc.thresholds", "adc.base", "adc.step")
        )
        noise = None if entry["noise"] is None else Noise(**entry["noise"])
        adc = Adc(thresholds, base, step)
        return cls(Mapping(**entry["mapping"]), cells, adc, noise, tuple(entry["history"]))
