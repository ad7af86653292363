"""Every rounding mode against qonnx: what it gives, and exactly where it changes."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import missing

from qsim import QsimError
from qsim.importers.rounding import ROUNDINGS, rounding

GRID = np.arange(-40, 41) / 8  # eighths hold every tie and its neighbours


@pytest.mark.parametrize("mode", ROUNDINGS)
def test_a_mode_rounds_as_qonnx_does(mode: str) -> None:
    try:
        from qonnx.custom_op.general.intquant import resolve_rounding_mode
    except ImportError as error:
        missing(f"qonnx is not installed ({error.name})")
    assert np.array_equal(rounding(mode.lower(), "Quant").apply(GRID), resolve_rounding_mode(mode)(GRID))


@pytest.mark.parametrize("mode", ROUNDINGS)
def test_a_cut_is_where_the_result_reaches_an_integer(mode: str) -> None:
    for q in range(-4, 5):
        place, inclusive = ROUNDINGS[mode].cut(q)
        above = [Fraction(y) > place or (inclusive and Fraction(y) == place) for y in GRID.tolist()]
        assert above == (ROUNDINGS[mode].apply(GRID) >= q).tolist()


def test_halves_of_the_modes_by_hand() -> None:
    halves = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    found = {mode: ROUNDINGS[mode].apply(halves).astype(int).tolist() for mode in ROUNDINGS}
    assert found["ROUND"] == [-2, -2, 0, 0, 2, 2]
    assert found["HALF_UP"] == [-3, -2, -1, 1, 2, 3]
    assert found["HALF_DOWN"] == [-2, -1, 0, 0, 1, 2]
    assert found["UP"] == [-3, -2, -1, 1, 2, 3]
    assert found["DOWN"] == [-2, -1, 0, 0, 1, 2]


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(QsimError, match="Quant_3: rounding mode 'STOCHASTIC'; ROUND, HALF_EVEN"):
        rounding("STOCHASTIC", "Quant_3")
