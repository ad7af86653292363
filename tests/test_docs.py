"""The documentation's code runs, and its commands are the ones that CI runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def blocks(file: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / file).read_text(), re.DOTALL)


@pytest.mark.parametrize("file", ["docs/attacks.md", "docs/model.md", "docs/export.md", "README.md"])
def test_the_python_examples_run(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = blocks(file, "python")
    assert examples
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    for example in examples:
        exec(compile(example, file, "exec"), {})


def test_ci_runs_the_test_command_of_the_readme() -> None:
    (command,) = [line for line in "".join(blocks("README.md", "sh")).splitlines() if "pytest" in line]
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


def test_links_lead_somewhere() -> None:
    for file in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)", file.read_text()):
            if not target.startswith("http"):
                assert (file.parent / target).exists(), f"{file.name} links to {target}"
