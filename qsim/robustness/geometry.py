"""The paper's geometric model of robustness, one function for each equation.

Decision regions are taken to be regular simplices in n dimensions (`simplex`, equations 3 to 8), with data
uniform inside them; the distance of a point to the nearest face then says how soon an attack crosses it
(equations 9 to 14, here). Distances are l2, in input units; q is the number of weight bits. The paper:
Gorsline, Smith and Merkel, "On the adversarial robustness of quantized neural networks", GLSVLSI 2021.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import ks_1samp

from ..errors import QsimError
from .simplex import (
    check,
    edge,
    edge_of_inradius,
    inradius,
    log_surface,
    log_volume,
    mean_distance,
    mean_distance_large_n,
    mean_distance_of_bits,
    mean_distance_of_edge,
    simplex,
)

__all__ = [
    "accuracy_bound",
    "constraints",
    "density",
    "distribution",
    "edge",
    "edge_of_inradius",
    "fitted_inradius",
    "inradius",
    "ks_critical",
    "ks_statistic",
    "l2_of_linf",
    "log_density",
    "log_surface",
    "log_survival",
    "log_volume",
    "mean_distance",
    "mean_distance_large_n",
    "mean_distance_of_bits",
    "mean_distance_of_edge",
    "sampled_distances",
    "simplex",
]

Reals = npt.NDArray[np.float64]


def log_density(epsilon: npt.ArrayLike, h: float, n: float) -> Reals:
    """Equation 12: ln f, the density of the distance; -inf outside 0 to h (and at h, if n > 1).

    Parameters
    ----------
    epsilon : float array
        Distances, in the unit of `h`.
    h : float
        The inradius, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float64 array, of the shape of `epsilon`

    Raises
    ------
    QsimError
        If `h` or `n` is out of range.
    """
    e = _strengths(epsilon, h, n)
    inside = (e >= 0) & (e <= h)
    with np.errstate(divide="ignore"):
        tail = (n - 1) * np.log1p(-np.where(inside, e, 0) / h) if n > 1 else 0.0
    return np.where(inside, math.log(n / h) + tail, -np.inf)


def density(epsilon: npt.ArrayLike, h: float, n: float) -> Reals:
    """Equation 12: f = n (h - epsilon)**(n - 1) / h**n from 0 to h, else 0.

    It meets equations 9 (mean h / (n + 1)), 10 (integral 1) and, for n > 1, 11 (f(h) = 0).

    Parameters
    ----------
    epsilon : float array
        Distances, in the unit of `h`.
    h : float
        The inradius, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float64 array, of the shape of `epsilon`

    Raises
    ------
    QsimError
        If `h` or `n` is out of range.
    """
    return np.exp(log_density(epsilon, h, n))


def constraints(h: float, n: int) -> tuple[float, float, float]:
    """Equations 9, 10 and 11 of the density: its mean, its integral from 0 to h, and f(h).

    Gauss and Legendre's quadrature, exact for the polynomials that these are.

    Parameters
    ----------
    h : float
        The inradius, more than 0.
    n : int
        Dimensions, 1 or more.

    Returns
    -------
    tuple of three floats

    Raises
    ------
    QsimError
        If `h` or `n` is out of range.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n // 2 + 2)
    e, parts = h / 2 * (nodes + 1), h / 2 * weights
    f = density(e, h, n)
    return float(parts @ (e * f)), float(parts @ f), float(density(h, h, n))


def log_survival(epsilon: npt.ArrayLike, h: float, n: float) -> Reals:
    """ln (1 - F) = n ln(1 - epsilon / h): 0 below 0, -inf from h on.

    Parameters
    ----------
    epsilon : float array
        Distances, in the unit of `h`.
    h : float
        The inradius, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float64 array, of the shape of `epsilon`

    Raises
    ------
    QsimError
        If `h` or `n` is out of range.
    """
    share = (_strengths(epsilon, h, n) / h).clip(0, 1)
    with np.errstate(divide="ignore"):
        return n * np.log1p(-share)


def distribution(epsilon: npt.ArrayLike, h: float, n: float) -> Reals:
    """Equation 13: F = 1 - ((h - epsilon) / h)**n, the share of points closer than epsilon to a face.

    Parameters
    ----------
    epsilon : float array
        Distances, in the unit of `h`.
    h : float
        The inradius, more than 0.
    n : float
        Dimensions, 1 or more.

    Returns
    -------
    float64 array, of the shape of `epsilon`
        0 to 1.

    Raises
    ------
    QsimError
        If `h` or `n` is out of range.
    """
    return -np.expm1(log_survival(epsilon, h, n))


