"""The command line, as a user types it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qsim
from qsim import data
from qsim.cli import main

MODELS = Path(__file__).parent.parent / "models"
DIGITS = str(MODELS / "digits-relu-q4.safetensors")


def run(*arguments: str) -> int:
    """Run the command in this process; its exit status."""
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


def test_train_run_and_attack_in_sequence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, report = str(tmp_path / "new" / "d.safetensors"), tmp_path / "r.json"
    options = ["--bits", "3", "--activation", "sigmoid", "--hidden", "16", "--hidden", "8", "--seed", "2"]
    assert run("train", "digits", *options, "--out", file, "--json", str(report)) == 0
    made = json.loads(report.read_text())
    model = qsim.load(file)
    assert made["digest"] == model.digest
    assert model.shape == (64, 16, 8, 10)
    assert model.provenance["seed"] == 2

    assert run("run", file, "--data", "digits", "--json", str(report)) == 0
    ran = json.loads(report.read_text())
    codes, labels = data.digits("test")
    assert ran["integer"] == np.mean(model.predict(codes) == labels) == made["integer"]
    assert ran["origin"]["qsim"] == "0.1.0"

    strengths = ["--epsilon", "0", "--epsilon", "0.1"]
    assert run("attack", file, "--data", "digits", *strengths, "--json", str(report)) == 0
    attacked = json.loads(report.read_text())["attacked"]
    assert [(a["epsilon"], a["step"]) for a in attacked] == [(0.0, 0), (0.1, 26)]
    assert attacked[0]["integer"] == ran["integer"]
    expected = model.predict(qsim.fgsm(model, codes, labels, 0.1)) == labels
    assert attacked[1]["integer"] == np.mean(expected)
    assert "float shadow" in capsys.readouterr().out


def test_the_same_command_makes_the_same_file(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b")]
    for file in files:
        run("train", "spiral", "--bits", "2", "--hidden", "5", "--out", str(file))
    assert files[0].read_bytes() == files[1].read_bytes()


def test_json_on_standard_output_is_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", DIGITS, "--data", "digits", "--json", "-") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["model"] == "digits-relu-q4"
    assert "float shadow" in captured.err


def test_show_lists_the_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", DIGITS) == 0
    assert "4-bit odd" in capsys.readouterr().out


def test_no_clipping_can_be_asked_for(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    arguments = ("attack", DIGITS, "--data", "digits", "--epsilon", "0.2", "--json", str(report))
    found = []
    for extra in ((), ("--no-clip",)):
        assert run(*arguments, *extra) == 0
        found.append(json.loads(report.read_text())["attacked"][0])
    assert [a["clip"] for a in found] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "nothing.safetensors"], "nothing.safetensors: no such file"),
        (["run", __file__], "not a model file, or a damaged one"),
        (["run", DIGITS, "--data", "spiral"], "spiral has 2 inputs an image; this model takes 64"),
        (["run", DIGITS, "--data", "cifar"], "data set 'cifar' is unknown; mnist, digits"),
        (["attack", DIGITS, "--data", "digits", "--epsilon", "-1"], "epsilon is -1.0; a finite number"),
        (["train", "digits", "--bits", "11", "--out", "x"], "bits is 11; 1 to 10, or none, are allowed"),
        (["train", "digits", "--activation", "gelu", "--out", "x"], "activation is 'gelu'"),
        (["train", "digits", "--hidden", "0", "--out", "x"], "hidden widths are (0,)"),
        (["train", "digits", "--hidden-bits", "17", "--hidden", "2", "--out", "x"], "hidden_bits is 17"),
        (["run", DIGITS, "--data", "digits", "--json", f"{DIGITS}/x"], "cannot be written"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.splitlines()[-1].startswith("qsim: ")
    assert "Traceback" not in error


@pytest.mark.parametrize("arguments", [["run"], ["frobnicate"], ["train", "digits", "--bits", "many"]])
def test_a_wrong_command_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert "Error" in capsys.readouterr().err


def test_hardware_without_its_packages_names_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("qsim_rtl", "amaranth")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "amaranth", None)
    assert run("verilog", DIGITS, "--out", str(tmp_path)) == 2
    assert "pip install 'qsim[rtl]'" in capsys.readouterr().err


def test_an_interrupt_leaves_no_file_and_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "d.safetensors"
    wide = ["--hidden", "2500", "--hidden", "2500"]  # minutes of training
    command = [sys.executable, "-m", "qsim", "train", "digits", *wide, "--out", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == "qsim: interrupted\n"
    assert os.listdir(tmp_path) == []


def test_the_public_names_are_there() -> None:
    public: Any = qsim
    for name in ("load", "train", "quantize", "fgsm", "spec", "data", "Model", "Layer", "InputFormat"):
        assert hasattr(public, name)
    assert callable(qsim.spec.logits)
    assert callable(qsim.data.mnist)


@pytest.mark.parametrize("columns", ["20", "200"])
@pytest.mark.parametrize("command", ["run", "attack", "show", "bench"])
def test_no_figure_is_ever_shortened(command: str, columns: str) -> None:
    """A pipe or a narrow terminal may break lines or let them overflow; it never cuts a number."""
    arguments = [command, DIGITS, *["--epsilon", "0.05"] * (command in ("attack", "bench"))]
    done = subprocess.run(
        [sys.executable, "-m", "qsim", *arguments],
        capture_output=True, text=True, env={**os.environ, "COLUMNS": columns},
    )  # fmt: skip
    wanted = {
        "run": ["97.50 %", "97.22 %"],
        "attack": ["step (LSB)", "97.50 %", "0.05"],
        "show": ["-22950…32130", "-63240…42840"],
        "bench": ["ε .05", "97.5", "97.2"],
    }
    for figure in wanted[command]:
        assert figure in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["digits-step-q1", "spiral-relu-q4"])
def test_a_models_own_data_are_the_default(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    own = name.partition("-")[0]
    for command in (["run"], ["attack", "--epsilon", "0.01"]):
        assert run(*command, str(MODELS / f"{name}.safetensors"), "--json", "-") == 0
        assert json.loads(capsys.readouterr().out)["data"] == own


@pytest.mark.parametrize("command", ["run", "attack", "show", "bench"])
def test_output_without_signs_falls_back_to_plain_ones(command: str) -> None:
    arguments = [command, DIGITS, *["--epsilon", "0.05"] * (command in ("attack", "bench"))]
    done = subprocess.run(
        [sys.executable, "-m", "qsim", *arguments],
        capture_output=True, text=True, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "digits-relu-q4" in done.stdout
    assert "?" not in done.stdout


@pytest.mark.parametrize("seconds", [0.15, 0.25, 0.4, 0.6])
def test_an_interrupt_while_imports_run_is_one_line(seconds: float) -> None:
    command = [sys.executable, "-m", "qsim", "train", "digits", "--hidden", "2500", "--out", "never"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "qsim: interrupted\n")


def test_an_interrupt_inside_an_eval_ends_with_the_status(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text("""
import sys
from qsim.cli import terminal

def stop():
    raise KeyboardInterrupt

def command(*_, **__):
    try:
        eval("stop()")
    except KeyboardInterrupt:
        sys.exit(130)

terminal.run(command, "qsim", [])
""")
    python = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(python, cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "qsim: interrupted\n")


def test_a_folder_is_no_model_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", str(tmp_path)) == 2
    assert capsys.readouterr().err == f"qsim: {tmp_path}: a folder; a model file is needed\n"
