"""Converters: ranges, resolution and errors, against an independent model in real numbers."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from examples import random_codes, random_model
from hypothesis import given
from hypothesis import strategies as st

from qsim import Model, QsimError
from qsim.crossbar import converters as crossbar_adc
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Adc, Mapping
from qsim.spec import crossbar as crossbar_spec

MAPPING = Mapping(rows=16, cols=12, cell_bits=2, digit_bits=2, unit_bits=4)


def mapped(**kind: object) -> Model:
    return map_to_crossbar(random_model(0, (40, 30, 5), 4), replace(MAPPING, **kind))


def converter(model: Model, layer: int = 0) -> Adc:
    crossbar = model.layers[layer].crossbar
    assert crossbar is not None
    return crossbar.adc


@given(
    bits=st.integers(1, 8),
    least=st.integers(-500, 500),
    step=st.integers(1, 90),
    current=st.integers(-2000, 30000),
)
def test_a_code_is_the_nearest_value(bits: int, least: int, step: int, current: int) -> None:
    """As a converter in real numbers: divide by the step, round halves up, clip."""
    adc = crossbar_adc.evenly(bits, np.array([least]), np.array([step]))
    code = crossbar_spec.convert(current, adc.thresholds[0, 0].tolist())
    exact = Fraction(current - least, step) + Fraction(1, 2)
    # half of an odd step is no whole number of units: the threshold lies at the unit above it
    assert code == min(max(exact.__floor__(), 0), (1 << bits) - 1)


def test_the_largest_range_reaches_the_largest_current() -> None:
    model = crossbar_adc.with_converters(mapped(), 5)
    adc, full = converter(model), 16 * 3 * 16 * 3
    assert adc.base.tolist() == [0]
    assert adc.step.tolist() == [-(-full // 31)]
    assert abs(int(adc.step[0]) * 31 - full) < 31
    assert adc.max_code == 31


def test_a_granular_range_counts_levels_and_clips() -> None:
    adc = converter(crossbar_adc.with_converters(mapped(), 3, "granular"))
    assert adc.step.tolist() == [16]
    assert adc.thresholds[0, 0].tolist() == [16 * k - 8 for k in range(1, 8)]


def test_a_granular_converter_with_bits_enough_loses_nothing() -> None:
    model = random_model(0, (40, 30, 5), 4)
    tiles = crossbar_adc.with_converters(map_to_crossbar(model, MAPPING), 8, "granular")  # 16 * 3 * 3 = 144
    codes = random_codes(0, model, 5)
    assert (tiles.logits(codes) == model.logits(codes)).all()


def test_a_calibrated_range_holds_its_share_of_the_currents() -> None:
    model = mapped()
    codes = random_codes(1, model, 40)
    adc = converter(crossbar_adc.with_converters(model, 4, "calibrated", codes, 95))
    crossbar = model.layers[0].crossbar
    assert crossbar is not None
    assert len(adc.base) == len(crossbar.cells)
    for s, cells in enumerate(crossbar.cells):
        found = []
        for image in codes.tolist():
            for digit in range(4):
                driven = [crossbar_spec.digit_of(x, 0, digit, 2) for x in image]
                for start in range(0, 40, 16):
                    found += (np.array(driven[start : start + 16]) @ cells[start : start + 16]).tolist()
        low, high = int(adc.base[s]), int(adc.base[s] + adc.step[s] * 15)
        assert np.mean(np.less(found, low)) <= 0.05
        assert np.mean(np.greater(found, high)) <= 0.05
        assert low > 0


def test_errors_shift_and_bend_each_columns_converter() -> None:
    model = crossbar_adc.with_converters(mapped(), 6)
    ideal = converter(model)
    shifted = converter(crossbar_adc.with_converter_errors(model, offset=0.5, seed=1))
    assert shifted.thresholds.shape == (2, 33, 63)
    moves = shifted.thresholds - ideal.thresholds
    assert (moves == moves[..., :1]).all()
    assert np.std(moves[..., 0] / ideal.step[0]) == pytest.approx(0.5, rel=0.3)
    bent = converter(crossbar_adc.with_converter_errors(model, dnl=0.2, seed=1))
    inl = (bent.thresholds - ideal.thresholds) / ideal.step[0]
    assert (np.rint(inl[..., [0, -1]]) == 0).all()
    assert 0.2 < np.std(inl[..., 31]) < 1.6  # a bridge of 62 steps of 0.2 has 0.79 in the middle
    assert (np.diff(bent.thresholds) >= 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "converter bits is 0; an integer from 1 to 16 is needed"),
        ((4, "wide"), "converter range is 'wide'; one of max, calibrated, granular is needed"),
        ((4, "calibrated"), "calibrated converters need input codes to calibrate on"),
        ((4, "max", None, 10), "percentile is 10; 50 to 100 is allowed"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(QsimError, match=message):
        crossbar_adc.with_converters(mapped(), *arguments)  # type: ignore[arg-type]


def test_unsorted_thresholds_are_refused() -> None:
    with pytest.raises(QsimError, match="converter thresholds are not in ascending order"):
        Adc([3, 2], 0, 1)
