"""Images made worse while a network trains: projected gradient descent on the shadow (Madry et al. 2018)."""

from __future__ import annotations

import numpy as np

from .network import Labels, Network, Reals, input_gradient

STEPS = 7


def worsened(network: Network, x: Reals, labels: Labels, epsilon: float, rng: np.random.Generator) -> Reals:
    """Real inputs within `epsilon` of x, and within the input format, on which the loss is larger.

    Parameters
    ----------
    network : Network, its weights used as they stand
    x : float32 array (N, inputs)
    labels : int array (N,)
    epsilon : float
        Radius in real input units, norm inf.
    rng : numpy Generator, of the random starts
    """
    kind = x.dtype.type
    lowest, highest = (kind(end / network.codes_per_unit) for end in (network.input.low, network.input.high))
    low, high = np.maximum(x - kind(epsilon), lowest), np.minimum(x + kind(epsilon), highest)
    step = kind(2.5 * epsilon / STEPS)
    moved = rng.uniform(low, high).astype(x.dtype)
    for _ in range(STEPS):
        moved += step * np.sign(input_gradient(network, moved, labels))
        np.clip(moved, low, high, out=moved)
    return moved
