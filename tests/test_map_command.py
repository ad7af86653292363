"""`qsim map`, as a user types it."""

import json
from pathlib import Path

import pytest

import qsim
from qsim.cli import main

ROOT = Path(__file__).parent.parent
DIGITS = str(ROOT / "models/digits-relu-q4.safetensors")


def run(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code in (0, None)


def failing(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


def test_ideal_tiles_change_nothing(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    run(["map", DIGITS, "--rows", "32", "--cell-bits", "2", "--mapping", "differential", "--out", str(out)])
    codes, _ = qsim.data.digits("test")
    ideal, mapped = qsim.load(DIGITS), qsim.load(out)
    assert (mapped.logits(codes[:20]) == ideal.logits(codes[:20])).all()
    assert mapped.digest != ideal.digest


def test_everything_at_once_is_the_same_twice(tmp_path: Path) -> None:
    effects = (
        "--rows 16 --cols 32 --adc-bits 6 --adc-range calibrated --data digits --adc-offset 0.2 --adc-dnl 0.1"
    )
    effects += (
        " --on-off 50 --programming-error 0.02 --proportional-error 0.05 --stuck-low 0.01 --stuck-high 0.01"
    )
    effects += " --drift 1000 --drift-spread 0.01 --line-resistance 0.0001 --read-noise 0.3 --seed 5"
    figures = tmp_path / "map.json"
    for name in ("a", "b"):
        run(["map", DIGITS, *effects.split(), "--out", str(tmp_path / name), "--json", str(figures)])
    model = qsim.load(tmp_path / "a")
    assert model.digest == qsim.load(tmp_path / "b").digest == json.loads(figures.read_text())["digest"]
    history = [entry["effect"] for entry in model.description()["layers"][0]["history"]]
    assert history == [
        "converters",
        "on/off",
        "programming error",
        "stuck",
        "drift",
        "line resistance",
        "converter errors",
        "read noise",
    ]


def test_stuck_cells_are_listed_and_replayed(tmp_path: Path) -> None:
    faults = str(tmp_path / "faults.csv")
    run(["map", DIGITS, "--stuck-low", "0.02", "--out", str(tmp_path / "a"), "--write-faults", faults])
    run(["map", DIGITS, "--faults", faults, "--out", str(tmp_path / "b")])
    codes, _ = qsim.data.digits("test")
    first, second = qsim.load(tmp_path / "a"), qsim.load(tmp_path / "b")
    assert (first.layers[0].crossbar.cells == second.layers[0].crossbar.cells).all()  # type: ignore[union-attr]
    assert (first.logits(codes[:5]) == second.logits(codes[:5])).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--rows 0", "rows of a tile is 0; an integer from 1 to 65536 is needed"),
        ("--mapping both", "mapping is 'both'; offset or differential is needed"),
        ("--cell-bits 9", "cell bits is 9; an integer from 1 to 8 is needed"),
        ("--adc-bits 40", "converter bits is 40; an integer from 1 to 16 is needed"),
        ("--adc-bits 4 --adc-range calibrated", "calibrated converters need data; --data with one of"),
        ("--stuck-low 2", "stuck-low rate is 2.0; 0 to 1 is allowed"),
        ("--faults none.csv", "none.csv cannot be read: No such file or directory"),
        ("--on-off 0.5", "on/off ratio is 0.5; more than 1 is needed"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    options: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m"
    assert message in failing(["map", DIGITS, *options.split(), "--out", str(out)], capsys)
    assert not out.exists()
