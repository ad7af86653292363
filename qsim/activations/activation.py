"""What an activation is: a function, its slopes, and the integer thresholds that sample it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class CodeScale:
    """What hidden codes 0 to `max_code` stand for: code c for (c - zero) / one.

    Parameters
    ----------
    max_code : int
        The number of thresholds.
    one : Fraction
        Codes per 1.0 of the activation.
    zero : int
        The code of 0.0; above 0 where the activation can be negative, since codes cannot.
    """

    max_code: int
    one: Fraction
    zero: int = 0


@dataclass(frozen=True)
class Activation:
    """A monotone function of the pre-activation z, for floats and for integers.

    Parameters
    ----------
    name : str
        As users and model files write it.
    label : str
        As figures and tables print it.
    forward : function of z
        The values h, in the type of z.
    slope : function of (z, h)
        Derivative of h by z, or a surrogate where that is useless, in the type of z.
    stable_slope : function of z
        The same for float64, computed so that it does not underflow where h saturates.
    scale : function of (bits, peak)
        The scale of hidden codes of 1 to 16 bits; `peak` is the largest h on the training data.
    inverse : function of h
        The least z with forward(z) >= h, for h strictly inside the activation's range.
    slope_over : function of (z, width), optional
        A slope for attacks, widened to what they can reach; by default that of `stretched_slope`.
    """

    name: str
    label: str
    forward: Callable[[Reals], Reals]
    slope: Callable[[Reals, Reals], Reals]
    stable_slope: Callable[[Reals], Reals]
    scale: Callable[[int, float], CodeScale]
    inverse: Callable[[Fraction], Fraction]
    slope_over: Callable[[Reals, Reals], Reals] | None = None

    def stretched_slope(self, z: Reals, width: Reals) -> Reals:
        """The slope at z of the activation, stretched along z by `width` unless it says otherwise."""
        if self.slope_over is not None:
            return self.slope_over(z, width)
        near = z / width
        return self.slope(near, self.forward(near)) / width

    @property
    def span(self) -> float:
        """The difference between the largest and the smallest value, as good as infinite for a ReLU."""
        low, high = self.forward(np.array([-1e9, 1e9]))
        return float(high - low)

    def thresholds(self, unit: Fraction, scale: CodeScale) -> list[int]:
        """The least accumulators at which the activation, rounded half up to a code, gives 1, 2, ….

        Parameters
        ----------
        unit : Fraction
            The accumulator's value that stands for a pre-activation of 1.0, more than 0.
        scale : CodeScale

        Returns
        -------
        list of int
            Ascending, `scale.max_code` of them.
        """
        halves = (Fraction(2 * code - 1, 2) - scale.zero for code in range(1, scale.max_code + 1))
        return [math.ceil(self.inverse(half / scale.one) * unit) for half in halves]
