"""`qsim attack --attack …` tells what the attack of that name finds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from attacked_models import MODELS, digits, images

from qsim.attacks import get
from qsim.cli import main

FILE = str(MODELS / "digits-step-q1.safetensors")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["attack", FILE, *arguments])
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
