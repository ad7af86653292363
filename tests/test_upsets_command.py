"""`qsim upsets`, as a user types it."""

import json
from pathlib import Path

import pytest
from test_map_command import DIGITS, failing, run

from qsim.faults import tables

SPIRAL = DIGITS.replace("digits", "spiral")


def test_upsets_and_their_table(
    compiler: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["upsets", SPIRAL, "--samples", "20", "--pe", "2", "--images", "2", "--seed", "3"]
    run([*arguments, "--out", str(tmp_path), "--json", str(tmp_path / "j")])
    rows, told = tables.read([tmp_path / "upsets.parquet"]), json.loads((tmp_path / "j").read_text())
    classes = [row["kind"] for row in told["rows"]]
    assert classes == ["accumulator", "code", "pipeline", "control", "all"]  # of one output no class is kept
    assert rows["kind"].tolist() == [kind for kind in classes[:-1] for _ in range(20)]
    for row in told["rows"][:-1]:
        own = rows["outcome"][rows["kind"] == row["kind"]]
        assert row["masked"] == (own == "masked").sum() / 20
    assert (told["pe"], told["simd"], told["protection"], told["images"]) == (2, 1, "none", 2)
    assert "silent, %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--samples 0", "number of upsets is 0; an integer from 1"),
        ("--images 0", "0 images; 1 or more are needed"),
        ("--protect hope", "protection is 'hope'; one of none, parity, secded is needed"),
        ("--pe 0", "pe of layer 0 is 0; 1 to 100 are allowed"),
        ("--data digits", "digits has 64 inputs an image; this model takes 2"),
    ],
)
def test_mistakes_are_one_sentence(
    options: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in failing(["upsets", SPIRAL, *options.split(), "--out", str(tmp_path / "o")], capsys)
