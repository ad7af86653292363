"""hls4ml reads the exported QONNX, and its C++ emulation gives our integers; `nox -s hls4ml` runs this."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import missing
from examples import random_codes

import qsim
from qsim import Model
from qsim.cli import main
from qsim.importers.conform import conform_outputs

hls4ml = pytest.importorskip("hls4ml", reason="hls4ml is not installed: pip install 'qsim[hls4ml]'")

ROOT = Path(__file__).parent.parent.parent
IMAGES = 2000
pytestmark = pytest.mark.filterwarnings("ignore")  # of hls4ml and what it imports


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where projects go; a compiler must be there."""
    if shutil.which("g++") is None:
        missing("g++ was not found; hls4ml's emulation needs it: apt install g++")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(name: str) -> Model:
    return qsim.load(ROOT / f"models/{name}.safetensors")


def emulated(file: onnx.ModelProto, codes: Any, precision: str | None = None) -> tuple[Any, dict[str, Any]]:
    """The outputs of hls4ml's C++ and those of each layer; by default in the type that the file names."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    fixed = precision or {p.key: p.value for p in file.metadata_props}["qsim.fixed"]
    network = cleanup_model(ModelWrapper(file.SerializeToString()))
    config = hls4ml.utils.config_from_onnx_model(
        network, granularity="name", backend="Vitis", default_precision=fixed
    )
    project = hls4ml.converters.convert_from_onnx_model(
        network, hls_config=config, backend="Vitis", output_dir="project"
    )
    for layer in project.get_layers():
        layer.set_attr("trace", True)
    project.compile()
    outputs, layers = project.trace(np.ascontiguousarray(codes, np.float32))
    return outputs, layers


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("digits-relu-q4", "bn_Mul_0"),
        ("digits-step-q4", "Dense_MatMul_0"),
        ("spiral-relu-q4", "bn_Mul_0"),
        ("mnist-relu-q4", "bn_Mul_0"),
    ],
)
def test_every_code_and_logit_is_the_models(name: str, hidden: str) -> None:
    model = load(name)
    codes = random_codes(0, model, IMAGES)
    outputs, layers = emulated(qsim.to_onnx(model, "quant"), codes)
    found = conform_outputs(model, codes, outputs.astype(np.int64))
    assert found.equal, found.first
    assert np.array_equal(outputs, model.logits(codes))
    assert np.array_equal(layers[hidden], model.trace(codes).hidden[0])


def test_the_example_of_the_documentation(folder: Path) -> None:
    """From the command line to the array that hls4ml computes, and back into `qsim conform`."""
    (text,) = re.findall(
        r"^```py\n(.*?)^```", (ROOT / "docs/import.md").read_text(), re.DOTALL | re.MULTILINE
    )
    model = str(ROOT / "models/digits-relu-q4.safetensors")
    assert run("export-onnx", model, "--style", "quant", "--out", "digits.onnx") == 0
    exec(text, {})
    assert run("conform", model, "--outputs", "y.npy", "--data", "digits") == 0
    outputs = np.load("y.npy")
    outputs[5, 3] ^= 1
    np.save("y.npy", outputs)
    assert run("conform", model, "--outputs", "y.npy", "--data", "digits") == 1


def test_in_hls4mls_own_type_the_input_wraps_around() -> None:
    """fixed<16,6> holds -32 to 31: the first code that differs is an input's, 32 or more."""
    model = load("digits-step-q4")
    codes = random_codes(0, model, 50)
    outputs, layers = emulated(qsim.to_onnx(model, "quant"), codes, "fixed<16,6>")
    seen = layers["Quant_0_act"]
    assert not np.array_equal(outputs, model.logits(codes))
    assert np.array_equal(seen, np.maximum((codes + 32) % 64 - 32, 0))
