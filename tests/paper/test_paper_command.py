"""`qsim paper --json`: the claims and how they were made, for programs."""

from __future__ import annotations

import json
from pathlib import Path

import made_run
import pytest
from schemas import violations

from qsim.cli import main, paper


def redrawn(folder: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "_draw", lambda out, console: console.print("drawn"))
    with pytest.raises(SystemExit) as ended:
        main(["paper", "--redraw", "--out", str(folder), "--json", where])
    assert ended.value.code in (0, None)


def test_json_holds_the_claims_and_their_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made_run.write(tmp_path / "run", ("mnist",))
    redrawn(folder, str(tmp_path / "paper.json"), monkeypatch)
    found = json.loads((tmp_path / "paper.json").read_text())
    assert violations("paper", found) == []
    assert found["command"] == "paper"
    assert found["claims"] == made_run.claims(("mnist",))
    assert found["verdicts"] == {"holds": 2, "does not hold": 2, "depends": 4}
    assert found["verdicts_strong"] == {"does not hold": 2}
    assert found["about"]["plan"] == {"datasets": ["mnist"], "seeds": 2}
    assert found["origin"]["spec"] == 1


def test_json_on_standard_output_stands_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    redrawn(made_run.write(tmp_path / "run", ("mnist",)), "-", monkeypatch)
    printed = capsys.readouterr()
    assert json.loads(printed.out)["command"] == "paper"
    assert "drawn" in printed.err
