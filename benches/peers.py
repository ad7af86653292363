"""Other ways to the same matrix products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim import Model

Codes = npt.NDArray[np.uint8]


def onnxruntime(model: Model, codes: Codes, threads: int = 1) -> dict[str, Callable[[], Any]]:
    """Its int8 paths over matrices of the same shapes, with activation and argmax; {} if it is missing.

    `QLinearMatMul` rounds to bytes between the layers, without a bias; `MatMulInteger` gives int32 sums,
    which are scaled, clipped and cast by further operators. Neither gives exactly the model's integers.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime as ort
    except ImportError:
        return {}
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    engines: dict[str, Callable[[], Any]] = {}
    for name, build in (("QLinearMatMul", _qlinear), ("MatMulInteger", _integer)):
        session = ort.InferenceSession(build(model), options, providers=["CPUExecutionProvider"])
        engines[f"onnxruntime {name}"] = lambda session=session: session.run(None, {"x0": codes})
    return engines


def _weights(model: Model) -> list[npt.NDArray[np.int8]]:
    return [np.ascontiguousarray(layer.stored.T.clip(-128, 127)).astype(np.int8) for layer in model.layers]


def _graph(nodes: list[Any], constants: dict[str, Any], inputs: int) -> bytes:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x0", TensorProto.UINT8, ["n", inputs])],
        [helper.make_tensor_value_info("class", TensorProto.INT64, ["n"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    made: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    return bytes(made.SerializeToString())


def _qlinear(model: Model) -> bytes:
    from onnx import helper

    constants: dict[str, Any] = {"one": np.float32(1), "zero": np.int8(0), "none": np.uint8(0)}
    nodes = []
    for i, weights in enumerate(_weights(model)):
        constants |= {
            f"w{i}": weights,
            f"s{i}": np.float32(np.abs(weights).mean() * 30),
            f"m{i}": np.uint8(128),
        }
        operands = [
            f"x{i}",
            "one",
            "none" if i == 0 else f"m{i - 1}",
            f"w{i}",
            "one",
            "zero",
            f"s{i}",
            f"m{i}",
        ]
        nodes.append(helper.make_node("QLinearMatMul", operands, [f"x{i + 1}"]))
    last = len(model.layers)
    nodes.append(helper.make_node("ArgMax", [f"x{last}"], ["class"], axis=1, keepdims=0))
    return _graph(nodes, constants, model.inputs)


def _integer(model: Model) -> bytes:
    from onnx import TensorProto, helper

    constants: dict[str, Any] = {"low": np.float32(0), "high": np.float32(255)}
    nodes, last = [], len(model.layers) - 1
    for i, weights in enumerate(_weights(model)):
        constants |= {f"w{i}": weights, f"s{i}": np.float32(1 / (np.abs(weights).mean() * 30))}
        nodes.append(helper.make_node("MatMulInteger", [f"x{i}", f"w{i}"], [f"acc{i}"]))
        if i < last:
            nodes.append(helper.make_node("Cast", [f"acc{i}"], [f"f{i}"], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [f"f{i}", f"s{i}"], [f"g{i}"]))
            nodes.append(helper.make_node("Clip", [f"g{i}", "low", "high"], [f"h{i}"]))
            nodes.append(helper.make_node("Cast", [f"h{i}"], [f"x{i + 1}"], to=TensorProto.UINT8))
    nodes.append(helper.make_node("ArgMax", [f"acc{last}"], ["class"], axis=1, keepdims=0))
    return _graph(nodes, constants, model.inputs)


def blas(model: Model, codes: npt.NDArray[Any]) -> dict[str, Callable[[], Any]]:
    """The network in float32 matrix products that carry integers (exact only below 2^24)."""
    weights = [np.ascontiguousarray(layer.weights.T, np.float32) for layer in model.layers]
    scales = [np.float32(1 / (np.abs(w).mean() * 30)) for w in weights]

    def run() -> Any:
        x = codes.astype(np.float32)
        for w, scale in zip(weights[:-1], scales, strict=False):
            x = np.floor(np.clip((x @ w) * scale, 0, 255))
        return (x @ weights[-1]).argmax(1)

    return {"BLAS float32": run}
