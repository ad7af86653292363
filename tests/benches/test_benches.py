"""Every bench runs, on a small scale, and its rows become tables, files and figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import missing

from benches import __main__ as command
from benches import harness, peers, plots, scaling, shapes
from qsim.kernel import isa

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One round of little work."""
    monkeypatch.setattr(harness, "ROUNDS", 1)
    monkeypatch.setattr(harness, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(scaling, "COUNTS", (1, 40))
    monkeypatch.setattr(shapes, "SHAPES", ((64, 16, 10),))
    for name, attribute, value in (
        ("batch_size", "SIZES", (1, 30)),
        ("memory", "SIZES", (2000,)),
        ("epsilon_sweep", "STEPS", np.arange(0, 30, 2)),
    ):
        monkeypatch.setattr(import_module(f"benches.{name}"), attribute, value)
    whole = harness.digits, harness.dense
    monkeypatch.setattr(harness, "digits", lambda count: whole[0](min(count, 300)))
    monkeypatch.setattr(harness, "dense", lambda count, inputs=784: whole[1](min(count, 300), inputs))


@pytest.mark.parametrize(
    "name", [name for name in command.NAMES if name not in ("cold_start", "epsilon_sweep")]
)
def test_it_measures(name: str) -> None:
    found = import_module(f"benches.{name}").rows()
    assert found
    assert all(row.bench == name and row.median > 0 and row.best <= row.median for row in found)
    assert command.table(name, found).row_count == len(found)


def test_rows_are_saved_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not find_spec("matplotlib"):
        missing("matplotlib is not installed")
    arguments = ["--json", str(tmp_path / "rows.json"), "--plots", str(tmp_path)]
    names = ["peak", "batch_size", "bits", "scaling"]
    only = [word for name in names for word in ("--only", name)]
    monkeypatch.setattr(sys, "argv", ["benches", *only, *arguments])
    command.main()
    saved = json.loads((tmp_path / "rows.json").read_text())
    assert {row["bench"] for row in saved["rows"]} == set(names)
    assert saved["machine"]["instructions"] == list(isa.available())
    drawn = {file.stem for file in tmp_path.glob("*.svg")}
    assert {"batch_dense", "batch_digits", "bits", "scaling"} <= drawn
    assert ("roofline" in drawn) == (isa.choose() != "portable")


def test_an_unknown_name_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benches", "--only", "nothing"],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "invalid choice: 'nothing'" in done.stderr


def test_peers_give_a_class_for_each_image() -> None:
    model, codes = harness.network((20, 9, 4)), harness.dense(7, 20)
    for name, run in (peers.onnxruntime(model, codes) | peers.blas(model, codes)).items():
        found = run()
        classes = found[0] if isinstance(found, list) else found
        assert classes.shape == (7,), name
    assert plots.draw([], Path()) == []


def test_the_clock_runs_in_turns() -> None:
    calls: list[str] = []
    engines = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    rows = harness.compare("bench", "case", 5, engines)
    assert [row.engine for row in rows] == ["a", "b"]
    assert calls[-2:] == ["a", "b"]
    assert rows[0].rate == 5 / rows[0].median
