"""Weights clipped as they are loaded, to the range that those of their layer had: a guard without hardware.

Every word of q bits is a weight on either grid, so an engine refuses none. Who loads it can know more: a
flipped bit that takes a weight out of the range of the trained ones is seen, and its weight is made the
nearest in range. The range is two integers a layer, kept where no bit flips. It helps only against faults of
the storage that is loaded from, and only where training left part of the range unused.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import QsimError
from ..model.model import Model


def clipped(broken: Model, sound: Model) -> Model:
    """A faulty network, its weights clipped layer by layer to the range of the sound one's.

    Parameters
    ----------
    broken, sound : Model of ideal layers
        The same network with faults and without.

    Raises
    ------
    QsimError
        If a layer is on crossbar tiles.
    """
    if sound.mapped:
        raise QsimError("a layer is on crossbar tiles; weights are clipped in ideal layers alone")
    layers = zip(broken.layers, sound.layers, strict=True)
    return replace(
        broken,
        layers=tuple(
            replace(layer, weights=layer.weights.clip(own.weights.min(), own.weights.max()))
            for layer, own in layers
        ),
    )
