"""A finite ratio of the conductances of the highest and the lowest level."""

from __future__ import annotations

from dataclasses import replace

from ...errors import QsimError
from ...model.crossbar import Crossbar
from ...model.layer import Layer
from ...model.model import Model
from ..effect import Effect, Parameter, apply_effect, as_conductances, positive


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
    if positive(ratio, "on/off ratio") <= 1:
        raise QsimError(f"on/off ratio is {ratio}; more than 1 is needed")

    def raised(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        off = crossbar.mapping.top * crossbar.mapping.unit / (ratio - 1)
        return replace(crossbar, cells=as_conductances(crossbar.cells + round(off)))

    return apply_effect(model, "on/off", {"ratio": ratio}, raised)


ON_OFF = Effect(
    "on_off",
    20,
    on_off,
    (Parameter("ratio", "--on-off", "Ratio of highest to lowest conductance.", starts=True, nothing=None),),
)
