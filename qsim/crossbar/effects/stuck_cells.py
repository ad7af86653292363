"""Cells that cannot be programmed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...model.crossbar import MAX_CELL, Crossbar
from ...model.layer import Layer
from ...model.model import Model
from ..effect import Effect, Parameter, apply_effect, generator, positive
from .on_off_ratio import off_conductance


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
    positive(positive(low, "stuck-low rate", 1) + positive(high, "stuck-high rate", 1), "both rates", 1)

    def fixed(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        where = generator("stuck", seed, index).random(crossbar.cells.shape)
        off = off_conductance(crossbar)
        cells = np.where(where < low, off, crossbar.cells)
        on = min(off + crossbar.mapping.top * crossbar.mapping.unit, MAX_CELL)
        return replace(crossbar, cells=np.where(where >= 1 - high, on, cells))

    return apply_effect(model, "stuck", {"low": low, "high": high, "seed": seed}, fixed)


STUCK = Effect(
    "stuck",
    40,
    stuck,
    (
        Parameter("low", "--stuck-low", "Share of cells stuck at the lowest level.", starts=True),
        Parameter("high", "--stuck-high", "Share of cells stuck at the highest level.", starts=True),
    ),
    pins_cells=True,
)
