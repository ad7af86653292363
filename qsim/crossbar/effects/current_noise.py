"""Noise on every current that is read."""

from __future__ import annotations

from dataclasses import replace

from ...model.crossbar import Crossbar, Noise
from ...model.layer import Layer
from ...model.model import Model
from ..effect import Effect, Parameter, apply_effect, positive


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
    positive(sigma, "read noise")

    def noisy(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        noise = Noise.of(sigma * crossbar.mapping.unit, seed) if sigma else None
        return replace(crossbar, noise=noise)

    return apply_effect(model, "read noise", {"sigma": sigma, "seed": seed}, noisy)


READ_NOISE = Effect(
    "read_noise",
    90,
    read_noise,
    (Parameter("sigma", "--read-noise", "Deviation of a current, in levels.", starts=True),),
)
