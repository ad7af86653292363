"""Faults and adversarial inputs at once: what a faulty network withstands.

The attacker knows which bits are wrong: gradients, search and proofs are all of the faulty network. So the
two figures enclose the truth: images that are certified, and images that nothing broke.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..attacks import get
from ..attacks.steps import lattice_step
from ..certification.api import certify
from ..model.model import Model


@dataclass(frozen=True)
class Withstood:
    """How many images of a network nothing breaks, and how many are proved to be so.

    Parameters
    ----------
    unbroken : int
        Images that neither the attack nor, if proofs were asked for, their search for counterexamples broke.
    certified : int or None
        Images whose class no input within the radius changes; None if no proof was asked for.
    """

    unbroken: int
    certified: int | None


@dataclass(frozen=True)
class Threat:
    """An attack on the inputs.

    Parameters
    ----------
    attack : str
        A name of `attacks.ATTACKS`.
    epsilon : float
        Its strength in input units, l-infinity; 0 or more.
    certify : bool
        Whether images that it leaves are certified within the same radius.

    Raises
    ------
    QsimError
        If there is no such attack.
    """

    attack: str
    epsilon: float
    certify: bool = False

    def __post_init__(self) -> None:
        get(self.attack)

    def withstood(
        self, model: Model, codes: npt.NDArray[Any], labels: npt.NDArray[Any], seed: int
    ) -> Withstood:
        """Attack a network, and certify what is left.

        Proofs are of sums that do not wrap around. Where faults made accumulators that may, they are asked
        for the images within whose radius none does; the others do not count as certified.

        Parameters
        ----------
        model : Model
        codes : int array (N, inputs)
        labels : int array (N,)
        seed : int
            Of the attack.

        Returns
        -------
        Withstood

        Raises
        ------
        QsimError
            If the strength is out of range, or if certificates are asked of a network on tiles.
        """
        left = ~get(self.attack)(model, codes, labels, self.epsilon, seed=seed).success
        if not self.certify:
            return Withstood(int(left.sum()), None)
        radius, rows = lattice_step(model, self.epsilon), np.flatnonzero(left)
        proper = rows[never_wraps(model, codes[rows], radius)] if model.wraps else rows
        found = certify(_unwrapped(model), codes[proper], labels[proper], radius)
        verdicts = [finding.verdict for finding in found]
        return Withstood(len(rows) - verdicts.count("broken"), verdicts.count("robust"))


def never_wraps(model: Model, codes: npt.NDArray[Any], radius: int) -> npt.NDArray[np.bool_]:
    """Whether intervals prove that no accumulator wraps around for any input within a radius of an image.

    Parameters
    ----------
    model : Model of ideal layers
    codes : int array (N, inputs)
    radius : int
        In LSBs of the input code.

    Returns
    -------
    bool array (N,)
    """
    centre = codes.astype(np.int64)
    low, high = ((centre + move).clip(model.input.low, model.input.high) for move in (-radius, radius))
    proved = np.ones(len(codes), bool)
    for layer in model.layers:
        rising, falling = layer.weights.clip(min=0).T, layer.weights.clip(max=0).T
        low, high = low @ rising + high @ falling + layer.bias, high @ rising + low @ falling + layer.bias
        if layer.wrap_bits is not None:
            half = 1 << layer.wrap_bits - 1
            proved &= ((low >= -half) & (high < half)).all(1)
        if layer.thresholds is not None:
            rows = np.broadcast_to(layer.thresholds, (layer.outputs, layer.max_code))
            low, high = (
                np.stack(
                    [np.searchsorted(row, sums, "right") for row, sums in zip(rows, end.T, strict=True)], 1
                )
                for end in (low, high)
            )
    return proved


def _unwrapped(model: Model) -> Model:
    """The same network with accumulators that are wide enough."""
    return replace(model, layers=tuple(replace(layer, wrap_bits=None) for layer in model.layers))
