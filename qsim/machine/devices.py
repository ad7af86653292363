"""What real cells and converters do to a model on crossbars: each a function of a model that gives a model.

Conductances stay integers, in units of 1/2**unit_bits of a level; the largest level's conductance is called
g_max here. Every effect is drawn cell by cell from its seed and the layer's index alone, and is noted in the
crossbar's history, hence in the digest. The same seed at another strength disturbs the same cells the same
way, only more or less. Effects compose in the order in which they are called.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .crossbar import MAX_CELL, Adc, Crossbar, Noise, whole
from .errors import QsimError
from .model import Model

Random = np.random.Generator
Reals = npt.NDArray[np.floating[Any]]
Change = Callable[[Crossbar, Random], Crossbar]


def changed(model: Model, name: str, change: Change, **parameters: Any) -> Model:
    """The model with every crossbar changed, and the change noted."""
    if not model.mapped:
        raise QsimError(f"{name}: the model has no layer on a crossbar; map it first")
    layers = []
    for i, layer in enumerate(model.layers):
        if layer.crossbar is not None:
            random = np.random.default_rng([parameters.get("seed", 0), i])
            crossbar = change(layer.crossbar, random)
            entry = {"effect": name, **parameters}
            layer = replace(layer, crossbar=replace(crossbar, history=(*layer.crossbar.history, entry)))
        layers.append(layer)
    return replace(model, layers=tuple(layers))


def with_cells(crossbar: Crossbar, conductance: Reals) -> Crossbar:
    """The crossbar with other cells, rounded to units (halves up) and kept in range."""
    cells = np.floor(conductance + 0.5).clip(0, MAX_CELL).astype(np.int64)
    return replace(crossbar, cells=cells)


def stuck(model: Model, *, low: float = 0.0, high: float = 0.0, seed: int = 0) -> Model:
    """Cells stuck at the lowest and at the highest level, each with its probability.

    Raises
    ------
    QsimError
        If a rate is negative or both are above 1 together.
    """
    if not (0 <= low <= 1 and 0 <= high <= 1 and low + high <= 1):
        raise QsimError(f"rates of stuck cells are {low} and {high}; 0 to 1, at most 1 together, are needed")

    def change(crossbar: Crossbar, random: Random) -> Crossbar:
        drawn = random.random(crossbar.cells.shape)
        cells = crossbar.cells.copy()
        cells[drawn < low] = 0
        cells[drawn >= 1 - high] = crossbar.mapping.top << crossbar.mapping.unit_bits
        return replace(crossbar, cells=cells)

    return changed(model, "stuck", change, low=low, high=high, seed=_seed(seed))


def on_off_ratio(model: Model, ratio: float) -> Model:
    """A finite ratio of the highest to the lowest conductance: level 0 conducts g_max / ratio.

    Levels in between are moved in proportion; g_max stays.
    """
    _number(ratio, "on/off ratio", 1, math.inf, open_low=True)

    def change(crossbar: Crossbar, random: Random) -> Crossbar:
        least = _g_max(crossbar) / ratio
        return with_cells(crossbar, least + crossbar.cells * (1 - 1 / ratio))

    return changed(model, "on_off_ratio", change, ratio=ratio)


def programming_error(
    model: Model, *, proportional: float = 0.0, independent: float = 0.0, seed: int = 0
) -> Model:
    """Gaussian error of each cell's conductance g, made once, when it is written.

    Its standard deviation is proportional * g, and independent * g_max beside it, both drawn on their own
    (NormalProportionalDevice and NormalIndependentDevice in CrossSim).
    """
    _number(proportional, "proportional error", 0, 10)
    _number(independent, "independent error", 0, 10)

    def change(crossbar: Crossbar, random: Random) -> Crossbar:
        first, second = random.standard_normal((2, *crossbar.cells.shape))
        error = proportional * crossbar.cells * first + independent * _g_max(crossbar) * second
        return with_cells(crossbar, crossbar.cells + error)

    parameters = {"proportional": proportional, "independent": independent, "seed": _seed(seed)}
    return changed(model, "programming_error", change, **parameters)


def drift(model: Model, *, time: float, exponent: float, spread: float = 0.0, seed: int = 0) -> Model:
    """Conductances after a time: g * time ** -nu, as in phase-change cells.

    Parameters
    ----------
    time : 1 or more
        Time since writing, in units of the time at which the cell was read when it was written.
    exponent : mean of nu, 0 or more
    spread : standard deviation of nu from cell to cell, as a share of its mean; nu is never negative
    """
    _number(time, "drift time", 1, 1e18)
    _number(exponent, "drift exponent", 0, 10)
    _number(spread, "spread of the drift exponent", 0, 10)

    def change(crossbar: Crossbar, random: Random) -> Crossbar:
        nu = (exponent * (1 + spread * random.standard_normal(crossbar.cells.shape))).clip(min=0)
        return with_cells(crossbar, crossbar.cells * time**-nu)

    parameters = {"time": time, "exponent": exponent, "spread": spread, "seed": _seed(seed)}
    return changed(model, "drift", change, **parameters)


def line_resistance(model: Model, resistance: float, activity: float = 0.5) -> Model:
    """Wires that are not ideal, as one attenuation for each cell (see `attenuation`).

    Parameters
    ----------
    resistance : of a wire between two neighbouring cells, times g_max, 0 or more: 1 ohm beside cells of
        100 kilo-ohm is 1e-5
    activity : share of the rows that conduct together, 0 to 1
    """
    _number(resistance, "line resistance times g_max", 0, 1)
    _number(activity, "activity", 0, 1)

    def change(crossbar: Crossbar, random: Random) -> Crossbar:
        mapping, cells = crossbar.mapping, crossbar.cells
        width = mapping.per_tile * 2 if mapping.style == "differential" else mapping.cols
        seen = cells.astype(float)
        for top in range(0, cells.shape[1], mapping.rows):
            for left in range(0, cells.shape[2], width):
                tile = np.s_[:, top : top + mapping.rows, left : left + width]
                seen[tile] *= attenuation(cells[tile] / _g_max(crossbar), resistance, activity)
        return with_cells(crossbar, seen)

    return changed(model, "line_resistance", change, resistance=resistance, activity=activity)


def attenuation(conductance: Reals, resistance: float, activity: float) -> Reals:
    """How much of each cell's current arrives: 1 / (1 + drop along its row + drop along its column).

    Rows are driven on the left, columns read at the bottom. A drop is, to first order, the resistance
    times the currents that the other cells would draw through each piece of wire on the way: all cells
    further right on a row; on a column all cells above, of which a share `activity` conducts.

    Parameters
    ----------
    conductance : (..., rows, columns) in units of g_max
    """
    to_the_right = conductance[..., ::-1].cumsum(-1)[..., ::-1]
    row = to_the_right.cumsum(-1)
    above = conductance.cumsum(-2)
    column = above[..., ::-1, :].cumsum(-2)[..., ::-1, :]
    return 1 / (1 + resistance * (row + activity * column))


def read_noise(model: Model, sigma: float, seed: int = 0) -> Model:
    """Noise on every current, new at every read: sigma is its standard deviation in levels."""
    _number(sigma, "read noise in levels", 0, 1e6)

    def change(crossbar: Crossbar, random: Random) -> Crossbar:
        return replace(crossbar, noise=Noise.of(sigma * crossbar.mapping.unit, _seed(seed)))

    return changed(model, "read_noise", change, sigma=sigma, seed=seed)


def converter_error(model: Model, *, offset: float = 0.0, dnl: float = 0.0, seed: int = 0) -> Model:
    """Converters that differ: an offset each, and steps of unequal width.

    offset and dnl are standard deviations in steps (LSB): of each converter's shift, and of each
    threshold's distance from the one before. Both ends of the non-linearity lie on the ideal line, so the
    largest INL is in the middle. Thresholds that would pass each other are sorted.
    """
    _number(offset, "converter offset", 0, 1e4)
    _number(dnl, "converter DNL", 0, 1e4)

    def change(crossbar: Crossbar, random: Random) -> Crossbar:
        adc, (slices, _, columns) = crossbar.adc, crossbar.cells.shape
        shape = (slices, columns, adc.codes)
        shift, walk = random.standard_normal((slices, columns, 1)), random.standard_normal(shape).cumsum(2)
        ends = np.linspace(0, 1, adc.codes) if adc.codes > 1 else np.ones(1)
        inl = walk - walk[..., :1] - (walk[..., -1:] - walk[..., :1]) * ends
        error = (offset * shift + dnl * inl) * adc.step[:, None, None]
        moved = np.floor(np.broadcast_to(adc.thresholds, shape) + error + 0.5).astype(np.int64)
        return replace(
            crossbar, adc=Adc(np.sort(moved, axis=2), _each(adc.base, slices), _each(adc.step, slices))
        )

    return changed(model, "converter_error", change, offset=offset, dnl=dnl, seed=_seed(seed))


def _each(values: npt.NDArray[np.int64], slices: int) -> npt.NDArray[np.int64]:
    return np.resize(values, slices)


def _g_max(crossbar: Crossbar) -> int:
    return crossbar.mapping.top << crossbar.mapping.unit_bits


def _seed(seed: int) -> int:
    return whole(seed, 0, 0xFFFFFFFF, "seed")


def _number(value: float, what: str, low: float, high: float, open_low: bool = False) -> None:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or not low <= value <= high or not math.isfinite(value) or (open_low and value == low):
        bounds = f"{low:g} to {high:g}" if math.isfinite(high) else f"more than {low:g}"
        raise QsimError(f"{what} is {value!r}; {bounds} is needed")
