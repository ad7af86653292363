"""Conductances that fall with time."""

from __future__ import annotations

from dataclasses import replace

from ...errors import QsimError
from ...model.crossbar import Crossbar
from ...model.layer import Layer
from ...model.model import Model
from ..effect import Effect, Parameter, apply_effect, as_conductances, generator, positive


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
        positive(value, name)
    if not positive(start, "drift start"):
        raise QsimError("drift start is 0 seconds; more is needed")

    def faded(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        deviates = generator("drift", seed, index).normal(size=crossbar.cells.shape)
        exponents = (nu + spread * deviates).clip(min=0)
        factor = max(seconds / start, 1.0) ** -exponents
        return replace(crossbar, cells=as_conductances(crossbar.cells * factor))

    facts = {"seconds": seconds, "nu": nu, "spread": spread, "start": start, "seed": seed}
    return apply_effect(model, "drift", facts, faded)


DRIFT = Effect(
    "drift",
    60,
    drift,
    (
        Parameter("seconds", "--drift", "Seconds since programming.", starts=True),
        Parameter("nu", "--drift-nu", "Mean drift exponent."),
        Parameter("spread", "--drift-spread", "Deviation of the exponent over cells."),
        Parameter("start", "--drift-start", "Seconds up to which cells hold their targets."),
    ),
)
