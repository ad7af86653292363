"""What real devices do to cells: each effect turns one mapped model into another, in integers again.

Every function here is pure: model x parameters x seed -> model. Effects compose, in the order in which they
happen (programming, defects, drift, wires), and stand in the history of each crossbar. Conductances are in
units of 1/2**unit_bits of a level; random numbers are named by seed, effect and layer, so that a rate or a
deviation can be varied with everything else held fixed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.crossbar import MAX_CELL, Crossbar, Integers, Noise
from ..model.layer import Layer
from ..model.model import Model

Effect = Callable[[Layer, Crossbar, int], Crossbar]
Reals = npt.NDArray[np.float64]


def apply_effect(model: Model, name: str, facts: Mapping[str, Any], effect: Effect) -> Model:
    """The model with an effect on each mapped layer, entered into its history.

    Parameters
    ----------
    model : Model
        With mapped layers.
    name : str
        For the history and for messages.
    facts : mapping of str to JSON-able values
        The effect's parameters, for the history.
    effect : function (Layer, Crossbar, index) -> Crossbar
        The defect itself: it gives the crossbar of a layer as it is afterwards.

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If no layer is mapped.
    """
    if not model.mapped:
        raise QsimError(f"{name}: no layer of this model is on a crossbar; map it first")
    layers = list(model.layers)
    for i, layer in enumerate(layers):
        if layer.crossbar is not None:
            after = effect(layer, layer.crossbar, i)
            entry = {"effect": name, **facts}
            layers[i] = replace(layer, crossbar=replace(after, history=(*layer.crossbar.history, entry)))
    return replace(model, layers=tuple(layers))


def generator(effect: str, seed: int, layer: int) -> np.random.Generator:
    """The random numbers of one effect on one layer: independent of those of all other effects and layers.

    Parameters
    ----------
    effect : str
        The effect's name.
    seed : int
        0 or more.
    layer : int
        The layer's index.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    QsimError
        If the seed is no integer of 0 or more.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise QsimError(f"seed is {seed!r}; an integer of 0 or more is needed")
    return np.random.default_rng([int(seed), zlib.crc32(effect.encode()), layer])


def _positive(value: float, what: str, most: float = 1e12) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise QsimError(f"{what} is {value!r}; 0 to {most:g} is allowed")
    return float(value)


def _conductances(values: Reals | Integers) -> Integers:
    """Real conductances as integers: to the nearest unit, never negative, at most the largest cell."""
    return np.rint(values).clip(0, MAX_CELL).astype(np.int64)


def off_conductance(crossbar: Crossbar) -> int:
    """What a cell of level 0 conducts, in units: 0 unless `on_off` came before."""
    for entry in reversed(crossbar.history):
        if entry["effect"] == "on/off":
            return round(crossbar.mapping.top * crossbar.mapping.unit / (entry["ratio"] - 1))
    return 0


