"""The smallest strength of a list at which an attack breaks each image, by bisection.

Balls are nested: codes that break an image at one strength break it at every larger one. An image that
withstands a strength is not tried at smaller ones, so that most images cost the attack three or four calls.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..attacks.attack import Attack
from ..attacks.steps import Codes, Labels, lattice_step
from ..errors import QsimError
from ..model.model import Model


def smallest_breaking(
    attack: Attack, model: Model, codes: Codes, labels: Labels, epsilons: Sequence[float], *, seed: int = 0
) -> npt.NDArray[np.int64]:
    """Which strength is the first at which an attack breaks each image, norm inf.

    Parameters
    ----------
    attack : Attack
    model : Model
    codes : int array (N, inputs)
    labels : int array (N,)
    epsilons : strengths in input units, ascending from 0
    seed : int
        Of the attack's random numbers.

    Returns
    -------
    int64 array (N,)
        Indices into `epsilons`: 0 for an image that is wrong from the start, len(epsilons) for one that
        withstands them all. An image's does not depend on the other images.

    Raises
    ------
    QsimError
        If the strengths do not ascend from 0, or as the attack does.
    """
    steps = np.array([lattice_step(model, epsilon) for epsilon in epsilons])
    if not len(epsilons) or epsilons[0] != 0 or (np.diff(np.asarray(epsilons, np.float64)) <= 0).any():
        raise QsimError(f"strengths are {list(epsilons)}; they must ascend from 0")
    high = np.where(model.predict(codes) == labels, len(epsilons), 0)
    low = np.minimum(np.searchsorted(steps, 0, side="right"), high)  # steps of 0 move nothing
    while (going := low < high).any():
        middle = (low + high) // 2
        k = int(np.bincount(middle[going]).argmax())
        rows = np.flatnonzero(going & (middle == k))
        found = attack(model, codes[rows], labels[rows], epsilons[k], seed=seed)
        moved = np.abs(found.codes.astype(np.int64) - codes[rows]).max(axis=1)
        reached = np.minimum(np.searchsorted(steps, moved), k)  # the codes may lie in a smaller ball
        high[rows[found.success]] = reached[found.success]
        low[rows[~found.success]] = k + 1
        low = np.minimum(low, high)
    return high
