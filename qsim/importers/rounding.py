"""Rounding modes as numbers that a runtime computes, and as exact places where the result changes.

The names and meanings are those of QONNX's `Quant` (qonnx/custom_op/general/intquant.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError

Reals = npt.NDArray[np.floating[Any]]
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Rounding:
    """One mode.

    Parameters
    ----------
    apply : function of a float array
        Rounds as the reference runtime does, in the array's own type.
    cut : function of an integer q
        (place, inclusive): y rounds to q or more where y > place, and at the place itself if inclusive.
    """

    apply: Callable[[Reals], Reals]
    cut: Callable[[int], tuple[Fraction, bool]]


def _away(x: Reals) -> Reals:
    return np.sign(x) * np.ceil(np.abs(x))


def _half_away(x: Reals) -> Reals:
    return np.sign(x) * np.floor(np.abs(x) + x.dtype.type(0.5))


def _half_to_zero(x: Reals) -> Reals:
    return np.sign(x) * np.ceil(np.abs(x) - x.dtype.type(0.5))


_HALF_EVEN = Rounding(np.rint, lambda q: (q - HALF, q % 2 == 0))
ROUNDINGS = {
    "ROUND": _HALF_EVEN,
    "HALF_EVEN": _HALF_EVEN,
    "CEIL": Rounding(np.ceil, lambda q: (Fraction(q - 1), False)),
    "FLOOR": Rounding(np.floor, lambda q: (Fraction(q), True)),
    "UP": Rounding(_away, lambda q: (Fraction(q - 1), False) if q > 0 else (Fraction(q), True)),
    "DOWN": Rounding(np.trunc, lambda q: (Fraction(q), True) if q > 0 else (Fraction(q - 1), False)),
    "HALF_UP": Rounding(_half_away, lambda q: (q - HALF, q > 0)),
    "HALF_DOWN": Rounding(_half_to_zero, lambda q: (q - HALF, q <= 0)),
}


def rounding(name: str, where: str) -> Rounding:
    """The mode of that name, in any case, as `where` (a node) asks for it."""
    if name.upper() not in ROUNDINGS:
        raise QsimError(f"{where}: rounding mode {name!r}; {', '.join(ROUNDINGS)} are allowed")
    return ROUNDINGS[name.upper()]
