"""What shows the numbers, broken on purpose: the tests of figures and report must notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAULTS = {  # what breaks: file under qsim/paper, source text, what it becomes, the tests that must notice
    "a curve is the first seed's alone": (
        "figures/accuracy.py",
        "means = 100 * mean_of(cube.values)",
        "means = 100 * cube.values[:, :, 0]",
        "test_figures.py -k mean_of_the_rows",
    ),
    "regions are upside down": (
        "figures/spirals.py",
        'origin="lower"',
        'origin="upper"',
        "test_figures.py -k regions",
    ),
    "pictures carry the date": (
        "figures/style.py",
        '{"Date": None, "Creator": None}',
        '{"Creator": None}',
        "test_figures.py -k no_date",
    ),
    "the shadow's numbers stand for the integers": (
        "report/content.py",
        "for path, cube in cubes.items()}",
        "for path, cube in zip(PATHS[::-1], cubes.values())}",
        "test_report.py -k data_are",
    ),
    "a claim's text is taken for HTML": (
        "report/__init__.py",
        "autoescape=True",
        "autoescape=False",
        "test_report.py -k escaped",
    ),
    "signs are packed the other way round": (
        "report/content.py",
        "[0, 2, 4, 6]",
        "[6, 4, 2, 0]",
        "test_report.py -k packed",
    ),
}


def passes(copy: Path, tests: str) -> bool:
    """Whether these tests pass on a copy of the project."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "CI": "", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests.split()]
    done = subprocess.run(
        command, cwd=copy / "tests/paper", env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_noticed(fault: str, tmp_path: Path) -> None:
    name, right, broken, tests = FAULTS[fault]
    for part in ("qsim", "tests", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    file = tmp_path / "qsim/paper" / name
    source = file.read_text()
    assert source.count(right) == 1
    assert passes(tmp_path, tests)
    file.write_text(source.replace(right, broken))
    assert not passes(tmp_path, tests)
