"""The main job: right figures, honest remarks, a failing status where integers differ."""

import json
from pathlib import Path

import numpy as np
import pytest
from examples import random_model

import qsim
from qsim import QsimError, data
from qsim.cli import bench, main
from qsim.cli.datasets import data_name
from qsim.robustness import evaluate

MODELS = Path(__file__).parent.parent / "models"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["bench", *arguments])
    return int(stop.value.code or 0)


def test_it_writes_the_figures_of_each_model(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    files = [str(MODELS / f"{name}.safetensors") for name in ("digits-step-q1", "spiral-relu-q4")]
    assert run(*files, "--epsilon", "0.1", "--json", str(report)) == 0
    figures = json.loads(report.read_text())
    assert [row["model"] for row in figures["rows"]] == ["digits-step-q1", "spiral-relu-q4"]
    row = figures["rows"][0]
    model = qsim.load(files[0])
    codes, labels = data.digits("test")
    assert row["digest"] == model.digest
    assert row["clean"]["integer"] == np.mean(model.predict(codes) == labels)
    assert row["matches_spec"] is True
    assert row["images_per_second"] > 0
    assert set(figures["seconds"]) == {"loading", "accuracy", "timing"}


def test_without_mnist_it_says_so_and_runs_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QSIM_DATA", str(tmp_path))
    monkeypatch.setattr(data, "MIRRORS", ())
    files = [str(MODELS / f"{name}-q4.safetensors") for name in ("mnist-relu", "digits-relu", "mnist-step")]
    assert run(*files) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "digits-relu-q4" in out
    assert "set QSIM_DATA to a folder that holds mnist/; its models are left out" in out
    assert out.count("could not be downloaded") == 1


def test_integers_that_differ_from_the_spec_fail_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate, "matches_spec", lambda model, codes: False)
    assert run(str(MODELS / "spiral-relu-q4.safetensors")) == 2
    assert "not the integers of the spec or of the hardware: spiral-relu-q4" in capsys.readouterr().err


def test_the_committed_models_are_in_a_readable_order() -> None:
    names = [file.stem for file in bench.model_files()]
    widths = [int(name.split("-q")[1]) for name in names if name.startswith("mnist-relu")]
    assert widths == sorted(widths)


def test_a_model_for_unknown_data_is_refused() -> None:
    with pytest.raises(QsimError, match="has 5 inputs; 784, 64 or 2 are known"):
        data_name(random_model(1), Path("strange.safetensors"))
    assert data_name(random_model(1, (64, 3, 2)), Path("a")) == "digits"


@pytest.mark.usefixtures("compiler")
def test_the_hardware_can_be_compared_too(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    assert run(str(MODELS / "digits-relu-q4.safetensors"), "--rtl", "--json", str(report)) == 0
    (row,) = json.loads(report.read_text())["rows"]
    assert row["rtl"]["images"] == 360
    assert (row["rtl"]["hidden"], row["rtl"]["logits"], row["rtl"]["first"]) == ([0], 0, "")
