"""Many strengths of one attack at once: the class of each image at each strength.

Along a fixed direction, the first layer's sums are piecewise linear in the strength: an input adds its
weights at a constant rate until it reaches the end of its range and stops. Value and rate are kept, and
changed where an input stops: two matrix products and a few column updates for all strengths together.
`qsim.sweep` does so on the integers, `shadow` on the reals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..attacks.steps import Codes, Labels, Signs, with_headroom
from ..errors import QsimError
from ..kernel.sweep.api import sweep as exact_sweep
from ..model.model import Model
from ..shadow.network import Network, batches, classify, forward_from, to_real
from .stops import Stops, stop

BLOCK = 500  # images whose sums are in cache together


def shadow(
    network: Network, codes: Codes, signs: Signs, epsilons: Sequence[float], clip: bool = True
) -> Labels:
    """The float shadow's classes under x + epsilon * sign.

    Parameters
    ----------
    network : Network, its weights used as they stand
    codes : int array (N, inputs)
    signs : int8 array (N, inputs) in {-1, 0, 1}
    epsilons : (S,) ascending strengths in real input units, 0 or more
    clip : bool
        Keep attacked inputs inside the input format.

    Returns
    -------
    int64 array (N, S), equal to direct evaluation up to float32 rounding
    """
    strengths = _ascending(epsilons)
    parts = zip(batches(codes, BLOCK), batches(signs, BLOCK), strict=True)
    return np.concatenate([_block(network, part, directions, strengths, clip) for part, directions in parts])


def integer(model: Model, codes: Codes, signs: Signs, steps: Sequence[int], clip: bool = True) -> Labels:
    """The integers' classes under codes + step * sign: exactly those of the spec.

    Parameters
    ----------
    model : Model
    codes : int array (N, inputs)
    signs : int8 array (N, inputs) in {-1, 0, 1}
    steps : (S,) ascending, in LSBs, 0 or more
    clip : bool
        Keep codes inside the input format; without it the input converter is as wide as is needed.

    Returns
    -------
    int64 array (N, S)
    """
    target = model if clip else with_headroom(model, max(steps, default=0))
    return exact_sweep(target, codes, signs, np.asarray(steps))


def _block(
    network: Network, codes: Codes, signs: Signs, strengths: npt.NDArray[np.float64], clip: bool
) -> Labels:
    weights, one = network.weights[0], network.codes_per_unit
    kind = weights.dtype.type
    stops = Stops(codes, signs, network.input, strengths * one) if clip else None
    value = to_real(codes, one, kind) @ weights + network.biases[0]
    rate = (stops.moving if stops else signs).astype(kind) @ weights
    classes = np.empty((len(codes), len(strengths)), np.int64)
    for k, epsilon in enumerate(strengths):
        if stops:
            images, inputs, rooms = stops.until(k)
            stop(images, inputs, (rooms / one).astype(kind), signs, weights, value, rate)
        classes[:, k] = classify(forward_from(network, value + kind(epsilon) * rate).logits)
    return classes


def _ascending(strengths: Sequence[float]) -> npt.NDArray[np.float64]:
    array = np.asarray(strengths, np.float64)
    if not array.size or (array[1:] < array[:-1]).any() or not (array >= 0).all():
        raise QsimError(
            "strengths are empty, negative or in disorder; ascending numbers of 0 or more are needed"
        )
    return array
