"""A comparison finds one wrong bit anywhere and says where it is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from networks import Net, small_weights
from onnx import numpy_helper

import qsim
from qsim import Model
from qsim.cli import main
from qsim.importers.api import import_onnx, runtime
from qsim.importers.conform import Conformity, conform, random_inputs

INPUTS, HIDDEN, CLASSES = 10, 8, 4
MODELS = Path(__file__).parent.parent.parent / "models"


def network() -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    net = Net(INPUTS).quant(0.25, 0, 5).dense(small_weights(rng, INPUTS, HIDDEN), 0.125)
    net.then("Add", np.arange(HIDDEN) - 4.0).quant(0.5, 0, 4)
    return net.dense(small_weights(rng, HIDDEN, CLASSES), 0.5).then("Add", np.arange(CLASSES) / 2).model()


def compared(model: Model, file: onnx.ModelProto) -> Conformity:
    imported = import_onnx(file)
    run, _ = runtime(imported)
    return conform(model, imported, random_inputs(imported, 400, 1), run)


def with_layer(model: Model, i: int, **parts: Any) -> Model:
    layers = list(model.layers)
    layers[i] = replace(layers[i], **parts)
    return Model(layers, model.input, model.provenance)


def bumped(array: Any, *place: int) -> Any:
    changed = np.array(array)
    changed[place] += 1
    return changed


def test_a_model_equals_its_own_file() -> None:
    found = compared(qsim.from_onnx(network()), network())
    assert found.equal
    assert found.values == (400 * HIDDEN, 400 * CLASSES)
    assert found.first is None


def test_a_wrong_weight_is_named() -> None:
    model = qsim.from_onnx(network())
    wrong = with_layer(model, 0, weights=model.layers[0].weights ^ (np.arange(80).reshape(8, 10) == 53))
    first = compared(wrong, network()).first
    assert first is not None
    assert (first.layer, first.neuron) == (0, 5)
    between = sorted((first.model, first.file))
    assert first.threshold in model.layers[0].thresholds[5, between[0] : between[1]]  # type: ignore[index]
    assert "layer 0, neuron 5, image" in str(first)


@pytest.mark.parametrize("layer", [0, 1])
def test_a_wrong_bias_is_named(layer: int) -> None:
    model = qsim.from_onnx(network())
    first = compared(with_layer(model, layer, bias=bumped(model.layers[layer].bias, 2)), network()).first
    assert first is not None
    assert (first.layer, first.neuron) == (layer, 2)
    assert (first.threshold is None) == (layer == 1)


def test_a_wrong_threshold_is_named() -> None:
    model = qsim.from_onnx(network())
    rows = np.array(model.layers[0].thresholds)
    assert (rows[:, 1:] > rows[:, :-1]).all()
    imported = import_onnx(network())
    codes = imported.reading.input.codes(random_inputs(imported, 400, 1))
    acc = codes @ model.layers[0].weights.T + model.layers[0].bias
    k = next(k for k in range(rows.shape[1]) if rows[6, k] in acc[:, 6])  # a sum lies on that threshold
    wrong = with_layer(model, 0, thresholds=bumped(rows, 6, k))
    first = compared(wrong, network()).first
    assert first is not None
    assert (first.layer, first.neuron, first.threshold) == (0, 6, rows[6, k] + 1)
    assert first.accumulator == rows[6, k]


@pytest.mark.parametrize("scale", [0, 1, 2, 3])
def test_a_wrong_scale_in_the_file_is_found(scale: int) -> None:
    """One bit of the mantissa of each scale: of the input, the weights, the codes, the last weights."""
    file = network()
    scales = [n.input[1] for n in file.graph.node if n.op_type == "Quant"]
    tensor = next(t for t in file.graph.initializer if t.name == scales[scale])
    bits = np.array(numpy_helper.to_array(tensor)).view(np.uint32) ^ np.uint32(1 << 20)
    tensor.CopyFrom(numpy_helper.from_array(bits.view(np.float32).reshape(tensor.dims), tensor.name))
    assert not compared(qsim.from_onnx(network()), file).equal


def test_other_shapes_are_refused() -> None:
    small = Net(INPUTS).quant(0.25, 0, 5).dense(np.ones((INPUTS, 3))).model()
    with pytest.raises(qsim.QsimError, match=r"shape .10, 8, 4. and the file gives .10, 3.; equal shapes"):
        compared(qsim.from_onnx(network()), small)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


def test_import_conform_and_export_in_sequence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, model, report = (str(tmp_path / name) for name in ("net.onnx", "net.safetensors", "r.json"))
    onnx.save(network(), file)
    assert run("import", file, "--out", model, "--json", report) == 0
    assert json.loads(Path(report).read_text())["differing"] == [0]
    assert run("conform", model, "--against", file, "--images", "50", "--json", report) == 0
    assert json.loads(Path(report).read_text())["equal"]
    assert run("export-onnx", model, "--out", str(tmp_path / "again.onnx")) == 0
    assert run("conform", model, "--against", str(tmp_path / "again.onnx"), "--images", "50") == 0
    wrong = qsim.load(model)
    with_layer(wrong, 0, bias=bumped(wrong.layers[0].bias, 3)).save(model)
    assert run("conform", model, "--against", file) == 1
    assert "First: layer 0, neuron 3, image" in " ".join(capsys.readouterr().out.split())


def test_another_programs_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, outputs = str(MODELS / "digits-relu-q4.safetensors"), tmp_path / "y.npy"
    logits = qsim.load(file).logits(qsim.data.digits("test")[0][:100])
    np.save(outputs, logits)
    assert run("conform", file, "--outputs", str(outputs), "--data", "digits") == 0
    np.save(outputs, bumped(logits, 7, 3))
    assert run("conform", file, "--outputs", str(outputs), "--data", "digits") == 1
    assert "layer 1, neuron 3, image 7" in " ".join(capsys.readouterr().out.split())
    np.save(outputs, logits.astype(np.float32) / 77)  # only the classes can be compared
    assert run("conform", file, "--outputs", str(outputs), "--data", "digits") == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--against FILE.onnx or --outputs FILE.npy is needed, one of them"),
        (["--against", "x.tar"], "x.tar ends in '.tar'; .onnx"),
        (["--against", "none.onnx"], "none.onnx: no such file"),
        (["--outputs", __file__], "cannot be read as an array"),
    ],
)
def test_mistakes(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("conform", str(MODELS / "digits-relu-q4.safetensors"), *arguments) == 2
    assert sentence in capsys.readouterr().err


def test_what_float32_does_not_tell_apart_is_a_tie() -> None:
    """Equal sums, and offsets that differ by 2**-30: the model knows which is larger, a float does not."""
    rng = np.random.default_rng(0)
    weights = np.repeat(small_weights(rng, INPUTS, 2), 2, axis=1)
    offsets = 8 + np.array([0, 2.0**-30, 0.25, 0.5])
    net = Net(INPUTS).quant(0.25, 0, 5).dense(weights, 0.5)
    file = net.then("Add", offsets - 8).then("Add", np.float32(8)).model()
    found = compared(qsim.from_onnx(file), file)
    assert found.equal
    assert found.ties > 50
    model = qsim.from_onnx(file)
    wrong = with_layer(model, 0, bias=model.layers[0].bias + np.array([0, 0, 400, 0]))
    assert compared(wrong, file).classes > 50
