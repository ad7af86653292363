"""Wires that are open at one cell: what lies beyond carries no current."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...model.crossbar import Crossbar, Integers
from ...model.layer import Layer
from ...model.model import Model
from ..effect import Effect, Parameter, apply_effect, generator, positive, tile_parts


def broken_wires(model: Model, rows: float = 0.0, columns: float = 0.0, seed: int = 0) -> Model:
    """Row and column wires that are open at a cell chosen at random; cells beyond the break conduct nothing.

    Rows are driven at a tile's first column, columns are read at its last row, as in `line_resistance`. A
    wire that is broken at one rate is broken, at the same cell, at every higher one, with the same seed.

    Parameters
    ----------
    model : Model with mapped layers
    rows, columns : float
        Shares of the row and of the column wires of all tiles, 0 to 1.
    seed : int

    Returns
    -------
    Model

    Raises
    ------
    QsimError
        If a share is out of range or no layer is mapped.
    """
    positive(rows, "share of broken rows", 1)
    positive(columns, "share of broken columns", 1)

    def cut(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        random, cells = generator("broken wires", seed, index), crossbar.cells.copy()
        for part in tile_parts(crossbar):
            height, width = cells[part].shape
            reached_from_left = _before_the_break(random, height, width, rows)
            reaches_the_end = _before_the_break(random, width, height, columns).T[::-1]
            cells[part] *= reached_from_left & reaches_the_end
        return replace(crossbar, cells=cells)

    facts = {"rows": rows, "columns": columns, "seed": seed}
    return apply_effect(model, "broken wires", facts, cut)


def _before_the_break(random: np.random.Generator, wires: int, length: int, rate: float) -> Integers:
    """1 for each cell (wires, length) that is connected to its wire's beginning, else 0."""
    broken, at = random.random(wires) < rate, random.integers(0, length, wires)
    return (~broken[:, None] | (np.arange(length) < at[:, None])).astype(np.int64)


BROKEN_WIRES = Effect(
    "broken_wires",
    50,
    broken_wires,
    (
        Parameter("rows", "--broken-rows", "Share of row wires open at a cell.", starts=True),
        Parameter("columns", "--broken-columns", "Share of column wires open at a cell.", starts=True),
    ),
)
