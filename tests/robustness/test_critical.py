"""The critical strength of curves whose crossing is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qsim import QsimError
from qsim.robustness.critical import critical_strength

EPSILONS = np.round(np.arange(0, 0.51, 0.01), 2)
SLOPES = np.array([1.0, 1.5, 2.0, 2.5])


def crossing_at(strength: float) -> np.ndarray:
    """Straight curves through one point; steeper ones start higher and end at 0."""
    return (0.7 - SLOPES[:, None] * (EPSILONS - strength)).clip(0, 1)


@pytest.mark.parametrize("strength", [0.01, 0.12, 0.2])
def test_curves_that_cross(strength: float) -> None:
    assert critical_strength(EPSILONS, crossing_at(strength)) == strength


def test_where_the_attack_has_won_does_not_count() -> None:
    curves = crossing_at(0.12)
    curves += np.array([0, 0.02, -0.02, 0.01])[:, None]
    curves[:, EPSILONS > 0.4] = 0.01
    assert critical_strength(EPSILONS, curves, share=0) > 0.4
    assert critical_strength(EPSILONS, curves) < 0.2


def test_nor_does_what_comes_after() -> None:
    curves = crossing_at(0.12)
    curves[:, -5:] = 0.9  # all agree again, high up
    assert critical_strength(EPSILONS, curves) == 0.12


def test_no_strength_counts() -> None:
    assert math.isnan(critical_strength([0, 0.1, 0.2], [[1, 0.1, 0.1], [0.9, 0.2, 0.1]]))


def test_shapes_are_checked() -> None:
    with pytest.raises(QsimError, match=r"\(B, S\), \(S,\) from 0 are needed"):
        critical_strength([0, 0.1], [[1, 0.5, 0.2]])
    with pytest.raises(QsimError, match="are needed"):
        critical_strength([0.1, 0.2], [[1, 0.5]])
