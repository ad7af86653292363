"""`qsim attack --attack …` tells what the attack of that name finds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from attacked_models import MODELS, digits, images

from qsim import load
from qsim.attacks import get
from qsim.attacks.defective import aware_shadow
from qsim.cli import main

FILE = str(MODELS / "digits-step-q1.safetensors")


def run(*arguments: str) -> int:
    return command("attack", FILE, *arguments)


def command(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    return int(stop.value.code or 0)


def test_table_json_and_codes_are_the_attack_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, codes_file = tmp_path / "r.json", tmp_path / "codes.npz"
    options = ["--attack", "annealed", "--steps", "10", "--restarts", "2", "--seed", "3", "--images", "50"]
    files = ["--json", str(report), "--out", str(codes_file)]
    assert run(*options, "--epsilon", "0.03", *files) == 0
    codes, labels = images(50)
    result = get("annealed")(digits("step", 1), codes, labels, 0.03, steps=10, restarts=2, seed=3)
    (row,) = json.loads(report.read_text())["rows"]
    assert (row["integer"], row["strength"]) == (result.robust_accuracy, 8)
    assert row["queries"] == result.queries.mean()
    saved = np.load(codes_file)
    assert (saved["codes"] == result.codes).all()
    assert (saved["success"] == result.success).all()
    assert f"{100 * result.robust_accuracy:.2f} %" in capsys.readouterr().out


def test_a_target_leaves_its_own_images_out(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    wanted = ["--attack", "pgd", "--steps", "5", "--target", "3", "--norm", "0", "--epsilon", "4"]
    assert run(*wanted, "--images", "80", "--json", str(report)) == 0
    assert json.loads(report.read_text())["images"] == (images(80)[1] != 3).sum()


def test_on_tiles_gradients_know_the_defects(tmp_path: Path) -> None:
    file, report = tmp_path / "tiles.safetensors", tmp_path / "r.json"
    defects = ["--stuck-high", "0.05", "--rows", "64", "--seed", "1"]
    command("map", str(MODELS / "digits-relu-q4.safetensors"), *defects, "--out", str(file))
    options = ["--attack", "pgd", "--restarts", "2", "--epsilon", "0.05", "--images", "80"]
    command("attack", str(file), *options, "--json", str(report))
    told = json.loads(report.read_text())
    assert told["options"]["gradients"] == "defective"
    model, (codes, labels) = load(file), images(80)
    found = [
        get("pgd")(model, codes, labels, 0.05, restarts=2, network=network).robust_accuracy
        for network in (aware_shadow(model), None)
    ]
    assert told["rows"][0]["integer"] == found[0] < found[1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--attack", "cw"], "attack is 'cw'; one of fgsm, bim, pgd"),
        (["--attack", "pgd", "--target", "10"], "target is 10; a class from 0 to 9 is needed"),
        (["--attack", "pgd", "--steps", "0"], "steps is 0; an integer from 1"),
        (
            ["--attack", "pgd", "--epsilon", "0.1", "--out", "x.npz"],
            "2 strengths; --out takes",
        ),
        (["--attack", "pgd", "--no-clip"], "--no-clip goes with FGSM alone"),
        (["--attack", "pgd", "--images", "0"], "0 images; 1 or more are needed"),
    ],
)
def test_mistakes_are_one_sentence(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--epsilon", "0.05", *options) == 2
    assert sentence in capsys.readouterr().err
