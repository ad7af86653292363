"""Networks from onnxruntime's own quantizer, against onnxruntime: no output of 200,000 differs."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from networks import Net, small_weights
from quantized import KINDS, SHAPE, inputs, quantized

import qsim
from qsim.importers.api import import_onnx
from qsim.importers.conform import conform
from qsim.importers.onnx.runtimes import RUNTIMES

IMAGES = 20_000


@pytest.mark.parametrize("gemm", [True, False], ids=["Gemm", "MatMul and Add"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_output_is_onnxruntimes(kind: str, gemm: bool, tmp_path: Path) -> None:
    imported = import_onnx(quantized(kind, tmp_path, gemm))
    assert imported.model.shape == (*SHAPE, SHAPE[-1])  # the last layer hands on the quantized outputs
    assert imported.model.provenance["level"] == "all"
    assert imported.model.provenance["runtime"].startswith("onnxruntime 1.")
    x = inputs(IMAGES)
    found = conform(imported.model, imported, x, lambda a, w: RUNTIMES["onnxruntime"](imported.graph, a, w))
    assert found.values[-1] == 200_000
    assert found.equal, found.first
    assert found.values[0] == (0 if kind == "QDQ s8s8 per channel" else IMAGES * SHAPE[1])


def test_probed_thresholds_are_needed_for_it(tmp_path: Path) -> None:
    """A float32 factor rounds: thresholds of exact numbers give other outputs."""
    imported = import_onnx(quantized("QOperator u8s8 per channel", tmp_path), thresholds="exact")
    assert min(imported.report.differing) > 0
    x = inputs(IMAGES)
    found = conform(imported.model, imported, x, lambda a, w: RUNTIMES["onnxruntime"](imported.graph, a, w))
    assert not found.equal


def test_an_optimisation_level_is_not_the_other(tmp_path: Path) -> None:
    """onnxruntime disagrees with itself; its float sums also round, so no level but `all` is exact."""
    model = quantized("QDQ u8s8", tmp_path)
    fused, plain = (import_onnx(model, level=level) for level in ("all", "none"))
    assert fused.model.digest != plain.model.digest
    assert sum(fused.report.sensitive) == 0 < sum(plain.report.sensitive)
    x = inputs(IMAGES)
    found = conform(
        plain.model, plain, x, lambda a, w: RUNTIMES["onnxruntime-unoptimised"](plain.graph, a, w)
    )
    assert sum(found.differing) < 20
    with pytest.raises(qsim.QsimError, match="level is 'some'; all or none is needed"):
        qsim.from_onnx(model, level="some")


AFTER: dict[str, tuple[Any, ...]] = {  # between a Gemm and its quantizer, whose codes stand for 0 to 63.75
    "nothing": (),
    "Relu": ("Relu",),
    "clips to 15 codes": ((0.0, 3.75),),
    "a clip that does nothing": ((0.0, 63.75),),
    "Relu and a wide clip": ("Relu", (-1.0, 70.0)),
    "Sigmoid": ("Sigmoid",),
}


def floating_bias(after: tuple[Any, ...], per_channel: bool) -> onnx.ModelProto:
    """Two Gemm nodes between dequantizers with biases in float, as torch.onnx writes them."""
    rng = np.random.default_rng(0)
    net = Net(12, batch="N", opset=17)
    zero, signed = net.const(0, np.uint8), net.const(0, np.int8)
    net.then("QuantizeLinear", 1 / 64, zero).then("DequantizeLinear", net.const(1 / 64), zero)

    def gemm(inputs: int, outputs: int, each: bool = False) -> None:
        unit = net.const(rng.uniform(0.1, 0.2, outputs) if each else 0.15)
        zeros = net.const(np.zeros(outputs), np.int8) if each else signed
        weights = net.const(small_weights(rng, inputs, outputs), np.int8)
        made = net.node("DequantizeLinear", weights, unit, zeros, axis=1)
        net.x = net.node("Gemm", net.x, made, net.const(rng.normal(0, 1, outputs)))

    gemm(12, 9, per_channel)
    for step in after:
        if isinstance(step, str):
            net.then(step)
        else:
            net.then("Clip", *(net.const(end) for end in step))
    net.then("QuantizeLinear", 0.25, zero).then("DequantizeLinear", net.const(0.25), zero)
    gemm(9, 5)
    return net.model()


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("after", AFTER)
def test_a_floating_bias_is_what_onnxruntime_makes_of_it(after: str, per_channel: bool) -> None:
    """Optimising, it rounds the bias of a Gemm that is quantized afterwards; not optimising, it does not."""
    file = floating_bias(AFTER[after], per_channel)
    x = np.random.default_rng(1).integers(0, 256, (5000, 12)).astype(np.float32) / 64
    made = []
    for level, runtime in (("all", "onnxruntime"), ("none", "onnxruntime-unoptimised")):
        imported = import_onnx(file, level=level)
        found = conform(
            imported.model, imported, x, lambda a, w, r=runtime, g=imported.graph: RUNTIMES[r](g, a, w)
        )
        assert found.values[0] == 45_000
        if any(imported.report.sensitive):  # where a float product is left, its rounding can move a sum
            assert found.differing[0] < 10
            assert found.first is None or found.first.threshold - found.first.accumulator in (0, 1)
        else:
            assert found.equal, found.first
        if after == "clips to 15 codes":
            assert imported.model.layers[0].max_code == 15  # of a quantizer's 255
        made.append(imported.model)
    assert (made[0].digest == made[1].digest) is (after == "Sigmoid")


def test_weights_that_onnxruntime_would_round_are_refused() -> None:
    net = Net(3, batch="N", opset=17)
    zero = net.const(0, np.uint8)
    net.then("QuantizeLinear", 1 / 64, zero).then("DequantizeLinear", net.const(1 / 64), zero)
    net.x = net.node("Gemm", net.x, net.const(np.eye(3)), net.const([0.1, 0.2, 0.3]))
    net.then("QuantizeLinear", 0.25, zero).then("DequantizeLinear", net.const(0.25), zero)
    file = net.dense(np.eye(3)).model()
    with pytest.raises(qsim.QsimError, match="Gemm_2' has weights without a quantizer"):
        import_onnx(file)
    assert import_onnx(file, level="none").model.shape == (3, 3, 3)


def test_qcdq_clips_to_narrow_codes() -> None:
    """QuantizeLinear, Clip, DequantizeLinear: 4-bit codes, as Brevitas writes them."""
    rng = np.random.default_rng(0)
    net = Net(12, batch="N")
    zero = net.const(0, np.int8)

    def quantized_data(scale: float, low: int, high: int) -> None:
        net.then("QuantizeLinear", scale, zero)
        net.then("Clip", net.const(low, np.int8), net.const(high, np.int8))
        net.then("DequantizeLinear", scale, zero)

    def dense(inputs: int, outputs: int) -> None:
        integers = net.const(small_weights(rng, inputs, outputs), np.int8)
        net.then("MatMul", net.node("DequantizeLinear", integers, net.const(0.125), zero))

    quantized_data(0.25, -8, 7)
    dense(12, 9)
    net.then("Relu")
    quantized_data(0.5, 0, 15)
    dense(9, 5)
    imported = import_onnx(net.model())
    assert imported.model.input == qsim.InputFormat(4, signed=True)
    assert [layer.max_code for layer in imported.model.layers] == [15, 0]
    x = rng.normal(0, 1, (1000, 12)).astype(np.float32)
    for runtime in ("nodes", "onnxruntime"):
        found = conform(
            imported.model, imported, x, lambda a, w, r=runtime: RUNTIMES[r](imported.graph, a, w)
        )
        assert found.equal, found.first


def test_matmul_integer_and_integer_inputs() -> None:
    rng = np.random.default_rng(0)
    net = Net(12, batch="N", kind=2)
    weights = net.const(rng.integers(0, 256, (12, 9)), np.uint8)
    net.then("MatMulInteger", weights, net.const(7, np.uint8), net.const(rng.integers(100, 150, 9), np.uint8))
    net.then("Cast", to=1).then("Mul", 2.0**-9).quant(0.5, 0, 4)
    imported = import_onnx(net.dense(small_weights(rng, 9, 5)).model())
    assert imported.model.input == qsim.InputFormat(8)
    codes: Any = rng.integers(0, 256, (500, 12)).astype(np.uint8)
    found = conform(imported.model, imported, codes, lambda a, w: RUNTIMES["nodes"](imported.graph, a, w))
    assert found.equal, found.first
