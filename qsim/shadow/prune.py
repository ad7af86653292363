"""Weights set to zero while a network trains, and held there: each one is an adder less in constant hardware.

The share of zeros rises by Zhu and Gupta's cubic law ("To prune, or not to prune", 2017) over the first half
of the epochs. The next to go are those whose loss would cost least by the diagonal of the Fisher information,
weight² · E[gradient²] (LeCun et al., "Optimal brain damage", 1990); Adam keeps that mean anyway. A weight of
an input that is always zero goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from .adam import Adam

Reals = npt.NDArray[np.floating[Any]]


def check_sparsity(sparsity: float, grid: str) -> None:
    """Refuse a share that is none, or a grid on which no weight is zero."""
    if not 0 <= sparsity < 1:
        raise QsimError(f"sparsity is {sparsity!r}; a share of 0 or more and less than 1 is needed")
    if sparsity and grid != "twos_complement":
        raise QsimError(f"sparsity needs zeros, which the {grid} grid lacks; twos_complement has them")


class Pruning:
    """The weights that are zero so far, for one training run.

    Parameters
    ----------
    adam : Adam
        Of all weight matrices, then all biases.
    sparsity : float
        Share of all weights that are zero in the end; biases stay.
    epochs : int
        At most so many are trained.

    Attributes
    ----------
    ramp : epochs until the share is reached
    """

    def __init__(self, adam: Adam, sparsity: float, epochs: int) -> None:
        self.adam, self.sparsity = adam, sparsity
        self.ramp = max(epochs // 2, 1) if sparsity else 0
        self.matrices = len(adam.parameters) // 2
        self.kept = [np.ones_like(w) for w in adam.parameters[: self.matrices]]

    def share(self, epoch: int) -> float:
        """Of zeros after so many epochs, at most those of the ramp."""
        return self.sparsity * (1 - (1 - epoch / self.ramp) ** 3)

    def prune(self, epoch: int) -> None:
        """Up to the end of the ramp, set the weights of all layers with the least saliency to zero."""
        if epoch > self.ramp:
            return
        pairs = zip(self.adam.parameters, self.adam.squares, strict=True)
        saliency = np.concatenate(
            [(w.astype(np.float64) ** 2 * v).ravel() for w, v in pairs][: self.matrices]
        )
        gone = np.argsort(saliency, kind="stable")[: round(self.share(epoch) * len(saliency))]
        left = np.ones(len(saliency), np.float32)
        left[gone] = 0
        ends = np.cumsum([kept.size for kept in self.kept])[:-1]
        for kept, part in zip(self.kept, np.split(left, ends), strict=True):
            kept *= part.reshape(kept.shape)
        for arrays in (self.adam.parameters, self.adam.means, self.adam.rounded):
            for kept, array in zip(self.kept, arrays, strict=False):
                array *= kept

    def mask(self, gradients: Sequence[Reals]) -> list[Reals]:
        """Gradients without those of pruned weights: what is zero and has a mean of zero stays so in Adam."""
        masked = [g * kept for g, kept in zip(gradients, self.kept, strict=False)]
        return [*masked, *gradients[self.matrices :]]