def accuracy_bound(epsilon: npt.ArrayLike, q: int, n: int) -> Reals:
    """Equation 14: the least relative accuracy, 1 - F, under an attack of l2 length epsilon at q bits.

    Parameters
    ----------
    epsilon : float array
        l2 lengths, in input units.
    q : int
        Weight bits.
    n : int
        Dimensions, 1 or more.

    Returns
    -------
    float64 array, of the shape of `epsilon`
        0 to 1, as a share of the clean accuracy.

    Raises
    ------
    QsimError
        If `n` is below 1.
    """
    return np.exp(log_survival(epsilon, inradius(edge(q, n), n), n))


def l2_of_linf(epsilon: npt.ArrayLike, n: int) -> Reals:
    """The l2 length epsilon sqrt(n) of a step of epsilon along every one of n axes.

    Parameters
    ----------
    epsilon : float array
        Steps, in input units.
    n : int
        Inputs.

    Returns
    -------
    float64 array, of the shape of `epsilon`
    """
    return np.asarray(epsilon, np.float64) * math.sqrt(n)


def sampled_distances(s: float, n: int, points: int, seed: int) -> Reals:
    """Monte Carlo (figure 2): distances (points,) of uniform points to the nearest face.

    Nothing of equations 3 to 13 is used: faces come from the corners, points from their coordinates.

    Parameters
    ----------
    s : float
        The edge, more than 0.
    n : int
        Dimensions, 1 or more.
    points : int
        How many are drawn; the standard error of their mean falls with its square root.
    seed : int

    Returns
    -------
    float64 array (points,)
        In the unit of `s`.

    Raises
    ------
    QsimError
        If `s` or `n` is out of range.
    """
    corners = simplex(s, n)
    weights = np.random.default_rng(seed).dirichlet(np.ones(n + 1), points)
    inside = weights @ corners
    return np.min([_to_face(inside, np.delete(corners, i, axis=0)) for i in range(n + 1)], axis=0)


def _to_face(points: Reals, corners: Reals) -> Reals:
    """Distances of points (N, n) to the plane through n corners (n, n)."""
    normal = np.linalg.svd(corners[1:] - corners[0], full_matrices=True)[2][-1]
    return np.abs((points - corners[0]) @ normal)


def ks_statistic(distances: npt.ArrayLike, h: float, n: int) -> float:
    """Kolmogorov and Smirnov's statistic: the largest gap of the empirical distribution to equation 13.

    Parameters
    ----------
    distances : float array (N,)
        In the unit of `h`.
    h : float
        The inradius, more than 0.
    n : int
        Dimensions, 1 or more.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    QsimError
        If `h` or `n` is out of range.
    """
    measured = np.asarray(distances, np.float64)
    return float(ks_1samp(measured, lambda x: distribution(x, h, n), method="asymp").statistic)


def ks_critical(count: int, level: float = 0.01) -> float:
    """The statistic that `count` points of the model itself exceed with probability `level` (large count).

    Parameters
    ----------
    count : int
        1 or more.
    level : float
        More than 0, less than 1.

    Returns
    -------
    float

    Raises
    ------
    QsimError
        If `count` or `level` is out of range.
    """
    if count < 1 or not 0 < level < 1:
        raise QsimError(f"{count} points at level {level}; at least 1 and a level between 0 and 1 are needed")
    return math.sqrt(-math.log(level / 2) / (2 * count))


def fitted_inradius(epsilon: npt.ArrayLike, share: npt.ArrayLike, n: int) -> float:
    """The one parameter h with which equation 13 has the median of measured distances.

    Parameters
    ----------
    epsilon : (K,) ascending l2 distances, 0 or more
    share : (K,) the share of points closer to the boundary than that, ascending
    n : dimension

    Returns
    -------
    float; nan where fewer than half of the points are reached
    """
    e, reached = np.asarray(epsilon, np.float64), np.asarray(share, np.float64)
    at = int(np.searchsorted(reached, 0.5))
    if at == len(reached):
        return math.nan
    below, start = (e[at - 1], reached[at - 1]) if at else (0.0, 0.0)
    rise = reached[at] - start
    median = below + (e[at] - below) * ((0.5 - start) / rise if rise > 0 else 1.0)
    return float(median / -math.expm1(-math.log(2) / n)) if median > 0 else math.nan


def _strengths(epsilon: npt.ArrayLike, h: float, n: float) -> Reals:
    check(n, h)
    return np.asarray(epsilon, np.float64)
