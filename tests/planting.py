"""A fault planted in a copy of the project, and the tests that must notice it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from qsim_rtl.proofs.fault import planted as broken

ROOT = Path(__file__).parent.parent
PLACES = (".", "rtl")  # where packages lie
COPIED = ("qsim", "rtl", "tests", "models", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Fault:
    """One piece of a definition replaced, see `qsim_rtl.proofs.fault.planted`; `tests` must then fail."""

    name: str
    symbol: str
    text: str
    broken: str
    tests: str


def run_tests(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    """Run some tests of a copy, in the copy; the portable kernel is the one that compiles soonest."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(folder / place) for place in PLACES),
        "PYTHONDONTWRITEBYTECODE": "1",
        "QSIM_ISA": "portable",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"]
    files, _, chosen = tests.partition(" -k ")
    arguments = [files, "-k", chosen] if chosen else [files]
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


def located(symbol: str, folder: Path) -> tuple[Path, str]:
    """The file of a dotted name, and the name within it."""
    names = symbol.split(".")
    for place in PLACES:
        for count in range(len(names), 0, -1):
            file = folder.joinpath(place, *names[:count]).with_suffix(".py")
            if file.is_file():
                return file, ".".join(names[count:])
    raise LookupError(f"no module of the project holds {symbol}")


def copy_project(folder: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(source, folder / name, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy(source, folder / name)


def passes_untouched(tests: str, folder: Path) -> None:
    """The tests pass on a copy in which nothing is broken, and there are any."""
    copy_project(folder)
    done = run_tests(folder, tests)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def is_noticed(fault: Fault, folder: Path) -> None:
    """The tests named beside a fault fail on a copy that has it."""
    copy_project(folder)
    file, symbol = located(fault.symbol, folder)
    file.write_text(broken(file.read_text(), symbol, fault.text, fault.broken))
    done = run_tests(folder, fault.tests)
    assert done.returncode == 1, done.stdout + done.stderr
    assert " failed" in done.stdout


def planted(faults: Sequence[Fault]) -> tuple[Callable[..., None], Callable[..., None]]:
    """Two tests for a module: the named tests pass untouched, and each fault makes its own fail."""

    @pytest.mark.parametrize("tests", sorted({fault.tests for fault in faults}))
    def test_an_untouched_copy_passes(tests: str, tmp_path: Path) -> None:
        passes_untouched(tests, tmp_path)

    @pytest.mark.parametrize("fault", faults, ids=lambda fault: fault.name)
    def test_a_broken_copy_fails(fault: Fault, tmp_path: Path) -> None:
        is_noticed(fault, tmp_path)

    return test_an_untouched_copy_passes, test_a_broken_copy_fails
