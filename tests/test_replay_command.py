"""`qsim replay`, as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from test_map_command import DIGITS, failing, run

import qsim
from qsim.faults.draw import draw
from qsim.faults.lists import apply_faults, of_model, write

SPIRAL = DIGITS.replace("digits", "spiral")


def test_a_list_in_emulator_and_rtl(
    compiler: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = qsim.load(SPIRAL)
    faults = draw(model, ["weight-bit", "bias-bit", "threshold-bit"], 0.01, seed=1)
    write(faults, tmp_path / "f.csv")
    arguments = ["replay", SPIRAL, "--faults", str(tmp_path / "f.csv"), "--images", "40", "--rtl"]
    run([*arguments, "--out", str(tmp_path / "broken.safetensors"), "--json", str(tmp_path / "j")])
    told, broken = json.loads((tmp_path / "j").read_text()), apply_faults(model, faults)
    assert qsim.load(tmp_path / "broken.safetensors").digest == broken.digest == told["faulty"]
    codes, labels = (array[:40] for array in qsim.data.spiral("test"))
    assert told["accuracy"] == (broken.predict(codes) == labels).mean() < told["clean"]
    assert told["changed"] == (broken.predict(codes) != model.predict(codes)).mean()
    assert told["rtl"] == {"equal": True, "first": ""}
    assert "RTL: every integer is the emulator's" in capsys.readouterr().out


def test_mistakes_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, model = tmp_path / "f.csv", qsim.load(DIGITS)
    arguments = ["replay", DIGITS, "--faults", str(path)]
    assert "f.csv cannot be read: No such file" in failing(arguments, capsys)
    write(draw(qsim.load(SPIRAL), ["bias-bit"], 0.01), path)
    assert "the faults are of network" in failing(arguments, capsys)
    write(of_model(model, {"weight-bit": np.array([[0, 100, 0, 0]])}), path)
    assert "neuron, input [100, 0] of layer 0; there is no such weight" in failing(arguments, capsys)
    write(of_model(model, {"weight-bit": np.array([[0, 0, 0, 4]])}), path)
    assert "the faults name a bit 4; 0 to 3 are allowed" in failing(arguments, capsys)
    assert "0 images; 1 or more are needed" in failing([*arguments, "--images", "0"], capsys)
