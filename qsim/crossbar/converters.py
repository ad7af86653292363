"""Converters for the columns of mapped layers: range, resolution and errors, all as thresholds.

The names of the ranges are CrossSim's. A converter of b bits has 2**b - 1 thresholds half a step below the
values that its codes stand for; a step is a whole number of units (1/2**unit_bits of a level).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.checks import checked_int
from ..model.crossbar import Adc, Crossbar, Integers
from ..model.layer import Layer
from ..model.model import Model
from ..spec.crossbar import digit_of
from .effect import apply_effect, generator

RANGES = ("max", "calibrated", "granular")
MOST_BITS = 16


def with_converters(
    model: Model,
    bits: int,
    range: str = "max",
    codes: npt.ArrayLike | None = None,
    percentile: float = 99.9,
) -> Model:
    """The mapped model with evenly spaced converters of `bits` bits on every column.

    Parameters
    ----------
    model : Model with mapped layers
    bits : int
        1 to 16.
    range : "max", "calibrated" or "granular"
        max: from 0 to the largest current of ideal cells with all rows driven. calibrated: the central
        part of the currents that `codes` cause, from percentile 100 - p to p, for each slice; what lies
        beyond is clipped. granular: from 0 in steps of one level of one cell driven with digit 1,
        clipped where the codes end.
    codes : int array (N, inputs)
        Input codes to calibrate on; needed by, and only used for, "calibrated".
    percentile : float
        50 to 100.

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If a parameter is out of range or no layer is mapped.

    References
    ----------
    T. P. Xiao et al., "CrossSim: accuracy simulation of analog in-memory computing",
    github.com/sandialabs/cross-sim (the names of the ranges).
    """
    checked_int(bits, 1, MOST_BITS, "converter bits")
    if range not in RANGES:
        raise QsimError(f"converter range is {range!r}; one of {', '.join(RANGES)} is needed")
    if not 50 <= percentile <= 100:
        raise QsimError(f"percentile is {percentile}; 50 to 100 is allowed")
    entering: list[Integers] = []
    if range == "calibrated":
        if codes is None:
            raise QsimError("calibrated converters need input codes to calibrate on")
        entering = _entering(model, codes)

    def fitted(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        low, high = model.code_range(index)
        full = largest_ideal_current(crossbar, layer)
        if range == "granular":
            lows, steps = np.zeros(1, np.int64), np.array([crossbar.mapping.unit])
        else:
            ends = [(0, full)]
            if range == "calibrated":
                ends = currents_between(crossbar, entering[index], low, high, percentile)
            lows = np.array([least for least, _ in ends])
            steps = np.array([max(1, -(-(most - least) // ((1 << bits) - 1))) for least, most in ends])
        return replace(crossbar, adc=evenly(bits, lows, steps))

    facts = {"bits": bits, "range": range}
    if range == "calibrated":
        facts |= {"percentile": percentile, "images": len(np.asarray(codes))}
    return apply_effect(model, "converters", facts, fitted)


def evenly(bits: int, base: Integers, step: Integers) -> Adc:
    """Converters of `bits` bits: code k stands for base + k step and begins half a step below, rounded up."""
    codes = np.arange(1, 1 << bits, dtype=np.int64)
    return Adc((base[:, None] + step[:, None] * codes - step[:, None] // 2)[:, None], base, step)


def largest_ideal_current(crossbar: Crossbar, layer: Layer) -> int:
    """In units: a full tile's rows, all cells at the highest level, all driven with the largest digit."""
    mapping = crossbar.mapping
    return min(mapping.rows, layer.inputs) * mapping.top * mapping.unit * ((1 << mapping.digit_bits) - 1)


def currents_between(
    crossbar: Crossbar, codes: Integers, low: int, high: int, percentile: float
) -> list[tuple[int, int]]:
    """For each slice, the percentiles 100 - p and p of its currents over all reads and columns."""
    mapping, ends = crossbar.mapping, []
    for cells in crossbar.cells:
        currents = []
        for digit in range(mapping.digits(low, high)):
            driven = digit_of(codes, low, digit, mapping.digit_bits)  # type: ignore[arg-type]
            for start in range(0, cells.shape[0], mapping.rows):
                rows = slice(start, start + mapping.rows)
                currents.append((driven[:, rows] @ cells[rows]).ravel())  # type: ignore[index]
        found = np.concatenate(currents)
        least = np.percentile(found, 100 - percentile, method="lower")
        most = np.percentile(found, percentile, method="higher")
        ends.append((int(least), int(most)))
    return ends


def with_converter_errors(model: Model, offset: float = 0.0, dnl: float = 0.0, seed: int = 0) -> Model:
    """Every column gets a converter of its own, whose thresholds are off.

    Parameters
    ----------
    model : Model with mapped layers
    offset : float
        Standard deviation, in LSB, of what is added to all thresholds of a converter.
    dnl : float
        Standard deviation, in LSB, of a code's width (differential non-linearity). Widths add up; a
        straight line through both ends is taken out, and what remains is the integral non-linearity.
    seed : int

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If a parameter is negative or no layer is mapped.
    """
    for name, value in (("offset", offset), ("dnl", dnl)):
        if not 0 <= value < 1e6:
            raise QsimError(f"converter {name} is {value} LSB; 0 or more is needed")

    def off(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        slices, _, columns = crossbar.cells.shape
        adc, random = crossbar.adc, generator("converter errors", seed, index)
        shape = (slices, columns, adc.max_code)
        errors = np.cumsum(random.normal(0, dnl, shape), axis=2)
        line = np.linspace(0, 1, adc.max_code) if adc.max_code > 1 else np.zeros(1)
        errors -= errors[..., :1] + (errors[..., -1:] - errors[..., :1]) * line
        errors += random.normal(0, offset, (slices, columns, 1))
        steps = np.broadcast_to(adc.step, (slices,))[:, None, None]
        moved = np.broadcast_to(adc.thresholds, shape) + np.rint(errors * steps).astype(np.int64)
        base, step = (np.broadcast_to(values, (slices,)) for values in (adc.base, adc.step))
        return replace(crossbar, adc=Adc(np.sort(moved, axis=2), base, step))

    return apply_effect(model, "converter errors", {"offset": offset, "dnl": dnl, "seed": seed}, off)


def _entering(model: Model, codes: npt.ArrayLike) -> list[Integers]:
    """The codes that enter each layer, as int64, on the ideal network."""
    ideal = replace(model, layers=tuple(replace(layer, crossbar=None) for layer in model.layers))
    return [np.asarray(part, np.int64) for part in (ideal.checked(codes), *ideal.trace(codes).hidden)]
