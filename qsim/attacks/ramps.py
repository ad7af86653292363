"""A network's margin as a sum of ramps, one for each unit of the first hidden layer, in integers.

A unit whose activation is smoothed over a width becomes clip(acc - start, 0, width): its sum's way through
what can still change. Times its weight in the margin, in whole numbers, the sum over all units is what the
lattice attack lowers; a change of one input moves each acc by a weight of the network, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..activations import activation
from ..model.model import Model
from .steps import Codes

Integers = npt.NDArray[np.int64]
Narrow = npt.NDArray[np.int32]
Reals = npt.NDArray[np.float64]

WIDTH_BITS = 12  # of a ramp, shifted right until it fits
SPANS = 1e3  # of an activation, beyond which it does not saturate but for its codes
SUM_BITS = 30  # of the sum over all units


@dataclass(frozen=True)
class Ramps:
    """What the first hidden layer does to the margins of N images.

    weights (inputs, units) and bias (units,) give the sums; `starts`, `widths` (units,) and `shift` the
    ramps, (acc - start >> shift) clipped to 0 … width; `slopes` (N, units) their weights in each margin.
    """

    weights: Narrow
    bias: Narrow
    starts: Narrow
    widths: Narrow
    shift: int
    slopes: Narrow

    @classmethod
    def of(cls, model: Model, roles: Reals, reach: float) -> Ramps:
        """Ramps of a width.

        Parameters
        ----------
        model : Model of at least one hidden layer
        roles : float array (N, units), how much the margin grows with each unit's activation
        reach : how far inputs move, in LSBs: a ramp is as wide as that moves its sum, or as its activation
        """
        layer = model.layers[0]
        moved = reach * np.sqrt(np.square(layer.weights.astype(float)).sum(axis=1))
        low, high = _span(model)
        open_ended = layer.activation is not None and activation(layer.activation).span > SPANS
        if open_ended:
            starts, ends = low - moved, high
        else:
            middle, half = (low + high) / 2, np.maximum((high - low) / 2, moved)
            starts, ends = middle - half, middle + half
        starts, ends = np.floor(starts).astype(np.int64), np.ceil(ends).astype(np.int64)
        shift = max(int((ends - starts).max()).bit_length() - WIDTH_BITS, 0)
        widths = np.maximum(ends - starts >> shift, 1)
        top = 1 << SUM_BITS - layer.outputs.bit_length()
        heights = roles * ((ends - starts) / np.maximum(high - low, 1) if open_ended else 1.0)
        largest = np.abs(heights).max(axis=1, keepdims=True, initial=0)
        slopes = np.rint(heights / np.where(largest > 0, largest, 1) * top / widths)
        narrow = (layer.weights.T, layer.bias, starts, widths)
        weights, bias, starts, widths = (np.ascontiguousarray(x, np.int32) for x in narrow)
        return cls(weights, bias, starts, widths, shift, slopes.astype(np.int32))

    def sums(self, codes: Codes) -> Narrow:
        """The accumulators of images (N, units)."""
        return (codes.astype(np.int64) @ self.weights.astype(np.int64) + self.bias).astype(np.int32)


def _span(model: Model) -> tuple[Integers, Integers]:
    """Where each unit's activation begins and ends to change with its sum: int64 (units,) each.

    A smooth one is taken as the straight line through its middle with its own slope there.
    """
    layer = model.layers[0]
    assert layer.thresholds is not None
    first, last = layer.thresholds[:, 0], layer.thresholds[:, -1]
    own = None if layer.activation is None else activation(layer.activation)
    if own is None or own.span > SPANS or (first == last).all():
        return first - (first == last), last
    zero = np.zeros(1)
    line = own.span / float(own.slope(zero, own.forward(zero))[0])
    unit = layer.weight_denominator * layer.codes_per_unit / layer.preactivation_gain
    middle, half = (first + last) / 2, np.minimum(last - first, line * unit) / 2
    return np.floor(middle - half).astype(np.int64), np.ceil(middle + half).astype(np.int64)


def fits(model: Model) -> bool:
    """Whether a model has a hidden layer, and sums that 32 bits hold."""
    low, high = model.bounds[0]
    return len(model.layers) > 1 and max(-low, high) < 1 << 30
