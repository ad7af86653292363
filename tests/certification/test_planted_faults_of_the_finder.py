"""A fault in what finds certificates: enumeration or the judge must notice it."""

from __future__ import annotations

from pathlib import Path

import pytest
from planting import Fault, is_noticed, passes_untouched

TESTS = "tests/certification/test_ladder.py -k enumeration"
PLACES = [
    ("cells._interval", "min(a, b)", "a"),
    ("cells.split", "threshold - 1", "threshold - 2"),
    ("cells._narrow", "code_of(high[q]", "code_of(high[q] - 1"),
    ("cells.whole_bound", "margin.constant * scale", "(margin.constant + 1) * scale"),
    ("dual.bound_of", "least + alpha[q] * arrays.bias[q]", "least"),
    ("staircase.lowest", "range(first, last + 1)", "range(first, last)"),
    ("network.margins", "0 if wins_ties else -1", "-1"),
    ("network.arrays_of", "np.arange(layer.outputs) % len(kept)", "0 * np.arange(layer.outputs)"),
    ("counterexamples.box_of", "image + radius", "image + radius - 1"),
    ("counterexamples.value_of", "value = constant", "value = constant + 1"),
    ("cuts._try_all", "others - least", "others"),
    ("cuts._try_all", "(a - alpha[j]) * row[k]", "a * row[k]"),
    ("cuts._try_all", "bound - values[1], (low", "bound - values[0], (low"),
    ("cuts._move", "(begin - 1, a)", "(begin - 2, a)"),
    ("cuts._move", "(end + 1, a)", "(end + 2, a)"),
    ("cuts.cut", "ends.high[unit]) + 1", "ends.high[unit])"),
    ("branch._push", "(not above_first, above_first)", "(above_first,)"),
]
TILES = "tests/certification/test_certified_tiles.py -k hold"
ON_TILES = [
    ("tiles.sums_of", "least[pairs[:, 0]] - most", "most[pairs[:, 0]] - most"),
    ("tiles.sums_of", "most[pairs[:, 0]] - least", "least[pairs[:, 0]] - least"),
    ("tiles.sums_of", "lost, unit - 1", "lost, 0"),
    ("tiles.errors_of", "driven << s * mapping.cell_bits", "driven"),
    ("tiles.error_of", "(values - stops)[some]", "(values - starts)[some]"),
    ("tiles.error_of", "stops // grain * grain", "stops - stops"),
    ("tiles._enclosed", "np.hstack([down, up])", "np.hstack([up, down])"),
    ("tiles.enclosing", "lower, upper), bias", "upper, lower), bias"),
]
FAULTS = [
    Fault(symbol, f"qsim.certification.{symbol}", text, new, tests)
    for places, tests in ((PLACES, TESTS), (ON_TILES, TILES))
    for symbol, text, new in places
]


@pytest.fixture(autouse=True)
def _without_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")


@pytest.mark.slow
def test_an_untouched_copy_passes(tmp_path: Path) -> None:
    passes_untouched(TESTS, tmp_path)
    passes_untouched(TILES, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_copy_fails(fault: Fault, tmp_path: Path) -> None:
    is_noticed(fault, tmp_path)
