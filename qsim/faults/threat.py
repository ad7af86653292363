"""Faults and adversarial inputs at once: what a faulty network withstands.

The attacker knows which bits are wrong: gradients, search and proofs are all of the faulty network. So the
two figures enclose the truth: images that are certified, and images that nothing broke.
"""

from __future__ import annotations

from dataclasses import dataclass
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

        A network whose accumulators may wrap around, as faults can make them, has no certificates: none of
        its images counts as certified.

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
        if model.wraps and not model.mapped:
            return Withstood(int(left.sum()), 0)
        radius, rows = lattice_step(model, self.epsilon), np.flatnonzero(left)
        verdicts = [finding.verdict for finding in certify(model, codes[rows], labels[rows], radius)]
        return Withstood(len(verdicts) - verdicts.count("broken"), verdicts.count("robust"))
