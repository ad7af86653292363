"""`qsim faults`, as a user types it."""

import json
from pathlib import Path

import pytest
from test_map_command import DIGITS, failing, run

import qsim
from qsim.faults import tables
from qsim.faults.lists import apply_faults, read


def test_single_bits_and_their_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["faults", DIGITS, "--kind", "weight-bit", "--kind", "bias-bit", "--sample", "20"]
    run([*arguments, "--images", "50", "--out", str(tmp_path), "--json", str(tmp_path / "j")])
    rows = tables.read([tmp_path / "singles.parquet"])
    first, second = qsim.load(DIGITS).accumulator_bits
    assert len(rows["kind"]) == 2 * 4 * 20 + first * 20 + second * 10
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    told = json.loads((tmp_path / "j").read_text())["rows"]
    assert len(told) == 2 * 4 + first + second + 2
    assert told[-1]["faults"] == first * 20 + second * 10
    assert "class changed" in capsys.readouterr().out


def test_rates_and_their_table(tmp_path: Path) -> None:
    arguments = ["faults", DIGITS, "--rate", "0", "--rate", "0.05", "--trials", "3", "--images", "60"]
    run([*arguments, "--out", str(tmp_path), "--json", str(tmp_path / "j")])
    usual, broken = json.loads((tmp_path / "j").read_text())["rows"]
    assert usual["faults"] == usual["corrupted"] == 0
    assert broken["accuracy"] < usual["accuracy"]
    assert (tmp_path / "figure.png").exists()


def test_attacked_inputs_and_their_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["faults", DIGITS, "--rate", "0", "--rate", "0.02", "--trials", "2", "--images", "20"]
    arguments += ["--epsilon", "0.06", "--certify"]
    run([*arguments, "--out", str(tmp_path), "--json", str(tmp_path / "j")])
    told = json.loads((tmp_path / "j").read_text())
    assert told["attack"] == {"attack": "strongest", "epsilon": 0.06, "certify": True}
    usual, broken = told["rows"]
    assert 0 < usual["certified"] <= usual["unbroken"] < usual["accuracy"]
    assert broken["certified"] <= broken["unbroken"] <= broken["accuracy"]
    assert broken["unbroken"] < usual["unbroken"]
    assert "certified, %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--rate 1.5", "fault rate is 1.5; 0 to 1 is allowed"),
        ("--epsilon 0.1", "attacked inputs and clipped weights go with drawn faults; a rate is needed"),
        ("--clip-weights", "attacked inputs and clipped weights go with drawn faults; a rate is needed"),
        ("--rate 0.1 --certify", "--certify needs --epsilon, the radius in input units"),
        ("--rate 0.1 --epsilon 0.1 --attack moon", "attack is 'moon'"),
        ("--rate 0.1 --epsilon -1", "epsilon is -1"),
        ("--kind moon", "fault kind is 'moon'; one of weight-bit"),
        ("--kind cell", "cell: no layer of this model has any; another kind is needed"),
        ("--images 0", "0 images; 1 or more are needed"),
        ("--data spiral", "spiral has 2 inputs an image; this model takes 64"),
    ],
)
def test_mistakes_are_one_sentence(
    options: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = failing(["faults", DIGITS, *options.split(), "--out", str(tmp_path / "o")], capsys)
    assert message in found


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f").touch()
    assert "is a file; a folder is needed" in failing(
        ["faults", DIGITS, "--out", str(tmp_path / "f")], capsys
    )


def test_flips_leave_a_list_that_ruins_the_network(tmp_path: Path) -> None:
    arguments = [
        "flips",
        DIGITS,
        "--kind",
        "bias-bit",
        "--crafting",
        "60",
        "--seeds",
        "1",
        "--out",
        str(tmp_path),
    ]
    run([*arguments, "--json", str(tmp_path / "j")])
    (row,) = json.loads((tmp_path / "j").read_text())["rows"]
    assert row["flips"] <= 3 < row["random"]
    codes, labels = qsim.data.digits("test")
    broken = apply_faults(qsim.load(DIGITS), read(tmp_path / "digits-relu-q4-bias-bit.csv"))
    assert (broken.predict(codes[60:]) == labels[60:]).mean() == row["accuracy"] < 0.15
    assert set(tables.read([tmp_path / "flips.parquet"])["order"]) == {"attack", "random 0"}
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--kind cell", "flips of kind 'cell'; one of weight-bit"),
        ("--budget 0", "number of flips is 0; an integer from 1"),
        ("--target 10", "target class is 10; an integer from 0 to 9"),
        ("--crafting 360", "360 images to choose by of 360; some must be left to score on"),
        ("--seeds -1", "1 or more, and 0 or more are needed"),
    ],
)
def test_flips_that_cannot_be_are_one_sentence(
    options: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in failing(["flips", DIGITS, *options.split(), "--out", str(tmp_path / "o")], capsys)
