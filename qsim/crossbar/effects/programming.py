"""Cells that miss their targets when they are written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...model.crossbar import Crossbar
from ...model.layer import Layer
from ...model.model import Model
from ..effect import Effect, Parameter, apply_effect, as_conductances, generator, positive


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
        positive(value, f"{name} programming error", 10)

    def missed(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        span = crossbar.mapping.top * crossbar.mapping.unit
        deviates = generator("programming error", seed, index).normal(size=crossbar.cells.shape)
        spread = np.hypot(uniform * span, proportional * crossbar.cells)
        return replace(crossbar, cells=as_conductances(crossbar.cells + spread * deviates))

    facts = {"uniform": uniform, "proportional": proportional, "seed": seed}
    return apply_effect(model, "programming error", facts, missed)


PROGRAMMING_ERROR = Effect(
    "programming_error",
    30,
    programming_error,
    (
        Parameter("uniform", "--programming-error", "Deviation, share of the full range.", starts=True),
        Parameter("proportional", "--proportional-error", "Deviation, share of conductance.", starts=True),
    ),
)
