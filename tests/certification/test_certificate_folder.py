"""Runs into a folder: the same files whatever the threads, gone on with after a kill, judged by a command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_boxes import changed

import qsim
from qsim import QsimError
from qsim.certification import certificate, run
from qsim.certification.branch import Effort
from qsim.cli import main

MODELS = Path(__file__).parents[2] / "models"
STEP = MODELS / "digits-step-q4.safetensors"
ARGUMENTS = ["certify", str(STEP), "--radius", "1", "--radius", "2", "--nodes", "50", "--images"]


def files(folder: Path) -> dict[str, bytes]:
    """All files of a folder but those that hold times."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in found if p.suffix in (".gz", ".json", ".parquet")
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    made = tmp_path_factory.mktemp("certify")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QSIM_THREADS", "2")
        assert leaves([*ARGUMENTS, "40", "--out", str(made)]) == 0
    return made


def leaves(arguments: list[str]) -> int:
    """Run the command in this process; its exit status."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_rows_say_what_the_library_finds(folder: Path) -> None:
    from qsim.cli import study

    rows = study.read(folder / "rows.parquet")
    codes, labels = qsim.data.digits("test")
    for radius in (1, 2):
        found = qsim.certify(qsim.load(STEP), codes[:40], labels[:40], radius, nodes=50)
        wanted = [(radius, i, one.verdict, one.rung, one.nodes) for i, one in enumerate(found)]
        told = [(r["radius"], r["image"], r["verdict"], r["rung"], r["nodes"]) for r in rows]
        assert [row for row in told if row[0] == radius] == wanted
    assert {row["verdict"] for row in rows} >= {"robust", "broken"}


def test_one_thread_gives_the_same_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSIM_THREADS", "1")
    assert leaves([*ARGUMENTS, "40", "--out", str(tmp_path)]) == 0
    assert files(tmp_path) == files(folder)


def test_a_killed_run_goes_on(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "qsim", *ARGUMENTS, "40", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while len(done := list(tmp_path.rglob("*.json.gz"))) < 10:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json.gz")}
    assert len(done) <= len(kept)
    assert all(certificate.read(path)["format"] == "qsim-certificate" for path in kept)
    assert leaves([*ARGUMENTS, "40", "--out", str(tmp_path)]) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert {name: data for name, data in files(tmp_path).items() if "/." not in name} == files(folder)


def test_the_command_judges(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leaves(["certify", "--check", str(folder)]) == 0
    assert "80 certificates accepted, 0 refused" in capsys.readouterr().out
    network = next(folder.glob("*/network.json"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "network.json").write_bytes(network.read_bytes())
    for path in sorted(folder.rglob("*.json.gz"))[:3]:
        found = certificate.read(path)
        lie = changed(found, label=(found["label"] + 1) % 10, verdict="robust", proof={})
        certificate.write(tmp_path / "model" / path.name, lie)
    assert leaves(["certify", "--check", str(tmp_path)]) == 1
    assert "0 certificates accepted, 3 refused" in capsys.readouterr().out


def test_the_judge_runs_alone(folder: Path, tmp_path: Path) -> None:
    judge = tmp_path / "judge.py"
    judge.write_bytes(Path(run.checker.__file__).read_bytes())
    command = [sys.executable, "-I", str(judge), str(folder / STEP.stem)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 80


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([str(STEP), "--radius", "1"], "--out are needed"),
        ([str(STEP), "--radius", "999", "--out", "new"], "radius is 999; an integer from 0 to"),
        ([str(STEP), "--radius", "1", "--nodes", "0", "--out", "new"], "must be above 0"),
        (["--check", "nowhere"], "no certificates"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert leaves(["certify", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_another_run_is_not_gone_on_with(folder: Path) -> None:
    dataset = qsim.data.load("digits", "test")
    for model, effort in ((STEP, Effort(60)), (MODELS / "digits-step-q1.safetensors", Effort(50))):
        plan = run.Plan({STEP.stem: qsim.load(model)}, dataset, (1,), 5, effort)
        with pytest.raises(QsimError, match="the same are needed to go on"):
            run.run(plan, folder, lambda *_: None)


def test_a_damaged_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "00000.json.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(QsimError, match="not a certificate, or a damaged one"):
        certificate.read(tmp_path / "00000.json.gz")


def test_times_survive_a_line_cut_short(tmp_path: Path) -> None:
    entry = {"model": "m", "radius": 1, "image": 2, "rung": "root", "seconds": 0.5}
    (tmp_path / "times.jsonl").write_text('{"model": "m", "ra\n' + json.dumps(entry))
    assert run.seconds(tmp_path) == {("m", 1, 2): 0.5}
