"""Exported files give the model's integers in other tools, and come back as the same model."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from examples import random_codes, random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import needs

import qsim
from qsim import InputFormat, Layer, Model, QsimError
from qsim.exporters.onnx.quant import dyadic_factor
from qsim.importers.onnx.graph import read
from qsim.importers.onnx.runtime import NodeRunner
from qsim.importers.onnx.runtimes import RUNTIMES

MODELS = Path(__file__).parent.parent.parent / "models"
NAMES = [
    f"{data}-{kind}-q{q}"
    for data in ("digits", "spiral")
    for kind in ("step", "sigmoid", "relu")
    for q in (1, 4)
]
MNIST = [
    pytest.param(f"mnist-{kind}-q{q}", marks=[] if q in (1, 10) else pytest.mark.slow)
    for kind in ("step", "sigmoid", "relu")
    for q in (1, 4, 8, 10)
]


def in_onnxruntime(model: Model, codes: Any) -> list[Any]:
    """Logits, classes and hidden codes of the integer style, in plain onnxruntime."""
    made = qsim.to_onnx(model, "integer")
    onnx.checker.check_model(made)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, {"codes": codes.astype(model.input.dtype)}))


def check_integer(model: Model, codes: Any) -> None:
    logits, classes, *hidden = in_onnxruntime(model, codes)
    trace = model.trace(codes)
    assert np.array_equal(logits, trace.logits)
    assert np.array_equal(classes, model.predict(codes))
    for ours, theirs in zip(trace.hidden, hidden, strict=True):
        assert np.array_equal(ours, theirs)


def check_floats(model: Model, codes: Any, style: str, runtime: str) -> None:
    graph = read(qsim.to_onnx(model, style))
    x = codes.astype(np.float32)
    if runtime == "nodes":
        found = NodeRunner(graph).run(x, ["logits"], batch=len(x))["logits"]  # sums are exact in any batch
    else:
        found = RUNTIMES[runtime](graph, x, ["logits"])["logits"]
    assert np.array_equal(found, model.logits(codes))


@pytest.mark.parametrize("name", NAMES)
def test_a_trained_model_in_every_style(name: str) -> None:
    model = qsim.load(MODELS / f"{name}.safetensors")
    codes = random_codes(0, model, 200)
    check_integer(model, codes)
    check_floats(model, codes, "qonnx", "nodes")
    if "sigmoid" in name:
        with pytest.raises(
            QsimError, match=r"layer 0 has thresholds of no uniform staircase|16 bits; style qcdq"
        ):
            qsim.to_onnx(model, "qcdq")
        with pytest.raises(QsimError, match="layer 0 has thresholds of no uniform staircase; style qonnx or"):
            qsim.to_onnx(model, "quant")
    else:
        check_floats(model, codes, "quant", "nodes")
        if not name.startswith("spiral"):
            check_floats(model, codes, "qcdq", "onnxruntime")


@pytest.mark.parametrize("name", MNIST)
def test_mnist_in_onnxruntime_and_qonnx(name: str, mnist_test: Any) -> None:
    model = qsim.load(MODELS / f"{name}.safetensors")
    codes = mnist_test[0][:1000]
    check_integer(model, codes)
    check_floats(model, codes, "qonnx", "nodes")


def test_the_qonnx_executor_gives_the_same() -> None:
    needs("qonnx")
    for name in ("digits-relu-q8", "digits-step-q1", "spiral-sigmoid-q4"):
        model = qsim.load(MODELS / f"{name}.safetensors")
        check_floats(model, random_codes(1, model, 50), "qonnx", "qonnx")


@pytest.mark.parametrize("name", [*NAMES, "digits-sigmoid-q8", "digits-relu-q8"])
def test_a_model_comes_back_with_its_digest(name: str) -> None:
    model = qsim.load(MODELS / f"{name}.safetensors")
    assert qsim.from_onnx(qsim.to_onnx(model)).digest == model.digest


def test_shifted_hidden_codes_come_back() -> None:
    network = qsim.train("digits", activation="tanh", hidden=12, recipe=qsim.Recipe(epochs=3))
    model = qsim.quantize(network, hidden_bits=5)
    again = qsim.from_onnx(qsim.to_onnx(model))
    assert again.layers[1].zero_code == 15
    assert again.digest == model.digest


@pytest.mark.parametrize("seed", range(6))
def test_random_models_in_integers_and_back(seed: int) -> None:
    """Deep ones, per-neuron thresholds, signed and wide inputs, wide codes."""
    form = [InputFormat(8), InputFormat(5, signed=True), InputFormat(16, signed=True)][seed % 3]
    levels = [1, 7, 300][seed // 2]
    grid = ["odd", "twos_complement"][seed % 2]
    model = random_model(
        seed, (9, 8, 7, 4), [3, 9, 12], levels, grid=grid, form=form, per_neuron=seed % 2 == 0
    )
    codes = random_codes(seed, model, 100)
    check_integer(model, codes)
    check_floats(model, codes, "qonnx", "nodes")
    back = qsim.from_onnx(qsim.to_onnx(model))
    assert np.array_equal(back.logits(codes), model.logits(codes))
    for ours, theirs in zip(back.trace(codes).hidden, model.trace(codes).hidden, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("style", ["quant", "qcdq"])
@pytest.mark.parametrize("kind", ["relu", "step"])
def test_uniform_styles_come_back_with_the_same_integers(style: str, kind: str) -> None:
    model = qsim.load(MODELS / f"digits-{kind}-q4.safetensors")
    back = qsim.from_onnx(qsim.to_onnx(model, style))
    codes = random_codes(2, model, 300)
    assert np.array_equal(back.trace(codes).hidden[0], model.trace(codes).hidden[0])
    assert np.array_equal(back.logits(codes), model.logits(codes))


@settings(max_examples=60)
@given(st.integers(1, 400), st.integers(0, 3), st.sampled_from([1, 3, 7, 255]))
def test_a_factor_is_found_for_every_rounded_product(m: int, k: int, top: int) -> None:
    """Thresholds of clip(round_half_even(acc * m / 2**k)), and the shortest factor that gives them again."""
    reach = 2000
    acc = np.arange(-reach, reach + 1)
    codes = np.rint(acc * (m / 2**k / 64)).clip(0, top).astype(int)
    thresholds = [int(acc[codes >= j][0]) if (codes >= j).any() else reach + 1 for j in range(1, top + 1)]
    factor = dyadic_factor(thresholds, (-reach, reach))
    assert factor is not None
    found = [min(max(round(Fraction(int(a) * factor[0], 2 ** factor[1])), 0), top) for a in acc]
    assert found == codes.tolist()
    assert factor[1] <= k + 6


def test_other_thresholds_have_no_factor() -> None:
    assert dyadic_factor([2, 4, 6, 12], (-100, 100)) is None
    assert dyadic_factor([-3, 4, 9], (-100, 100)) is None  # a code above 0 where the sum is negative
    assert dyadic_factor([101, 102], (-100, 100)) is None  # none is reached: no factor says so


def test_a_quantizers_type_holds_every_number() -> None:
    """What hls4ml is told: the sums of a step with its threshold taken off, and every digit of a factor."""
    kept = {p.key: p.value for p in qsim.to_onnx(random_model(0, levels=1), "quant").metadata_props}
    width, whole = (int(n) for n in re.findall(r"\d+", kept["qsim.fixed"]))
    assert width == whole  # no factor, no fraction
    assert 1 << whole - 1 > 2 * max(abs(b) for bounds in random_model(0, levels=1).bounds for b in bounds) + 2


def test_sums_beyond_32_bits() -> None:
    rng = np.random.default_rng(0)
    wide = Layer(
        weights=rng.integers(-(2**15), 2**15, (4, 70)),
        bias=np.full(4, 1 << 40),
        bits=16,
        grid="twos_complement",
        thresholds=(1 << 40) + np.sort(rng.integers(-(2**32), 2**32, (4, 3))),
    )
    model = Model((wide, Layer(weights=[[1, -3, 5, 7]], bias=[-2], bits=4)), InputFormat(16))
    codes = random_codes(0, model, 200)
    check_integer(model, codes)
    check_floats(model, codes, "qonnx", "nodes")


def test_metadata_say_what_the_file_is() -> None:
    model = qsim.load(MODELS / "digits-relu-q4.safetensors")
    kept = {p.key: p.value for p in qsim.to_onnx(model, "integer").metadata_props}
    assert kept["qsim.digest"] == model.digest
    assert '"data": "digits"' in kept["qsim.provenance"]


def test_what_cannot_be_exported_is_refused() -> None:
    from qsim.crossbar.mapping import map_to_crossbar

    model = random_model(0)
    with pytest.raises(QsimError, match="style is 'keras'; qonnx, quant, integer, qcdq are allowed"):
        qsim.to_onnx(model, "keras")
    with pytest.raises(QsimError, match="on crossbar tiles; ONNX holds ideal layers"):
        qsim.to_onnx(map_to_crossbar(model, qsim.Mapping()))
    with pytest.raises(QsimError, match="layer 0 has codes up to 300; style qcdq holds 255"):
        qsim.to_onnx(random_model(0, levels=300), "qcdq")
    with pytest.raises(QsimError, match="layer 0 has codes up to 300, not all of some bits; style qonnx or"):
        qsim.to_onnx(random_model(0, levels=300), "quant")


def test_a_wrong_threshold_in_the_file_is_noticed() -> None:
    model = qsim.load(MODELS / "digits-relu-q4.safetensors")
    made = qsim.to_onnx(model)
    tensor = next(t for t in made.graph.initializer if t.name == "t0")
    rows = np.array(onnx.numpy_helper.to_array(tensor))
    rows[0, 100] += 1
    tensor.CopyFrom(onnx.numpy_helper.from_array(rows, "t0"))
    assert qsim.from_onnx(made).digest != model.digest
