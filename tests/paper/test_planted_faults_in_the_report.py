"""What shows the numbers, broken on purpose: the tests of figures and report must notice."""

from __future__ import annotations

import pytest
from planting import Fault, planted

pytestmark = pytest.mark.slow

FAULTS = [
    Fault(
        "a curve is the first seed's alone",
        "qsim.reproductions.glsvlsi2021.figures.accuracy",
        "means = 100 * mean_of(cube.values)",
        "means = 100 * cube.values[:, :, 0]",
        "tests/paper/test_figures.py -k mean_of_the_rows",
    ),
    Fault(
        "regions are upside down",
        "qsim.reproductions.glsvlsi2021.figures.spirals",
        "origin='lower'",
        "origin='upper'",
        "tests/paper/test_figures.py -k regions",
    ),
    Fault(
        "pictures carry the date",
        "qsim.reproductions.glsvlsi2021.figures.style",
        "{'Date': None, 'Creator': None}",
        "{'Creator': None}",
        "tests/paper/test_figures.py -k no_date",
    ),
    Fault(
        "the shadow's numbers stand for the integers",
        "qsim.reproductions.glsvlsi2021.report.content",
        "for path, cube in cubes.items()}",
        "for path, cube in zip(PATHS[::-1], cubes.values())}",
        "tests/paper/test_report.py -k data_are",
    ),
    Fault(
        "a claim's text is taken for HTML",
        "qsim.reproductions.glsvlsi2021.report.__init__",
        "autoescape=True",
        "autoescape=False",
        "tests/paper/test_report.py -k escaped",
    ),
    Fault(
        "signs are packed the other way round",
        "qsim.reproductions.glsvlsi2021.report.content",
        "[0, 2, 4, 6]",
        "[6, 4, 2, 0]",
        "tests/paper/test_report.py -k packed",
    ),
]


test_an_untouched_copy_passes, test_a_broken_copy_fails = planted(FAULTS)
