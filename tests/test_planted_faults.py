"""The tests themselves, tested: break one thing in a copy of the project, and some test must notice.

Each fault replaces one piece of source text. The tests named beside it must pass on an untouched copy
and fail on the broken one.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COPIED = ("qsim", "rtl", "tests", "models", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Fault:
    name: str
    file: str
    text: str
    broken: str
    tests: str


FAULTS = [
    # the specification
    Fault(
        "spec: a threshold counts only above itself",
        "qsim/machine/spec.py",
        "sum(t <= acc",
        "sum(t < acc",
        "tests/machine/test_spec.py",
    ),
    Fault(
        "spec: the highest index wins a tie",
        "qsim/machine/spec.py",
        "(logits[j], -j)",
        "(logits[j], j)",
        "tests/machine/test_spec.py",
    ),
    Fault(
        "spec: the odd grid is shifted",
        "qsim/machine/spec.py",
        "2 * stored + 1",
        "2 * stored - 1",
        "tests/machine/test_spec.py",
    ),
    # freezing and the file
    Fault(
        "quantize: a threshold is rounded down",
        "qsim/shadow/quantize.py",
        "math.ceil(h * unit / one)",
        "math.floor(h * unit / one)",
        "tests/shadow/test_quantize.py -k thresholds",
    ),
    Fault(
        "quantize: grid halves go down",
        "qsim/shadow/network.py",
        "(top / 2) + 0.5).clip(0, top).astype",
        "(top / 2) + 0.499).clip(0, top).astype",
        "tests/shadow/test_network.py -k rounding",
    ),
    Fault(
        "model file: an altered array is accepted",
        "qsim/machine/container.py",
        "    if not intact:",
        "    if False:",
        "tests/machine/test_model_file.py -k flipped",
    ),
    Fault(
        "model: bounds forget the bias",
        "qsim/machine/model.py",
        "max(m + max(b, 0)",
        "max(m + min(b, 0)",
        "tests/machine/test_model.py -k bounds",
    ),
    # the attack
    Fault(
        "attack: zero gradients move",
        "qsim/robustness/attacks.py",
        "np.sign(input_gradient(network, to_real(part, network.one), part_labels))",
        "np.where(input_gradient(network, to_real(part, network.one), part_labels) >= 0, 1, -1)",
        "tests/robustness/test_attacks.py -k zero_gradient",
    ),
    Fault(
        "attack: a step is rounded down",
        "qsim/robustness/attacks.py",
        "math.floor(exact + Fraction(1, 2))",
        "math.floor(exact)",
        "tests/robustness/test_attacks.py -k lsbs",
    ),
]


def run_tests(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    """Run some tests of a copy, in the copy."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return subprocess.run(
        [*command, *tests.split()], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


def copy_project(folder: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)


@pytest.mark.parametrize("tests", sorted({fault.tests for fault in FAULTS}))
def test_an_untouched_copy_passes(tests: str, tmp_path: Path) -> None:
    copy_project(tmp_path)
    done = run_tests(tmp_path, tests)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_copy_fails(fault: Fault, tmp_path: Path) -> None:
    copy_project(tmp_path)
    file = tmp_path / fault.file
    source = file.read_text()
    assert source.count(fault.text) == 1, f"{fault.file} must hold {fault.text!r} once"
    file.write_text(source.replace(fault.text, fault.broken))
    done = run_tests(tmp_path, fault.tests)
    assert done.returncode == 1, done.stdout + done.stderr
    assert " failed" in done.stdout
