"""The regular simplices of the paper's geometric model: edges, volumes and mean distances, equations 3 to 8.

Lengths are l2, in input units; q is the number of weight bits. Where no simplex is built, n need not be
whole: a fitted dimension seldom is. Volumes are given as logarithms: at n = 784, n! overflows and a volume
underflows a float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError

Reals = npt.NDArray[np.float64]


def edge(q: int, n: float) -> float:
    """Draghici's longest edge max(l, l sqrt(n) / 2), l = 2**(1 - q): the bound before equation 5.

    From n = 4 on it is sqrt(n) 2**-q, the form that equation 8 uses.

    Parameters
    ----------
    q : int
        Weight bits.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float
        In input units.

    Raises
    ------
    QsimError
        If `n` is below 1.
    """
    check(n)
    side = 2.0 ** (1 - q)
    return max(side, side * math.sqrt(n) / 2)


def log_volume(s: float, n: float) -> float:
    """Equation 5: ln V of the regular n-simplex of edge s.

    Parameters
    ----------
    s : float
        The edge, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float

    Raises
    ------
    QsimError
        If `s` or `n` is out of range.
    """
    check(n, s)
    return n * math.log(s) - math.lgamma(n + 1) + (math.log(n + 1) - n * math.log(2)) / 2


def log_surface(s: float, n: float) -> float:
    """Equation 6: ln S, the total area of its n + 1 faces.

    Parameters
    ----------
    s : float
        The edge, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float

    Raises
    ------
    QsimError
        If `s` or `n` is out of range.
    """
    check(n, s)
    face = (n - 1) * math.log(s) - math.lgamma(n) + (math.log(n) - (n - 1) * math.log(2)) / 2
    return math.log(n + 1) + face


def inradius(s: float, n: float) -> float:
    """Equation 3: h = n V / S, the distance from the centre of the simplex to each face.

    Equal to s / sqrt(2 n (n + 1)).

    Parameters
    ----------
    s : float
        The edge, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float
        In the unit of `s`.

    Raises
    ------
    QsimError
        If `s` or `n` is out of range.
    """
    return n * math.exp(log_volume(s, n) - log_surface(s, n))


def edge_of_inradius(h: float, n: float) -> float:
    """The edge s of the regular n-simplex of inradius h: equation 3 solved for s.

    Parameters
    ----------
    h : float
        The inradius, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float
        In the unit of `h`.

    Raises
    ------
    QsimError
        If `h` or `n` is out of range.
    """
    check(n, h)
    return h * math.sqrt(2 * n * (n + 1))


def mean_distance(s: float, n: float) -> float:
    """Equation 4, exact: h / (n + 1), the mean distance of uniform points to the nearest face.

    Parameters
    ----------
    s : float
        The edge, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float
        In the unit of `s`.

    Raises
    ------
    QsimError
        If `s` or `n` is out of range.
    """
    return inradius(s, n) / (n + 1)


def mean_distance_large_n(s: float, n: float) -> float:
    """Equation 4 for large n: V / S, which equation 7 gives as s / sqrt(2 n**3 (n + 1)).

    The middle form of equation 7 as printed has 2**n where 2 n must stand; its other forms are right.

    Parameters
    ----------
    s : float
        The edge, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float
        In the unit of `s`.

    Raises
    ------
    QsimError
        If `s` or `n` is out of range.
    """
    return math.exp(log_volume(s, n) - log_surface(s, n))


def mean_distance_of_edge(s: float, n: float) -> float:
    """Equation 7, its last form: s / (n**2 sqrt(2)).

    Parameters
    ----------
    s : float
        The edge, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float
        In the unit of `s`.

    Raises
    ------
    QsimError
        If `s` or `n` is out of range.
    """
    check(n, s)
    return s / (n * n * math.sqrt(2))


def mean_distance_of_bits(q: int, n: int) -> float:
    """Equation 8: 1 / (2**(q + 1/2) n**(3/2)), the mean distance at q bits for n >= 4.

    Parameters
    ----------
    q : int
        Weight bits.
    n : int
        Dimensions, 4 or more for the formula to hold.

    Returns
    -------
    float
        In input units.

    Raises
    ------
    QsimError
        If `n` is below 1.
    """
    check(n)
    return 1 / (2 ** (q + 0.5) * n**1.5)


def simplex(s: float, n: int) -> Reals:
    """The corners (n + 1, n) of a regular n-simplex of edge s around the origin.

    Parameters
    ----------
    s : float
        The edge, more than 0.
    n : int
        Dimensions, 1 or more.

    Returns
    -------
    float64 array (n + 1, n)

    Raises
    ------
    QsimError
        If `s` or `n` is out of range.
    """
    check(n, s)
    centred = np.eye(n + 1) - 1 / (n + 1)
    axes = np.linalg.svd(centred)[2][:n]
    return centred @ axes.T * (s / math.sqrt(2))


def check(n: Any, length: float = 1.0) -> None:
    """Refuse a dimension below 1 and a length that is not positive."""
    if n < 1 or not 0 < length < math.inf:
        raise QsimError(f"n = {n} and length {length}; n of 1 or more and a positive length are needed")