def on_off(model: Model, ratio: float) -> Model:
    """A finite ratio of the conductances of the highest and the lowest level.

    All levels rise by off = top * unit / (ratio - 1), and keep their distance. What rises alike in the two
    columns of a differential pair cancels; on the offset mapping of the odd grid, where the positive column
    counts twice and the reference once, it does not.

    Parameters
    ----------
    model : Model with mapped layers
    ratio : float, more than 1

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If the ratio is not above 1 or no layer is mapped.
    """
    if _positive(ratio, "on/off ratio") <= 1:
        raise QsimError(f"on/off ratio is {ratio}; more than 1 is needed")

    def raised(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        off = crossbar.mapping.top * crossbar.mapping.unit / (ratio - 1)
        return replace(crossbar, cells=_conductances(crossbar.cells + round(off)))

    return apply_effect(model, "on/off", {"ratio": ratio}, raised)


def programming_error(model: Model, uniform: float = 0.0, proportional: float = 0.0, seed: int = 0) -> Model:
    """Cells miss their targets by a normal deviate.

    Parameters
    ----------
    model : Model with mapped layers
    uniform : float
        Standard deviation as a share of the range between the lowest and the highest level.
    proportional : float
        Standard deviation as a share of the cell's own conductance. Both add up in squares.
    seed : int

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If a deviation is out of range or no layer is mapped.
    """
    for name, value in (("uniform", uniform), ("proportional", proportional)):
        _positive(value, f"{name} programming error", 10)

    def missed(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        span = crossbar.mapping.top * crossbar.mapping.unit
        deviates = generator("programming error", seed, index).normal(size=crossbar.cells.shape)
        spread = np.hypot(uniform * span, proportional * crossbar.cells)
        return replace(crossbar, cells=_conductances(crossbar.cells + spread * deviates))

    facts = {"uniform": uniform, "proportional": proportional, "seed": seed}
    return apply_effect(model, "programming error", facts, missed)


def stuck(model: Model, low: float = 0.0, high: float = 0.0, seed: int = 0) -> Model:
    """Cells that cannot be programmed: stuck at the lowest or at the highest level.

    A cell that is stuck at one rate is stuck at every higher one, with the same seed.

    Parameters
    ----------
    model : Model with mapped layers
    low, high : float
        Shares of all cells, those of reference columns included; together at most 1.
    seed : int

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If a rate is out of range or no layer is mapped.
    """
    _positive(_positive(low, "stuck-low rate", 1) + _positive(high, "stuck-high rate", 1), "both rates", 1)

    def fixed(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        where = generator("stuck", seed, index).random(crossbar.cells.shape)
        off = off_conductance(crossbar)
        cells = np.where(where < low, off, crossbar.cells)
        on = min(off + crossbar.mapping.top * crossbar.mapping.unit, MAX_CELL)
        return replace(crossbar, cells=np.where(where >= 1 - high, on, cells))

    return apply_effect(model, "stuck", {"low": low, "high": high, "seed": seed}, fixed)


def drift(
    model: Model, seconds: float, nu: float = 0.05, spread: float = 0.0, start: float = 1.0, seed: int = 0
) -> Model:
    """Conductance falls with time: g(t) = g(start) * (t / start)**-nu, the power law of phase-change cells.

    Parameters
    ----------
    model : Model with mapped layers
    seconds : float
        Time t since programming; cells hold their targets up to `start`.
    nu, spread : float
        Mean and standard deviation, over cells, of the drift exponent (0 where it would be negative).
    start : float
        Seconds, more than 0.
    seed : int

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If a parameter is out of range or no layer is mapped.
    """
    for name, value in (("drift time", seconds), ("drift exponent", nu), ("exponent spread", spread)):
        _positive(value, name)
    if not _positive(start, "drift start"):
        raise QsimError("drift start is 0 seconds; more is needed")

    def faded(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        deviates = generator("drift", seed, index).normal(size=crossbar.cells.shape)
        exponents = (nu + spread * deviates).clip(min=0)
        factor = max(seconds / start, 1.0) ** -exponents
        return replace(crossbar, cells=_conductances(crossbar.cells * factor))

    facts = {"seconds": seconds, "nu": nu, "spread": spread, "start": start, "seed": seed}
    return apply_effect(model, "drift", facts, faded)


def line_resistance(model: Model, ratio: float, activity: float = 0.5) -> Model:
    """Wires that are no perfect conductors, as one fixed attenuation a cell.

    Parameters
    ----------
    model : Model with mapped layers
    ratio : float
        Resistance of a wire segment between two cells, times the conductance of the highest level.
    activity : float
        Share of the other rows that are taken to be driven, 0 to 1.

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If a parameter is out of range or no layer is mapped.
    """
    _positive(ratio, "line resistance", 1)
    _positive(activity, "row activity", 1)

    def dropped(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        mapping, cells = crossbar.mapping, crossbar.cells.copy()
        scale = mapping.top * mapping.unit
        width = 2 * mapping.per_tile if mapping.style == "differential" else mapping.cols
        for s, array in enumerate(crossbar.cells):
            for i in range(0, array.shape[0], mapping.rows):
                for j in range(0, array.shape[1], width):
                    part = np.s_[i : i + mapping.rows, j : j + width]
                    cells[s][part] = _conductances(scale * attenuated(array[part] / scale, ratio, activity))
        return replace(crossbar, cells=cells)

    return apply_effect(model, "line resistance", {"ratio": ratio, "activity": activity}, dropped)


def attenuated(conductances: Reals, ratio: float, activity: float) -> Reals:
    """Conductances (rows, columns) of one tile as seen from outside, to first order in the wires' drop.

    Rows are driven at the first column's end, columns are read, at 0 volts, at the last row's end; each has
    one segment beyond the outermost cell. A cell loses what its own row's currents drop on the segments up
    to it, and what its column's currents drop from it to the end: other rows count as `activity`, its own
    fully. With drop = row drop + column drop, in units of the driving voltage, g becomes g / (1 + drop).
    All segments have the resistance `ratio`, the highest level the conductance 1.
    """
    rows = len(conductances)
    behind = np.cumsum(conductances[:, ::-1], axis=1)[:, ::-1]  # what flows through the segment to a cell
    row_drop = np.cumsum(behind, axis=1)
    above = np.cumsum(conductances, axis=0)  # what flows, all rows driven, out of a cell's node and down
    column_drop = np.cumsum(above[::-1], axis=0)[::-1]
    own = conductances * np.arange(rows, 0, -1)[:, None]
    drop = ratio * (row_drop + activity * (column_drop - own) + own)
    return conductances / (1 + drop)


def read_noise(model: Model, sigma: float, seed: int = 0) -> Model:
    """Noise on every current that is read, drawn anew for each image, tile, slice, digit and column.

    Parameters
    ----------
    model : Model with mapped layers
    sigma : float
        Standard deviation in levels of one cell driven with digit 1; 0 takes the noise away.
    seed : int
        0 to 2**32 - 1.

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If a parameter is out of range or no layer is mapped.
    """
    _positive(sigma, "read noise")

    def noisy(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        noise = Noise.of(sigma * crossbar.mapping.unit, seed) if sigma else None
        return replace(crossbar, noise=noise)

    return apply_effect(model, "read noise", {"sigma": sigma, "seed": seed}, noisy)
