"""The critical attack strength: where the number of weight bits makes no difference.

The paper takes the strength whose curve of accuracy over bits has the smallest variance. Where the attack
has won over every network, all curves meet near zero and the variance is small for no good reason; so only
strengths are searched before which the mean accuracy over bits has never fallen below a stated share of
the clean one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError

SHARE = 0.5  # of the mean clean accuracy

Reals = npt.NDArray[np.floating[Any]]


def critical_strength(epsilons: npt.ArrayLike, accuracy: npt.ArrayLike, share: float = SHARE) -> float:
    """The strength at which accuracy varies least with the number of bits.

    Parameters
    ----------
    epsilons : (S,) ascending, the first 0
    accuracy : (B, S), one row a bit width
    share : 0 to 1
        Strengths count up to the first whose accuracy, averaged over the rows, is below this share of
        that at strength 0.

    Returns
    -------
    float, one of `epsilons` above 0; nan if none of them counts
    """
    strengths, curves = np.asarray(epsilons, np.float64), np.asarray(accuracy, np.float64)
    if curves.ndim != 2 or curves.shape[1:] != strengths.shape or not strengths.size or strengths[0] != 0:
        raise QsimError(
            f"accuracies {curves.shape} at strengths {strengths.shape}; (B, S), (S,) from 0 are needed"
        )
    counts = eligible(curves, share)[1:]
    return float(strengths[1:][counts][curves.var(axis=0)[1:][counts].argmin()]) if counts.any() else math.nan


def eligible(accuracy: npt.ArrayLike, share: float = SHARE) -> npt.NDArray[np.bool_]:
    """Which strengths (S,) count: those before the mean of `accuracy` (B, S) first falls below the share."""
    mean = np.asarray(accuracy, np.float64).mean(axis=0)
    return np.logical_and.accumulate(mean >= share * mean[0])
