"""The structure of the project: who may import whom, how short the way is, and that it stays clean."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {  # each part, and the parts of the project that it may import besides itself
    "qsim.machine": set(),
    "qsim.data": {"qsim.machine"},
    "qsim.shadow": {"qsim.machine", "qsim.data"},
    "qsim.robustness": {"qsim.machine", "qsim.data", "qsim.shadow"},
    "qsim.reproductions.glsvlsi2021": {
        "qsim.machine",
        "qsim.data",
        "qsim.shadow",
        "qsim.robustness",
        "qsim.cli.results",
        "qsim.cli.terminal",
    },
    "qsim.study": {
        "qsim.machine",
        "qsim.data",
        "qsim.shadow",
        "qsim.robustness",
        "qsim.cli.results",
        "qsim.cli.terminal",
    },
    "rtl": {"qsim.machine"},
}


def imports(file: Path) -> set[str]:
    """The modules that a source file imports, as absolute names, imports inside functions included."""
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{stem}.{alias.name}" for alias in node.names} | {stem}
    return names


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_point_one_way(part: str) -> None:
    place = ROOT / part.replace(".", "/")
    files = sorted(place.rglob("*.py")) or [place.with_suffix(".py")]
    for file in files:
        for name in imports(file):
            if name.split(".")[0] not in ("qsim", "rtl") or name == "qsim":
                continue
            allowed = {part, *MAY_IMPORT[part]}
            if not any(name == a or name.startswith(f"{a}.") or a.startswith(f"{name}.") for a in allowed):
                pytest.fail(f"{file.relative_to(ROOT)} imports {name}; {part} may import {sorted(allowed)}")


def test_the_machine_imports_nothing_else_of_the_project() -> None:
    for file in (ROOT / "qsim/machine").rglob("*.py"):
        ours = {name for name in imports(file) if name.split(".")[0] in ("qsim", "rtl")}
        assert all(name.startswith("qsim.machine") for name in ours), file


@pytest.mark.parametrize(
    "command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=lambda c: " ".join(c)
)
def test_the_code_is_clean(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_short() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for folder in ("qsim", "rtl", "tests", "benches", "models")
        for file in (ROOT / folder).rglob("*.py")
        if (lines := len(file.read_text().splitlines())) > 450
    }
    assert not long
