"""The transfer matrix is each attack's codes on each model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attacked_models import MODELS, digits, images

import qsim
from qsim import QsimError, attacks
from qsim.attacks import transfer_figure
from qsim.attacks.transfer import Row, transfer
from qsim.cli import main


def test_rows_are_codes_of_one_on_the_other() -> None:
    codes, labels = images(80)
    models = {"one": digits("sigmoid", 4), "other": digits("relu", 4)}
    rows = {(r.crafted, r.scored): r for r in transfer(models, codes, labels, 0.05, restarts=1)}
    assert len(rows) == 4
    found = attacks.pgd(models["one"], codes, labels, 0.05, restarts=1)
    assert rows["one", "one"].accuracy == found.robust_accuracy
    assert rows["one", "other"].accuracy == (models["other"].predict(found.codes) == labels).mean()
    assert rows["one", "other"].clean == (models["other"].predict(codes) == labels).mean()


def test_models_of_other_shapes_are_refused() -> None:
    codes, labels = images(5)
    spiral = qsim.load(MODELS / "spiral-relu-q8.safetensors")
    with pytest.raises(QsimError, match="2 inputs and 2 classes, 64 inputs and 10 classes; all must have"):
        list(transfer({"a": digits("relu", 4), "b": spiral}, codes, labels, 0.1))


def test_the_command_writes_the_matrix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(MODELS / f"digits-relu-q{bits}.safetensors") for bits in (2, 4)]
    report = tmp_path / "r.json"
    options = ["--epsilon", "0.05", "--attack", "fgsm", "--images", "40", "--json", str(report)]
    with pytest.raises(SystemExit) as stop:
        main(["transfer", *files, *options])
    assert not stop.value.code
    rows = json.loads(report.read_text())["rows"]
    assert [(r["crafted"][-2:], r["scored"][-2:]) for r in rows] == [
        ("q2", "q2"),
        ("q2", "q4"),
        ("q4", "q2"),
        ("q4", "q4"),
    ]
    assert "crafted on" in capsys.readouterr().out


def test_the_picture_is_the_same_for_the_same_rows(tmp_path: Path) -> None:
    rows = [Row(a, b, 0.25 if a == b else 0.75, 0.9) for a in "xy" for b in "xy"]
    for suffix in transfer_figure.SUFFIXES:
        files = [tmp_path / f"{k}{suffix}" for k in range(3)]
        for file in files[:2]:
            transfer_figure.draw(rows, "title", file)
        transfer_figure.draw([*rows[:3], Row("y", "y", 0.5, 0.9)], "title", files[2])
        assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()


def test_a_picture_of_another_kind_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(MODELS / "digits-relu-q2.safetensors")
    with pytest.raises(SystemExit) as stop:
        main(["transfer", file, "--epsilon", "0.05", "--out", str(tmp_path / "a.jpg")])
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"qsim: {tmp_path / 'a.jpg'}: a picture is .png or .svg\n"
