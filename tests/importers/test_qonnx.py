"""Every supported QONNX operation in small networks: codes and classes are those of the reference runtime.

Scales are powers of two, so that float sums are exact, unless the test is about those that are not.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from networks import QONNX, Net, needs, small_weights

import qsim
from qsim import QsimError
from qsim.importers.api import import_onnx, runtime
from qsim.importers.conform import Conformity, conform, random_inputs
from qsim.importers.onnx.runtimes import RUNTIMES

INPUTS, HIDDEN, CLASSES = 12, 9, 5
Array = Any


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def per_neuron(seed: int, n: int = HIDDEN, low: float = -2.0, high: float = 2.0) -> Array:
    """Dyadic numbers, one a neuron."""
    return np.round(rng(seed).uniform(low, high, n) * 16) / 16


def network(middle: Callable[[Net], Any], *, bits: int = 4, first: Callable[[Net], Any] | None = None) -> Net:
    """Input quantizer, product, the steps under test, product."""
    net = Net(INPUTS)
    if first is None:
        net.quant(0.25, 0, 5)
    else:
        first(net)
    net.dense(small_weights(rng(1), INPUTS, HIDDEN, bits), 0.125, bits)
    middle(net)
    return net.dense(small_weights(rng(2), HIDDEN, CLASSES, bits), 0.5, bits)


def compared(
    model: onnx.ModelProto, x: Array | None = None, runtime: str = "nodes", **options: Any
) -> Conformity:
    """Both ways against a runtime; they must not differ from each other either."""
    imported = {way: import_onnx(model, thresholds=way, **options) for way in ("probed", "exact")}
    if x is None:
        x = np.round(rng(3).uniform(-5, 5, (80, INPUTS)) * 16).astype(np.float32) / 16
    both = [
        conform(i.model, i, x, lambda a, w, i=i: RUNTIMES[runtime](i.graph, a, w)) for i in imported.values()
    ]
    assert both[0] == both[1]
    assert not any(imported["probed"].report.differing)
    probed = imported["probed"]
    assert (
        len(np.unique(probed.model.trace(probed.reading.input.codes(x)).hidden[0])) > 1
    )  # it tells something
    return both[0]


ROUNDINGS = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")


@pytest.mark.parametrize("mode", ROUNDINGS)
@pytest.mark.parametrize(("signed", "narrow"), [(1, 0), (1, 1), (0, 0), (0, 1)])
def test_quant_in_every_mode(mode: str, signed: int, narrow: int) -> None:
    facts = {"signed": signed, "narrow": narrow, "rounding_mode": mode}
    found = compared(network(lambda net: net.quant(0.5, 0, 3, **facts)).model())
    assert found.equal, found.first


def bipolar(net: Net) -> Net:
    return net.then("BipolarQuant", 0.5, domain=QONNX)


def thresholds(net: Net, rows: int = HIDDEN, **facts: Any) -> Net:
    table = np.sort(np.round(rng(5).uniform(-9, 9, (rows, 5)) * 8) / 8, axis=1)
    return net.then("MultiThreshold", table, domain=QONNX, out_dtype="UINT4", **facts)


def normalised(net: Net, sign: int = 1) -> Net:
    gamma, beta, mean = sign * per_neuron(6, low=0.25), per_neuron(7), per_neuron(8)
    net.then("BatchNormalization", gamma, beta, mean, np.abs(per_neuron(9)) + 0.3, epsilon=1e-5)
    return net.quant(0.25, 0, 4)


MIDDLES: dict[str, Callable[[Net], Any]] = {
    "bipolar": bipolar,
    "one signed bit": lambda net: net.quant(0.5, 0, 1),
    "zero point": lambda net: net.quant(0.5, 3, 4, signed=0),
    "negative zero point": lambda net: net.quant(0.5, -2, 4),
    "thresholds": thresholds,
    "one row of thresholds": lambda net: thresholds(net, 1),
    "thresholds with scale and bias": lambda net: thresholds(net, out_scale=0.5, out_bias=-1.25),
    "thresholds, then a scale": lambda net: thresholds(net).then("Mul", 0.25).then("Sub", 0.5),
    "codes that fall": lambda net: net.quant(0.5).then("Mul", -0.25).then("Add", 1.0),
    "relu before": lambda net: net.then("Relu").quant(0.5, signed=0),
    "relu after": lambda net: net.quant(0.5).then("Relu"),
    "clip before": lambda net: net.then("Clip", -1.5, 2.25).quant(0.25),
    "clip after": lambda net: net.quant(0.25).then("Clip", -1.0, 1.0),
    "two quantizers": lambda net: net.quant(0.25, 0, 6).then("Relu").quant(0.5, 0, 3, signed=0),
    "a scale each": lambda net: net.then("Mul", per_neuron(4)).quant(0.5),
    "a slope of zero": lambda net: net.then("Mul", np.where(np.arange(HIDDEN) % 3, 1.5, 0)).quant(0.5),
    "add each": lambda net: net.then("Add", per_neuron(4)).quant(0.5),
    "subtract from": lambda net: net.then("Sub", per_neuron(4), first=True).quant(0.5),
    "divide": lambda net: net.then("Div", per_neuron(4, low=0.5)).quant(0.5),
    "negate": lambda net: net.then("Neg").quant(0.5),
    "negate twice": lambda net: net.then("Neg").then("Relu").then("Neg").quant(0.5),
    "batch normalisation": normalised,
    "batch normalisation upside down": lambda net: normalised(net, -1),
    "batch normalisation of columns": lambda net: (
        net.then("Unsqueeze", net.const([2], np.int64))
        .then("BatchNormalization", *(per_neuron(i, low=0.25) for i in range(6, 10)), epsilon=1e-5)
        .then("Squeeze", net.const([2], np.int64))
        .quant(0.25)
    ),
    "sigmoid": lambda net: net.then("Sigmoid").quant(1 / 16, 0, 4, signed=0),
    "tanh": lambda net: net.then("Tanh").quant(1 / 8, 0, 4),
    "hard sigmoid": lambda net: net.then("HardSigmoid", alpha=0.25, beta=0.5).quant(1 / 16, 0, 4, signed=0),
    "shapes": lambda net: (
        net.quant(0.5)
        .then("Unsqueeze", net.const([1], np.int64))
        .then("Reshape", net.const([-1, 3, 3], np.int64))
        .then("Transpose", perm=[0, 2, 1])
        .then("Flatten")
    ),
}


@pytest.mark.parametrize("name", MIDDLES)
def test_steps_between_layers(name: str) -> None:
    found = compared(network(MIDDLES[name]).model())
    assert found.equal, found.first


@pytest.mark.parametrize("name", ["batch normalisation", "codes that fall", "thresholds", "zero point"])
def test_the_qonnx_executor_agrees(name: str) -> None:
    needs("qonnx")
    found = compared(
        network(MIDDLES[name]).model(width=CLASSES),
        rng(4).normal(0, 2, (30, INPUTS)).astype(np.float32),
        "qonnx",
    )
    assert found.equal, found.first


ENDS: dict[str, Callable[[Net], Any]] = {
    "softmax": lambda net: net.then("Softmax", axis=-1),
    "argmax": lambda net: net.then("ArgMax", axis=1),
    "scale and bias": lambda net: net.then("Mul", 0.375).then("Add", per_neuron(10, CLASSES)),
    "uneven offsets": lambda net: net.then("Add", rng(11).normal(0, 1, CLASSES)),
    "a scale each": lambda net: net.then("Mul", np.array([1, 2, 0.5, 1.5, 3])),
    "quantized": lambda net: net.quant(0.5, 0, 4),
    "quantized and scaled": lambda net: net.quant(0.5, 0, 4, signed=0).then("Mul", 2.0).then("Add", -1.0),
    "squeezed": lambda net: net.then("Unsqueeze", net.const([2], np.int64)).then(
        "Squeeze", net.const([2], np.int64)
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_follows_the_last_layer(name: str) -> None:
    net = network(lambda net: net.quant(0.5, 0, 3))
    logits = net.x
    model = ENDS[name](net).model()
    if name in ("softmax", "argmax"):
        imported = import_onnx(model)
        x = np.round(rng(3).uniform(-5, 5, (80, INPUTS)) * 16).astype(np.float32) / 16
        assert imported.reading.output == logits
        output = RUNTIMES["nodes"](imported.graph, x, [logits])[logits]
        assert (imported.model.predict(imported.reading.input.codes(x)) == output.argmax(axis=1)).all()
        return
    found = compared(model)
    assert found.equal, found.first
    assert found.ties == 0  # those of the file are those of the model


@pytest.mark.parametrize("end", ["", "BipolarQuant", "Sigmoid"])
def test_one_output(end: str) -> None:
    net = Net(INPUTS).quant(0.25, 0, 5)
    net.dense(small_weights(rng(1), INPUTS, HIDDEN), 0.125).quant(0.5, 0, 3)
    net.dense(small_weights(rng(2), HIDDEN, 1), 0.5).then("Add", [0.3])
    if end == "BipolarQuant":
        net.then(end, 1.0, domain=QONNX)
    elif end:
        net.then(end)
    found = compared(net.model())
    assert found.equal, found.first


FIRSTS: dict[str, Callable[[Net], Any]] = {
    "bipolar": lambda net: net.then("Mul", 2.0).then("Sub", 1.0).then("BipolarQuant", 1.0, domain=QONNX),
    "unsigned": lambda net: net.then("Add", 3.0).quant(0.5, 0, 4, signed=0),
    "narrow": lambda net: net.quant(0.5, 0, 2, narrow=1),
    "thresholds": lambda net: net.then(
        "MultiThreshold", [[-2.0, 0.5, 1, 4]], domain=QONNX, out_dtype="UINT3"
    ),
}


@pytest.mark.parametrize("name", FIRSTS)
def test_input_quantizers(name: str) -> None:
    found = compared(network(lambda net: net.quant(0.5), first=FIRSTS[name]).model())
    assert found.equal, found.first


def test_inputs_without_a_quantizer_are_coded_as_asked() -> None:
    """Mean and deviation before the first layer go into its thresholds."""
    net = network(
        lambda net: net.quant(0.5), first=lambda net: net.then("Sub", per_neuron(4, INPUTS)).then("Div", 0.5)
    )
    codes = rng(5).integers(-128, 128, (80, INPUTS))
    options = {"input_bits": 8, "input_scale": 1 / 16, "input_signed": True}
    found = compared(net.model(), (codes / 16).astype(np.float32), **options)
    assert found.equal, found.first
    assert qsim.from_onnx(net.model(), **options).layers[0].codes_per_unit == 16  # type: ignore[arg-type]
    with pytest.raises(
        QsimError, match="without a quantizer; say how it is coded: input_bits and input_scale"
    ):
        qsim.from_onnx(net.model())


def test_gemm_with_bias_and_transposed_weights() -> None:
    net = Net(INPUTS).quant(0.25, 0, 5)
    first, second = small_weights(rng(1), INPUTS, HIDDEN), small_weights(rng(2), HIDDEN, CLASSES)
    net.then(
        "Gemm", net.weights(first.T, 0.125), net.const(per_neuron(3)), transB=1, alpha=0.5, beta=2.0
    ).quant(0.5)
    net.then("Gemm", net.weights(second, np.full((1, CLASSES), 0.25)), net.const(per_neuron(4, CLASSES)))
    found = compared(net.model())
    assert found.equal, found.first


def test_scales_of_each_neuron() -> None:
    net = Net(INPUTS).quant(0.25, 0, 5)
    scale = 2.0 ** rng(3).integers(-4, 1, (1, HIDDEN))
    net.dense(small_weights(rng(1), INPUTS, HIDDEN), scale).quant(0.5)
    found = compared(net.dense(small_weights(rng(2), HIDDEN, CLASSES), 2.0 ** np.arange(-2, 3)[None]).model())
    assert found.equal, found.first


def test_weights_without_a_quantizer_lie_on_a_grid() -> None:
    net = (
        Net(INPUTS).quant(0.25, 0, 5).then("MatMul", small_weights(rng(1), INPUTS, HIDDEN) * 0.75).quant(0.5)
    )
    found = compared(net.then("MatMul", small_weights(rng(2), HIDDEN, CLASSES) * 1.0).model())
    assert found.equal, found.first


def test_last_scales_that_no_integers_hold() -> None:
    net = network(lambda net: net.quant(0.5)).then("Mul", rng(5).uniform(1, 2, CLASSES))
    with pytest.raises(QsimError, match="a scale for each output that no integers hold"):
        qsim.from_onnx(net.model())
    imported = import_onnx(net.model(), last_layer="float")
    x = rng(3).uniform(-5, 5, (50, INPUTS)).astype(np.float32)
    kept = imported.model.provenance["logits"]
    reals = imported.model.logits(imported.reading.input.codes(x)) * np.array(kept["scale"]) + kept["offset"]
    file = RUNTIMES["nodes"](imported.graph, x, [net.x])[net.x]
    assert np.abs(reals - file).max() < 1e-5


def test_scales_that_are_no_powers_of_two() -> None:
    """Where the two ways differ, the probed one is the runtime's."""
    net = Net(INPUTS).quant(0.3, 0, 5).dense(small_weights(rng(1), INPUTS, 200), 0.1)
    net.quant(0.06, 0, 8)  # halves of a level: in float32 ties, in exact numbers beside them
    model = net.dense(small_weights(rng(2), 200, CLASSES), 0.7).model()
    probed, exact = (import_onnx(model, thresholds=way) for way in ("probed", "exact"))
    assert probed.report.differing[0] > 0
    assert sum(probed.report.sensitive) >= probed.report.differing[0]
    x = rng(3).uniform(-5, 5, (200, INPUTS)).astype(np.float32)
    wrong = [
        conform(i.model, i, x, lambda a, w, i=i: RUNTIMES["nodes"](i.graph, a, w)).differing[0]
        for i in (probed, exact)
    ]
    assert wrong[0] < wrong[1]


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_a_quantized_bias(bits: int) -> None:
    """A constant may have 32 bits, as biases of Brevitas have."""
    needs("qonnx")
    draw = rng(bits)
    net = Net(9).quant(0.25)
    for inputs, outputs, scale in ((9, 7, 0.125), (7, 4, 0.25)):
        net.dense(small_weights(draw, inputs, outputs), scale / 2)
        net.quant(2.0**-12 if bits > 8 else 2.0**-6, bits=bits, of=net.const(draw.uniform(-1, 1, outputs)))
        net.then("Add", net.made)
        if inputs == 9:
            net.quant(0.5)
    imported = import_onnx(net.model(width=4))
    run, _ = runtime(imported, "qonnx")
    found = conform(imported.model, imported, random_inputs(imported, 200, 0), run)
    assert found.equal, found.first
    assert sum(imported.report.sensitive) == 0
