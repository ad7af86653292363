"""The documentation's code runs, its links lead somewhere, and its commands are the ones that CI runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL = [ROOT / "docs/tutorial.md", *(ROOT / "docs/howto").glob("*.md")]  # where `sh` runs; `bash` never does


def blocks(file: Path) -> Iterator[tuple[str, str]]:
    """The language and the text of each fenced block, in order."""
    for match in re.finditer(r"^```(\w+)\n(.*?)^```", file.read_text(), re.DOTALL | re.MULTILINE):
        yield match[1], match[2]


WITH_CODE = [
    page
    for page in PAGES
    if any(language == "python" or (language == "sh" and page in SHELL) for language, _ in blocks(page))
]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_the_examples_run_in_their_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, text in blocks(page):
        if language == "python":
            exec(compile(text, page.name, "exec"), names)
        elif language == "sh" and page in SHELL:
            for line in text.splitlines():
                run_qsim(line)


def run_qsim(line: str) -> None:
    command, *arguments = shlex.split(line, comments=True)
    assert command == "qsim"
    done = subprocess.run([sys.executable, "-m", "qsim", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_ci_runs_the_test_command_of_the_readme() -> None:
    shell = "".join(text for language, text in blocks(ROOT / "README.md") if language == "sh")
    (command,) = [line for line in shell.splitlines() if "pytest" in line]
    setup, test = command.split(" && ")
    script = (ROOT / ".ci/run").read_text()
    assert setup in script
    assert test in script


def test_the_readme_quotes_the_spec() -> None:
    readme = (ROOT / "README.md").read_text()
    for line in (
        "acc[j]  = bias[j] + Σ weight[j][i] · x[i]",
        "code[j] = how many thresholds t have t ≤ acc[j]",
    ):
        assert line in readme


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
