"""The geometric model against exact rational arithmetic, quadrature and points thrown into simplices."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qsim import QsimError, geometry

CASES = [(2, 2), (3, 4), (1, 5)]  # (q, n) of the paper's figure 2


def factorial_volume(s: float, n: int) -> float:
    return s**n / math.factorial(n) * math.sqrt((n + 1) / 2**n)


@pytest.mark.parametrize("n", range(1, 12))
def test_volume_and_surface(n: int) -> None:
    s = 0.7
    assert math.exp(geometry.log_volume(s, n)) == pytest.approx(factorial_volume(s, n))
    faces = (n + 1) * factorial_volume(s, n - 1)
    assert math.exp(geometry.log_surface(s, n)) == pytest.approx(faces)
    determinant = np.linalg.det(geometry.simplex(s, n)[1:] - geometry.simplex(s, n)[0])
    assert abs(determinant) / math.factorial(n) == pytest.approx(factorial_volume(s, n))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 100, 784, 100_000])
def test_closed_forms(n: int) -> None:
    s = geometry.edge(3, n)
    assert geometry.inradius(s, n) == pytest.approx(s / math.sqrt(2 * n * (n + 1)))
    assert geometry.edge_of_inradius(geometry.inradius(s, n), n) == pytest.approx(s)
    assert geometry.mean_distance_large_n(s, n) == pytest.approx(s / math.sqrt(2 * n**3 * (n + 1)))
    assert geometry.mean_distance(s, n) == pytest.approx(geometry.inradius(s, n) / (n + 1))


@pytest.mark.parametrize("q", [1, 4, 10])
def test_approximations_at_784(q: int) -> None:
    s = geometry.edge(q, 784)
    exact = geometry.mean_distance(s, 784)
    assert s == 28 * 2.0**-q
    for approximation in (
        geometry.mean_distance_large_n(s, 784),
        geometry.mean_distance_of_edge(s, 784),
        geometry.mean_distance_of_bits(q, 784),
    ):
        assert approximation == pytest.approx(exact, rel=0.003)
    assert geometry.mean_distance_of_bits(q, 784) == pytest.approx(geometry.mean_distance_of_edge(s, 784))


def test_edges_of_a_simplex_are_equal() -> None:
    corners = geometry.simplex(0.3, 5)
    lengths = [np.linalg.norm(a - b) for i, a in enumerate(corners) for b in corners[:i]]
    assert lengths == pytest.approx([0.3] * 15)
    assert geometry.edge(2, 2) == 0.5  # below n = 4 the side, not the diagonal, bounds the edge


@pytest.mark.parametrize(("q", "n"), CASES)
def test_density_meets_its_constraints(q: int, n: int) -> None:
    h = geometry.inradius(geometry.edge(q, n), n)
    e = np.linspace(0, h, 200_001)
    f = geometry.density(e, h, n)
    assert np.trapezoid(f, e) == pytest.approx(1, rel=1e-6)  # equation 10
    assert np.trapezoid(e * f, e) == pytest.approx(h / (n + 1), rel=1e-6)  # equation 9
    assert f[-1] == 0  # equation 11
    assert (np.diff(f) <= 0).all()
    running = np.concatenate([[0], np.cumsum((f[1:] + f[:-1]) / 2 * np.diff(e))])
    assert np.abs(running - geometry.distribution(e, h, n)).max() < 1e-6


@pytest.mark.parametrize("n", [1, 2, 5, 784])
def test_constraints(n: int) -> None:
    h = 0.3
    mean, whole, end = geometry.constraints(h, n)
    assert mean == pytest.approx(h / (n + 1))  # equation 9
    assert whole == pytest.approx(1)  # equation 10
    assert end == (0 if n > 1 else pytest.approx(1 / h))  # equation 11, which the line does not meet


def test_printed_middle_form_of_equation_7_is_wrong() -> None:
    s, n = 14.0, 784
    printed, meant = (s / (n * (n + 1)) * math.sqrt((n + 1) / x) for x in (2.0**n, 2.0 * n))
    assert meant == pytest.approx(geometry.mean_distance_large_n(s, n))
    assert printed < 1e-110 * meant


@pytest.mark.parametrize(("q", "n"), CASES)
def test_monte_carlo_agrees(q: int, n: int) -> None:
    s = geometry.edge(q, n)
    h = geometry.inradius(s, n)
    distances = geometry.sampled_distances(s, n, 20_000, seed=q)
    assert distances.max() <= h * (1 + 1e-9)
    assert distances.mean() == pytest.approx(geometry.mean_distance(s, n), rel=0.02)
    assert geometry.ks_statistic(distances, h, n) < geometry.ks_critical(20_000)


def test_the_statistic_is_the_largest_gap_on_either_side_of_a_step() -> None:
    distances, h, n = np.random.default_rng(0).random(50) * 0.2, 0.25, 3
    model = geometry.distribution(np.sort(distances), h, n)
    gaps = [max((i + 1) / 50 - f, f - i / 50) for i, f in enumerate(model.tolist())]
    assert geometry.ks_statistic(distances, h, n) == max(gaps)


def test_goodness_of_fit_notices_a_wrong_dimension() -> None:
    s = geometry.edge(3, 4)
    distances = geometry.sampled_distances(s, 4, 20_000, seed=0)
    for h, n in ((geometry.inradius(s, 5), 5), (geometry.inradius(s, 4) * 1.03, 4)):
        assert geometry.ks_statistic(distances, h, n) > geometry.ks_critical(20_000)


def test_bound() -> None:
    e = np.linspace(0, 0.05, 11)
    h = geometry.inradius(geometry.edge(2, 784), 784)
    assert geometry.accuracy_bound(0, 2, 784) == 1
    assert geometry.accuracy_bound(h, 2, 784) == 0
    expected = [float((1 - min(x / h, 1)) ** 784) for x in e]
    assert geometry.accuracy_bound(e, 2, 784) == pytest.approx(expected)
    assert np.isfinite(geometry.log_survival(0.99 * h, h, 784))  # where 1 - F itself underflows


def test_the_fit_recovers_the_inradius() -> None:
    h = 0.25
    for n in (2, 784):
        e = np.linspace(0, 5 * h / (n + 1), 400)
        assert geometry.fitted_inradius(e, geometry.distribution(e, h, n), n) == pytest.approx(h, rel=0.03)
    assert math.isnan(geometry.fitted_inradius([0.1, 0.2], [0.1, 0.4], 2))


@pytest.mark.parametrize("call", [lambda: geometry.edge(1, 0), lambda: geometry.inradius(0, 3)])
def test_mistakes(call: object) -> None:
    with pytest.raises(QsimError, match="are needed"):
        call()  # type: ignore[operator]
