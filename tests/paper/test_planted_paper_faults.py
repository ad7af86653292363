"""The paper's tests, tested: each fault in a copy of the project, and the tests beside it must notice."""

from __future__ import annotations

from pathlib import Path

import pytest
from planting import Fault, is_noticed, passes_untouched

pytest.importorskip("pyarrow")

FAULTS = [
    Fault(
        "a volume with 2 n for 2**n",
        "qsim.robustness.simplex.log_volume",
        "math.log(n + 1) - n * math.log(2)) / 2",
        "math.log(n + 1) - math.log(2 * n)) / 2",
        "tests/robustness/test_geometry.py -k volume",
    ),
    Fault(
        "the distribution's exponent is one too small",
        "qsim.robustness.geometry.log_survival",
        "return n * np.log1p(-share)",
        "return (n - 1) * np.log1p(-share)",
        "tests/robustness/test_geometry.py -k monte_carlo",
    ),
    Fault(
        "a strength too many counts as eligible",
        "qsim.robustness.critical.eligible",
        "mean >= share * mean[0]",
        "mean >= 0 * mean[0]",
        "tests/paper/test_summaries.py -k critical",
    ),
    Fault(
        "fooled is counted at this strength alone",
        "qsim.reproductions.glsvlsi2021.run.measure._scores.fooled",
        "np.maximum.accumulate(found, axis=1)[:, columns]",
        "found[:, columns]",
        "tests/paper/test_measure.py -k fooled",
    ),
    Fault(
        "models are not kept",
        "qsim.reproductions.glsvlsi2021.run.grid.run",
        "_keep(model_file(out, task), outcome.model)",
        "",
        "tests/paper/test_run.py -k other_strengths",
    ),
    Fault(
        "lengths ignore clipping",
        "qsim.reproductions.glsvlsi2021.tables.distances.histogram.moved",
        ".clip(form.low, form.high) - start",
        " - start",
        "tests/paper/test_distances.py -k histogram",
    ),
    Fault(
        "regions are turned over",
        "qsim.reproductions.glsvlsi2021.tables.networks.regions.grid",
        "np.meshgrid(axis, axis)",
        "np.meshgrid(axis, axis[::-1])",
        "tests/paper/test_exhibits.py -k regions",
    ),
    Fault(
        "a sum of a row takes its first input again and again",
        "qsim.shadow.sparse._parts.entry.at",
        "at = b.add(arguments[0], index)",
        "at = arguments[0]",
        "tests/shadow/test_sparse.py -k dense",
    ),
]


COMPILED = ("measure", "run.grid", "networks", "sparse")  # whose tests compile kernels in each copy
CASES = [
    pytest.param(
        fault, id=fault.name, marks=[pytest.mark.slow] if any(c in fault.symbol for c in COMPILED) else []
    )
    for fault in FAULTS
]


@pytest.mark.parametrize("fault", CASES)
def test_a_broken_copy_fails_and_an_untouched_one_passes(fault: Fault, tmp_path: Path) -> None:
    passes_untouched(fault.tests, tmp_path)
    is_noticed(fault, tmp_path)
