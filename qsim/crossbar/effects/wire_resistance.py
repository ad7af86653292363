"""Wires that are no perfect conductors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...model.crossbar import Crossbar
from ...model.layer import Layer
from ...model.model import Model
from ..effect import Effect, Parameter, Reals, apply_effect, as_conductances, positive, tile_parts


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
    positive(ratio, "line resistance", 1)
    positive(activity, "row activity", 1)

    def dropped(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        mapping, cells = crossbar.mapping, crossbar.cells.copy()
        scale = mapping.top * mapping.unit
        for part in tile_parts(crossbar):
            cells[part] = as_conductances(scale * attenuated(cells[part] / scale, ratio, activity))
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


LINE_RESISTANCE = Effect(
    "line_resistance",
    70,
    line_resistance,
    (
        Parameter(
            "ratio",
            "--line-resistance",
            "Resistance of a wire segment × highest conductance.",
            starts=True,
        ),
        Parameter("activity", "--row-activity", "Share of other rows that are taken to be driven."),
    ),
)
