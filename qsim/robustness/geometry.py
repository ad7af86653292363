"""The paper's geometric model of robustness, one function for each equation.

Decision regions are taken to be regular simplices in n dimensions, with data uniform inside them; the
distance of a point to the nearest face then says how soon an attack crosses it. Distances are l2, in
input units; q is the number of weight bits. Where no simplex is built, n need not be whole: a fitted
dimension seldom is. Volumes are given as logarithms: at n = 784, n! overflows and a volume underflows a
float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import ks_1samp

from ..errors import QsimError

Reals = npt.NDArray[np.float64]


def edge(q: int, n: float) -> float:
    """Draghici's longest edge max(l, l sqrt(n) / 2), l = 2**(1 - q): the bound before equation 5.

    From n = 4 on it is sqrt(n) 2**-q, the form that equation 8 uses.
    """
    _check(n)
    side = 2.0 ** (1 - q)
    return max(side, side * math.sqrt(n) / 2)


def log_volume(s: float, n: float) -> float:
    """Equation 5: ln V of the regular n-simplex of edge s."""
    _check(n, s)
    return n * math.log(s) - math.lgamma(n + 1) + (math.log(n + 1) - n * math.log(2)) / 2


def log_surface(s: float, n: float) -> float:
    """Equation 6: ln S, the total area of its n + 1 faces."""
    _check(n, s)
    face = (n - 1) * math.log(s) - math.lgamma(n) + (math.log(n) - (n - 1) * math.log(2)) / 2
    return math.log(n + 1) + face


def inradius(s: float, n: float) -> float:
    """Equation 3: h = n V / S, the distance from the centre of the simplex to each face.

    Equal to s / sqrt(2 n (n + 1)).
    """
    return n * math.exp(log_volume(s, n) - log_surface(s, n))


def edge_of_inradius(h: float, n: float) -> float:
    """The edge s of the regular n-simplex of inradius h: equation 3 solved for s."""
    _check(n, h)
    return h * math.sqrt(2 * n * (n + 1))


def mean_distance(s: float, n: float) -> float:
    """Equation 4, exact: h / (n + 1), the mean distance of uniform points to the nearest face."""
    return inradius(s, n) / (n + 1)


def mean_distance_large_n(s: float, n: float) -> float:
    """Equation 4 for large n: V / S, which equation 7 gives as s / sqrt(2 n**3 (n + 1)).

    The middle form of equation 7 as printed has 2**n where 2 n must stand; its other forms are right.
    """
    return math.exp(log_volume(s, n) - log_surface(s, n))


def mean_distance_of_edge(s: float, n: float) -> float:
    """Equation 7, its last form: s / (n**2 sqrt(2))."""
    _check(n, s)
    return s / (n * n * math.sqrt(2))


def mean_distance_of_bits(q: int, n: int) -> float:
    """Equation 8: 1 / (2**(q + 1/2) n**(3/2)), the mean distance at q bits for n >= 4."""
    _check(n)
    return 1 / (2 ** (q + 0.5) * n**1.5)


def log_density(epsilon: npt.ArrayLike, h: float, n: float) -> Reals:
    """Equation 12: ln f, the density of the distance; -inf outside 0 to h (and at h, if n > 1)."""
    e = _strengths(epsilon, h, n)
    inside = (e >= 0) & (e <= h)
    with np.errstate(divide="ignore"):
        tail = (n - 1) * np.log1p(-np.where(inside, e, 0) / h) if n > 1 else 0.0
    return np.where(inside, math.log(n / h) + tail, -np.inf)


def density(epsilon: npt.ArrayLike, h: float, n: float) -> Reals:
    """Equation 12: f = n (h - epsilon)**(n - 1) / h**n from 0 to h, else 0.

    It meets equations 9 (mean h / (n + 1)), 10 (integral 1) and, for n > 1, 11 (f(h) = 0).
    """
    return np.exp(log_density(epsilon, h, n))


def constraints(h: float, n: int) -> tuple[float, float, float]:
    """Equations 9, 10 and 11 of the density: its mean, its integral from 0 to h, and f(h).

    Gauss and Legendre's quadrature, exact for the polynomials that these are.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n // 2 + 2)
    e, parts = h / 2 * (nodes + 1), h / 2 * weights
    f = density(e, h, n)
    return float(parts @ (e * f)), float(parts @ f), float(density(h, h, n))


def log_survival(epsilon: npt.ArrayLike, h: float, n: float) -> Reals:
    """ln (1 - F) = n ln(1 - epsilon / h): 0 below 0, -inf from h on."""
    share = (_strengths(epsilon, h, n) / h).clip(0, 1)
    with np.errstate(divide="ignore"):
        return n * np.log1p(-share)


def distribution(epsilon: npt.ArrayLike, h: float, n: float) -> Reals:
    """Equation 13: F = 1 - ((h - epsilon) / h)**n, the share of points closer than epsilon to a face."""
    return -np.expm1(log_survival(epsilon, h, n))


def accuracy_bound(epsilon: npt.ArrayLike, q: int, n: int) -> Reals:
    """Equation 14: the least relative accuracy, 1 - F, under an attack of l2 length epsilon at q bits."""
    return np.exp(log_survival(epsilon, inradius(edge(q, n), n), n))


def l2_of_linf(epsilon: npt.ArrayLike, n: int) -> Reals:
    """The l2 length epsilon sqrt(n) of a step of epsilon along every one of n axes."""
    return np.asarray(epsilon, np.float64) * math.sqrt(n)


def simplex(s: float, n: int) -> Reals:
    """The corners (n + 1, n) of a regular n-simplex of edge s around the origin."""
    _check(n, s)
    centred = np.eye(n + 1) - 1 / (n + 1)
    axes = np.linalg.svd(centred)[2][:n]
    return centred @ axes.T * (s / math.sqrt(2))


def sampled_distances(s: float, n: int, points: int, seed: int) -> Reals:
    """Monte Carlo (figure 2): distances (points,) of uniform points to the nearest face.

    Nothing of equations 3 to 13 is used: faces come from the corners, points from their coordinates.
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
    """Kolmogorov and Smirnov's statistic: the largest gap of the empirical distribution to equation 13."""
    measured = np.asarray(distances, np.float64)
    return float(ks_1samp(measured, lambda x: distribution(x, h, n), method="asymp").statistic)


def ks_critical(count: int, level: float = 0.01) -> float:
    """The statistic that `count` points of the model itself exceed with probability `level` (large count)."""
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
    _check(n, h)
    return np.asarray(epsilon, np.float64)


def _check(n: Any, length: float = 1.0) -> None:
    if n < 1 or not 0 < length < math.inf:
        raise QsimError(f"n = {n} and length {length}; n of 1 or more and a positive length are needed")
