"""The study: weights that cells stand for, rows that repeat, verdicts from rows, a figure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import random_model

from qsim.attacks import ATTACKS, bim, defective
from qsim.cli import main
from qsim.cli import study as command
from qsim.crossbar import effects as devices
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Mapping
from qsim.study import defects, figures


@pytest.mark.parametrize("style", ["offset", "differential"])
@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
def test_ideal_cells_stand_for_the_weights(style: str, grid: str) -> None:
    model = random_model(1, (7, 5, 3), bits=5, grid=grid)
    mapped = map_to_crossbar(model, Mapping(rows=4, cols=4, cell_bits=2, style=style))
    for layer in mapped.layers:
        assert (defective.effective_weights(layer) == layer.weights).all()


def test_the_noise_of_an_accumulator_is_as_foreseen() -> None:
    """Against the integers themselves: many readings of one image."""
    model = map_to_crossbar(random_model(2, (20, 3), bits=3), Mapping(rows=8, cols=8))
    noisy = devices.read_noise(model, 2.0, seed=1)
    # a lossless converter clips below 0 and at the top: bright images stay away from both
    codes = np.full((1, 20), 255)
    foreseen = defective.noise_deviation(noisy.layers[0], 0, 255)
    read = np.array([noisy.logits(codes, i)[0] for i in range(400)])
    assert 0.3 * foreseen < read.std(0).mean() < 1.1 * foreseen


LOSSLESS = ("stuck", "programming_error", "read_noise", "drift", "on_off", "on_off_pairs", "line_resistance")
MILDEST = {kind.name: kind.mildest for kind in defects.PROPERTIES if kind.name in LOSSLESS}


def made(model: str, ideal: float, aware: float) -> list[dict[str, Any]]:
    """Rows of a property of which the second value gives these accuracies under attack."""
    base = {"model": model, "bits": 4, "property": "stuck", "epsilon": 0.1, "images": 100_000}
    table = {0.0: (0.9, 0.2, 0.2), 0.01: (0.9, ideal, aware)}
    return [
        {**base, "value": value, "seed": seed, "attack": attack, "accuracy": accuracy + 0.001 * seed}
        for value, accuracies in table.items()
        for seed in range(3)
        for attack, accuracy in zip(("none", "ideal", "aware"), accuracies, strict=True)
    ]


def test_intervals_are_students_for_any_number_of_seeds() -> None:
    """Against a printed table of t at 97.5 %: degrees of freedom and quantile."""
    printed = {1: 12.706, 2: 4.303, 9: 2.262, 10: 2.228, 20: 2.086, 120: 1.980}
    for freedom, quantile in printed.items():
        values = np.random.default_rng(freedom).normal(size=freedom + 1)
        rows = [{**made("m", 0.0, 0.0)[0], "seed": i, "accuracy": v} for i, v in enumerate(values.tolist())]
        ((_, half),) = figures.summary(rows).values()
        assert half == pytest.approx(quantile * values.std(ddof=1) / (freedom + 1) ** 0.5, rel=3e-4)


def test_a_gain_that_the_aware_attack_takes_is_no_defence() -> None:
    rows = made("hides", 0.5, 0.2) + made("defends", 0.5, 0.4) + made("suffers", 0.1, 0.1)
    verdicts = {gain["model"]: gain["verdict"] for gain in figures.gains(rows)}
    assert verdicts == {"hides": "no defence", "defends": "defence"}


def test_intervals_are_students() -> None:
    mean, half = figures.summary(made("a", 0.5, 0.4))["a", "stuck", 0.01, "ideal"]
    assert mean == pytest.approx(0.501)
    assert half == pytest.approx(4.302653 * 0.001 / 3**0.5)


def test_rows_repeat_and_the_first_values_disturb_nothing() -> None:
    import qsim

    model = qsim.load(Path(__file__).parent.parent.parent / "models" / "digits-relu-q2.safetensors")
    data = qsim.data.load("digits", "test")
    codes, labels = data.codes[:40], data.labels[:40]
    first = list(defects.rows("digits", model, codes, labels, 0.1, 1))
    assert first == list(defects.rows("digits", model, codes, labels, 0.1, 1))
    ideal = float((model.predict(codes) == labels).mean())
    for row in first:
        undisturbed = row["value"] == MILDEST.get(str(row["property"]))
        if undisturbed and row["attack"] == "none":
            assert row["accuracy"] == ideal


def test_an_attack_by_name_takes_the_place_of_the_one_step() -> None:
    import qsim

    model = qsim.load(Path(__file__).parent.parent.parent / "models" / "digits-step-q2.safetensors")
    data = qsim.data.load("digits", "test")
    codes, labels = data.codes[:12], data.labels[:12]
    found = list(defects.rows("digits", model, codes, labels, 0.1, 1, bim))
    assert found == list(defects.rows("digits", model, codes, labels, 0.1, 1, bim))
    moved = bim(model, codes, labels, 0.1).codes
    for row in found:
        if row["property"] in ("stuck", "read_noise") and row["value"] == 0 and row["attack"] != "aware":
            expected = codes if row["attack"] == "none" else moved
            assert row["accuracy"] == float((model.predict(expected) == labels).mean())
    strongest_noise = [r for r in found if r["property"] == "read_noise" and r["value"] == 4]
    clean = next(r for r in strongest_noise if r["attack"] == "none")
    noisy = devices.read_noise(map_to_crossbar(model, Mapping()), 4, 0)
    reads = [noisy.predict(codes, defects.FRESH + 12 * k) == labels for k in range(defects.READS)]
    assert clean["accuracy"] == float(np.mean(reads))


MODEL = str(Path(__file__).parent.parent.parent / "models" / "digits-relu-q1.safetensors")
STUDY = ["study", MODEL, "--data", "digits"]


def test_the_command_writes_rows_and_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, json_file = str(tmp_path), tmp_path / "study.json"
    arguments = ["--images", "20", "--seeds", "2", "--out", out, "--json", str(json_file)]
    assert status([*STUDY, *arguments]) == 0
    assert "verdict" in capsys.readouterr().out
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    rows, told = command.read(tmp_path / "rows.parquet"), json.loads(json_file.read_text())
    assert {row["property"] for row in rows} == {kind.name for kind in defects.PROPERTIES}
    assert told["gains"] == figures.gains(rows)
    for mean in told["accuracies"]:
        key = mean["model"], mean["property"], mean["value"], mean["attack"]
        assert (mean["accuracy"], mean["half_interval"]) == figures.summary(rows)[key]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "0"], "0 images and 3 seeds; 1 or more of both are needed"),
        (["--attack", "fgms"], f"attack is 'fgms'; one of {', '.join(ATTACKS)} is needed"),
        (["--epsilon", "-1"], "epsilon is -1.0; a finite number of 0 or more is needed"),
        (["--data", "mnist"], "mnist has 784 inputs an image; this model takes 64"),
        (["--out", MODEL], f"{MODEL} is a file; a folder is needed"),
        ([f"{MODEL}s"], f"{MODEL}s: no such file"),
    ],
)
def test_what_cannot_be_studied_is_one_sentence(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], mnist_test: Any
) -> None:
    assert status([*STUDY, "--out", str(tmp_path / "new"), *arguments]) == 2
    assert capsys.readouterr().err == f"qsim: {message}\n"
    assert not (tmp_path / "new").exists()


def test_an_interrupt_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "new"
    arguments = [*STUDY, "--images", "1500", "--seeds", "9", "--out", str(out)]
    program = (  # the interrupt comes in the middle of the work, however fast the machine
        "import signal\n"
        "from qsim.cli import main\n"
        "from qsim.cli import study as command\n"
        "rows = command.rows\n"
        "def interrupted(*arguments):\n"
        "    for i, row in enumerate(rows(*arguments)):\n"
        "        if i == 2:\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "        yield row\n"
        "command.rows = interrupted\n"
        f"main({arguments})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "qsim: interrupted\n")
    assert not out.exists()


def status(arguments: list[str]) -> object:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return left.value.code
