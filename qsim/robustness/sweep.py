"""Many strengths of one attack at once: the class of each image at each strength.

Along a fixed direction, the first layer's sums are piecewise linear in the strength: an input adds its
weights at a constant rate until it reaches the end of its range and stops. Value and rate are kept, and
changed where an input stops: two matrix products and a few column updates for all strengths together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..machine.errors import QsimError
from ..machine.model import InputFormat, Layer, Model
from ..shadow.network import Network, batches, classify, logits_of, to_real
from .attacks import Codes, Labels, Signs
from .stops import Stops, stop

BLOCK = 500  # images whose sums are in cache together
TABLE = 1 << 23  # accumulator values, at most, whose codes are listed

Sums = npt.NDArray[Any]


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
    one, weights = network.one, network.weights[0]

    def block(part: Codes, part_signs: Signs) -> Labels:
        value = to_real(part, one, weights.dtype) @ weights + network.biases[0]
        form = network.input if clip else None
        lines = _lines(part, part_signs, form, strengths * one, value, weights, 1 / one)
        return np.stack([classify(logits_of(network, sums)) for sums in lines], axis=1)

    return _in_blocks(codes, signs, block)


def integer(model: Model, codes: Codes, signs: Signs, steps: Sequence[int], clip: bool = True) -> Labels:
    """The integers' classes under codes + step * sign: exactly those of the spec.

    Parameters
    ----------
    model : Model of two or more layers
    codes : int array (N, inputs)
    signs : int8 array (N, inputs) in {-1, 0, 1}
    steps : (S,) ascending, in LSBs, 0 or more
    clip : bool
        Keep codes inside the input format; without it the input converter is as wide as is needed.

    Returns
    -------
    int64 array (N, S)
    """
    strengths = _ascending(steps)
    first = model.layers[0]
    tail = Model(model.layers[1:], InputFormat(max(first.levels.bit_length(), 1)))
    weights = np.ascontiguousarray(first.weights.T)
    reals = weights.astype(np.float64)  # sums stay below 2**53, so BLAS is exact
    activate = _activation(first)

    def block(part: Codes, part_signs: Signs) -> Labels:
        value = (part.astype(np.float64) @ reals).astype(np.int64) + first.bias
        form = model.input if clip else None
        lines = _lines(part, part_signs, form, strengths.astype(np.int64), value, weights, 1)
        return np.stack([tail.predict(activate(sums)) for sums in lines], axis=1)

    return _in_blocks(codes, signs, block)


def _lines(
    codes: Codes,
    signs: Signs,
    form: InputFormat | None,
    strengths: Sums,
    value: Sums,
    weights: Sums,
    unit: float,
) -> Iterator[Sums]:
    """The first layer's sums (N, outputs) at each strength in LSBs; `unit` is what the weights see of one."""
    stops = Stops(codes, signs, form, strengths) if form else None
    reals = np.float32 if value.dtype == np.float32 else np.float64
    moving = (stops.moving if stops else signs).astype(reals)
    rate = (moving @ weights.astype(reals)).astype(value.dtype)
    kind = value.dtype.type
    for k, strength in enumerate(strengths):
        if stops:
            reached = stops.until(k)
            stop(reached, (reached[2] * unit).astype(value.dtype), signs, weights, value, rate)
        yield value + kind(strength * unit) * rate


def _activation(layer: Layer) -> Callable[[Sums], Codes]:
    """codes = how many thresholds are <= acc, from a table where the thresholds lie close enough."""
    rows = layer.thresholds
    assert rows is not None
    dtype = np.min_scalar_type(layer.levels)
    low, high = int(rows.min()), int(rows.max())
    if not layer.shared_thresholds:
        return lambda acc: (acc[:, :, None] >= rows).sum(2).astype(dtype)
    if high - low >= TABLE:
        return lambda acc: np.searchsorted(rows[0], acc, side="right").astype(dtype)
    table = np.searchsorted(rows[0], np.arange(low - 1, high + 1), side="right").astype(dtype)
    return lambda acc: table[(acc - (low - 1)).clip(0, len(table) - 1)]


def _ascending(strengths: Sequence[float]) -> npt.NDArray[np.float64]:
    array = np.asarray(strengths, np.float64)
    if not array.size or (array[1:] < array[:-1]).any() or not (array >= 0).all():
        raise QsimError(
            "strengths are empty, negative or in disorder; ascending numbers of 0 or more are needed"
        )
    return array


def _in_blocks(codes: Codes, signs: Signs, block: Callable[[Codes, Signs], Labels]) -> Labels:
    parts = zip(batches(codes, BLOCK), batches(signs, BLOCK), strict=True)
    return np.concatenate([block(part, part_signs) for part, part_signs in parts])
