"""Unsupported, broken and hostile files: one sentence each, with node, what was found, what is allowed."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from networks import QONNX, Net, small_weights
from onnx import TensorProto, helper, numpy_helper

import qsim
from qsim import QsimError

INPUTS, HIDDEN, CLASSES = 6, 5, 3


def chain(middle: Callable[[Net], Any], batch: int = 1) -> onnx.ModelProto:
    """A network with something in its middle."""
    rng = np.random.default_rng(0)
    net = Net(INPUTS, batch=batch).quant(0.25).dense(small_weights(rng, INPUTS, HIDDEN), 0.5)
    middle(net)
    return net.dense(small_weights(rng, HIDDEN, CLASSES), 0.5).model()


def convolution() -> onnx.ModelProto:
    net = Net(1, 8, 8).quant(0.25).then("Conv", np.ones((2, 1, 3, 3)), kernel_shape=[3, 3])
    return net.model()


def branch() -> onnx.ModelProto:
    def fork(net: Net) -> None:
        net.quant(0.5)
        one, two = net.node("Relu", net.x), net.node("Neg", net.x)
        net.x = net.node("Add", one, two)

    return chain(fork)


def attention() -> onnx.ModelProto:
    return Net(INPUTS).quant(0.5).then("MatMul", "x").model()


def dynamic() -> onnx.ModelProto:
    net = Net(INPUTS)
    net.nodes.append(helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], name="Dyn_0"))
    net.x = "q"
    return net.then("MatMulInteger", net.const(np.ones((INPUTS, 2)), np.int8)).model()


def dynamic_scale() -> onnx.ModelProto:
    net = Net(INPUTS)
    scale = net.node("ReduceMax", "x", keepdims=0)
    names = net.const(0), net.const(4)
    net.x = net.node("Quant", "x", scale, *names, domain=QONNX, signed=1, narrow=0, rounding_mode="ROUND")
    return net.dense(np.ones((INPUTS, 2))).model()


def changed(change: Callable[[onnx.ModelProto], Any]) -> onnx.ModelProto:
    model = chain(lambda net: net.quant(0.5))
    change(model)
    return model


def subgraph(model: onnx.ModelProto) -> None:
    body = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "b", [], [])
    model.graph.node.append(
        helper.make_node("If", ["x"], ["z"], name="If_9", then_branch=body, else_branch=body)
    )


def cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = model.graph.node[-1].output[0]


def twice(model: onnx.ModelProto) -> None:
    model.graph.node[1].output[0] = model.graph.node[0].output[0]


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[4]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")


def declared_too_large(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [1 << 31, 1 << 20]


def negative_dimension(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [-6]


def strange_type(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].data_type = TensorProto.COMPLEX64


def huge_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1 << 40


def open_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "features"


def half_precision(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16


def half_scale() -> onnx.ModelProto:
    net = Net(INPUTS)
    codes = net.node("QuantizeLinear", "x", net.const(0.25, np.float16), net.const(0, np.uint8))
    net.x = net.node("DequantizeLinear", codes, net.const(0.25, np.float16), net.const(0, np.uint8))
    return net.dense(np.ones((INPUTS, 2))).model()


def later_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


def two_inputs(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, [1, 2]))


def function(model: onnx.ModelProto) -> None:
    model.functions.append(helper.make_function("d", "Evil", [], [], [], [helper.make_opsetid("", 13)]))


def growing() -> onnx.ModelProto:
    """Thirty concatenations would make a constant of 2**31 numbers out of two."""
    net = Net(INPUTS).quant(0.25)
    big = net.const([1, 1])
    for _ in range(30):
        big = net.node("Concat", big, big, axis=0)
    return net.then("MatMul", big).model()


def outer() -> onnx.ModelProto:
    net = Net(INPUTS).quant(0.25)
    big = net.node("Mul", net.const(np.ones((1 << 16, 1))), net.const(np.ones((1, 1 << 16))))
    return net.then("MatMul", big).model()


def weights(value: Any) -> Callable[[], onnx.ModelProto]:
    return lambda: Net(INPUTS).quant(0.25).then("MatMul", value).model()


def quant(**facts: Any) -> Callable[[], onnx.ModelProto]:
    return lambda: chain(lambda net: net.quant(**{"scale": 0.5, **facts}))


def middle(op: str, *constants: Any, **facts: Any) -> Callable[[], onnx.ModelProto]:
    return lambda: chain(lambda net: net.quant(0.5).then(op, *constants, **facts))


def unquantized() -> onnx.ModelProto:
    return chain(lambda net: net.then("Relu"))


NOISE = np.random.default_rng(1).normal(size=(INPUTS, 3))
REFUSED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "convolution": (
        convolution,
        "Conv 'Conv_1' is a convolution; only fully connected layers are supported: unroll",
    ),
    "pooling": (middle("GlobalAveragePool"), "pools; only fully connected layers"),
    "branch": (
        branch,
        "takes in .* beside the way from the input .* a chain of layers without branches is needed",
    ),
    "data times data": (attention, "'x' beside the way|multiplies data by data"),
    "unquantized activation": (
        unquantized,
        "MatMul 'MatMul_2' is followed by a layer, but its results are not quant",
    ),
    "dynamic quantization": (
        dynamic,
        "DynamicQuantizeLinear 'Dyn_0' finds its scale from the data; a constant one",
    ),
    "dynamic scale": (dynamic_scale, "'ReduceMax_0' is not supported; supported are MatMul"),
    "truncation": (middle("Trunc", 1.0, domain=QONNX), "Trunc 'Trunc_4' truncates an integer; a Quant of"),
    "activation without thresholds": (middle("LeakyRelu", alpha=0.1), "LeakyRelu .* Relu, Clip, Sigmoid"),
    "unknown node": (middle("Frobnicate", domain="evil.ops"), "Frobnicate .* of domain 'evil.ops'"),
    "float weights": (
        weights(NOISE),
        "MatMul .* has weights that are not quantized; a quantizer of at most 16 bits",
    ),
    "weights not finite": (weights(np.full((INPUTS, 3), np.inf)), "has a weight that is no finite number"),
    "weights of another width": (weights(np.ones((4, 3))), "takes 4 inputs from data of shape .6,"),
    "weights without columns": (
        weights(np.ones(INPUTS)),
        "has weights of shape .6,.; .inputs, outputs. is needed",
    ),
    "rounding mode": (
        quant(rounding_mode="STOCHASTIC"),
        "Quant 'Quant_3': rounding mode 'STOCHASTIC'; ROUND,",
    ),
    "no scale": (quant(scale=0), "Quant 'Quant_3' has scale 0; a positive number is needed"),
    "scale not a number": (quant(scale=np.nan), "a constant is no finite number"),
    "fractional zero point": (
        quant(zero=0.5),
        "Quant 'Quant_3' has zero point 0.5; a whole number is needed",
    ),
    "too many bits": (quant(bits=1e9), "Quant 'Quant_3' has bit width 1e.09; a whole number from 1 to 24"),
    "too many levels": (quant(bits=20), "Quant 'Quant_3' has 1048576 levels; at most 65536 are allowed"),
    "fractional bits": (quant(bits=3.5), "has bit width 3.5; a whole number from 1 to 24 is needed"),
    "a scale for each neuron": (
        quant(scale=np.arange(1, 6)),
        "has a scale or zero point for each neuron; one for all",
    ),
    "uneven levels": (middle("Clip", 0.3, 2.0), "unequal gaps between its levels"),
    "curve after quantizer": (middle("Sigmoid"), "Sigmoid 'Sigmoid_4' follows a quantizer"),
    "images mixed": (middle("Transpose", perm=[1, 0]), "permutes axes .1, 0.; images must stay the first"),
    "subgraph": (lambda: changed(subgraph), "If 'If_9' holds a subgraph, '(then|else)_branch'"),
    "cycle": (lambda: changed(cycle), "made later: a cycle, or nodes out of order"),
    "made twice": (lambda: changed(twice), "exists already; each tensor is made once"),
    "data elsewhere": (lambda: changed(external), "lies in another file, '../../../etc/passwd'"),
    "declared too large": (
        lambda: changed(declared_too_large),
        "holds 4 bytes; 9,007,199,254,740,992 are needed",
    ),
    "negative dimension": (lambda: changed(negative_dimension), "no negative dimension is allowed"),
    "strange type": (lambda: changed(strange_type), "has element type 14; floats or integers are needed"),
    "huge input": (
        lambda: changed(huge_input),
        "has 1,099,511,627,776 values an image; 16,777,216 are allowed",
    ),
    "open input": (lambda: changed(open_input), "all dimensions but the first must be known"),
    "half precision": (lambda: changed(half_precision), "'x' is FLOAT16, whose sums round at every step"),
    "scale in half precision": (
        half_scale,
        "QuantizeLinear 'QuantizeLinear_0' has a scale of float16; float32 is needed",
    ),
    "an opset to come": (lambda: changed(later_opset), "needs opset 99; the onnx package .* knows up to"),
    "two inputs": (lambda: changed(two_inputs), "2 data inputs .'x', 'extra'.; one is needed"),
    "function": (lambda: changed(function), "defines a function, 'Evil'; plain nodes are needed"),
    "growing constants": (
        growing,
        "Concat .* makes constants many times larger than the 5 values that the file holds",
    ),
    "outer product": (outer, "Mul .* makes constants many times larger than the 131,075 values"),
    "no layer": (lambda: Net(INPUTS).quant(0.5).model(), "no MatMul or Gemm on the way"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    make, sentence = REFUSED[name]
    path = tmp_path / "net.onnx"
    path.write_bytes(make().SerializeToString())
    tracemalloc.start()
    try:
        with pytest.raises(QsimError, match=sentence) as refusal:
            qsim.from_onnx(path)
        assert tracemalloc.get_traced_memory()[1] < 40e6  # whatever it declares
    finally:
        tracemalloc.stop()
    assert "\n" not in str(refusal.value)
    assert "net.onnx: " in str(refusal.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    text, cut, empty = tmp_path / "text.onnx", tmp_path / "cut.onnx", tmp_path / "empty.onnx"
    text.write_text("This is not a network. " * 10)
    cut.write_bytes(chain(lambda net: net.quant(0.5)).SerializeToString()[:-40])
    empty.touch()
    for path, sentence in (
        (text, "not an ONNX file, or a damaged one"),
        (cut, "not an ONNX file, or a damaged one"),
        (empty, "0 bytes; 1 to 2,147,483,647 are allowed"),
        (tmp_path, "a folder; an ONNX file is needed"),
        (tmp_path / "none.onnx", "no such file"),
    ):
        with pytest.raises(QsimError, match=sentence):
            qsim.from_onnx(path)


def test_every_byte_of_a_file_may_be_wrong() -> None:
    """Damage is refused or read; it never ends in another error."""
    content = bytearray(chain(lambda net: net.quant(0.5)).SerializeToString())
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.integers(len(damaged))] = rng.integers(256)
        model = onnx.ModelProto()
        try:
            model.ParseFromString(bytes(damaged))
        except Exception:  # what no parser takes is tested above
            continue
        with suppress(QsimError):
            qsim.from_onnx(model)


def test_a_tensor_of_another_size_than_declared() -> None:
    tensor = numpy_helper.from_array(np.arange(6, dtype=np.int8), "t")
    tensor.dims[0] = 7
    model = changed(lambda model: model.graph.initializer.append(tensor))
    with pytest.raises(QsimError, match=r"tensor 't' of shape .7. holds 6 bytes; 7 are needed"):
        qsim.from_onnx(model)


def test_options_are_checked() -> None:
    model = chain(lambda net: net.quant(0.5))
    for options, sentence in (
        ({"thresholds": "guessed"}, "thresholds is 'guessed'; probed or exact is needed"),
        ({"last_layer": "real"}, "last_layer is 'real'; exact or float is needed"),
        ({"input_bits": 8}, "input_bits and input_scale describe input codes together"),
    ):
        with pytest.raises(QsimError, match=sentence):
            qsim.from_onnx(model, **options)  # type: ignore[arg-type]
