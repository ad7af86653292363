"""Every activation of the table: function, slopes, inverse and thresholds agree with each other."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from qsim import QsimError
from qsim.activations import ACTIVATIONS, Activation, activation, tanh
from qsim.registry import objects_in

Z = np.linspace(-4, 4, 1601)
KINKS = {"relu": [0.0], "step": [0.0], "hard_tanh": [-1.0, 1.0]}  # where there is no derivative


@pytest.mark.parametrize("kind", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_values_rise_and_keep_their_type(kind: SimpleNamespace) -> None:
    for dtype in (np.float32, np.float64):
        z = Z.astype(dtype)
        h = kind.forward(z)
        assert h.dtype == kind.slope(z, h).dtype == kind.stable_slope(z).dtype == dtype
        assert (np.diff(h) >= -1e-6).all()


@pytest.mark.parametrize("kind", [a for a in ACTIVATIONS.values() if a.name != "step"], ids=lambda a: a.name)
def test_slopes_are_the_derivative(kind: SimpleNamespace) -> None:
    z = Z[np.all([abs(Z - kink) > 1e-3 for kink in [9.0, *KINKS.get(kind.name, [])]], axis=0)]
    difference = (kind.forward(z + 1e-6) - kind.forward(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(kind.slope(z, kind.forward(z)), difference, atol=1e-8)
    np.testing.assert_allclose(kind.stable_slope(z), difference, atol=1e-8)


def test_the_step_borrows_the_sigmoids_slope() -> None:
    z = np.linspace(-4, 4, 9)
    step, sigmoid = activation("step"), activation("sigmoid")
    assert step.forward(z).tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    np.testing.assert_allclose(step.slope(z, step.forward(z)), sigmoid.slope(z, sigmoid.forward(z)))


@pytest.mark.parametrize(("name", "far"), [("sigmoid", 700.0), ("step", 700.0), ("tanh", 350.0)])
def test_stable_slopes_do_not_underflow(name: str, far: float) -> None:
    assert (activation(name).stable_slope(np.array([-far, far])) > 0).all()


def test_the_sigmoid_does_not_overflow() -> None:
    assert activation("sigmoid").forward(np.array([-1e30, 0, 1e30], np.float32)).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("bits", [2, 3, 8])
@pytest.mark.parametrize("kind", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_codes_are_the_rounded_values(kind: SimpleNamespace, bits: int) -> None:
    """Thresholds against the function itself, at every accumulator of a coarse unit."""
    unit, scale = Fraction(977, 3), kind.scale(bits, 2.5)
    thresholds = kind.thresholds(unit, scale)
    assert len(thresholds) == scale.max_code < 1 << bits
    accs = np.arange(-1500, 1501)
    codes = (accs[:, None] >= np.array(thresholds)).sum(1)
    real = kind.forward(accs / float(unit)) * float(scale.one) + scale.zero
    wrong = np.abs(codes - real.clip(0, scale.max_code))
    assert (wrong <= (1 if kind.name == "step" else 0.5) + 1e-9).all()


def test_an_unknown_name_is_refused_with_the_list_of_known_ones() -> None:
    for name in ("swish", "", None, 3):
        with pytest.raises(QsimError, match="one of hard_tanh, relu, sigmoid, step, tanh is needed"):
            activation(name)  # type: ignore[arg-type]


def test_two_objects_of_one_name_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tanh, "TWICE", replace(ACTIVATIONS["relu"]), raising=False)
    with pytest.raises(ValueError, match=r"two objects of qsim\.activations are called 'relu'"):
        objects_in("qsim.activations", Activation)
