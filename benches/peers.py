"""Other ways to the same matrix products, and the most that the processor can do."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from qsim import Model
from qsim.jit.vectors import I32, I64, loop
from qsim.kernel import isa
from qsim.kernel.dense import products as tiles

Codes = npt.NDArray[np.uint8]
SUMS = 24  # independent sums: enough to hide the latency of one instruction


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


def peak(unit: tiles.Unit) -> Callable[[int], None]:
    """A compiled function that issues `n` x SUMS dot-product instructions and touches no memory."""

    @intrinsic
    def burn(context, count, address):  # type: ignore[no-untyped-def]
        def emit(context, b, signature, arguments):  # type: ignore[no-untyped-def]
            lanes = ir.VectorType(I32, unit.lanes)
            one = b.insert_element(
                ir.Constant(lanes, [1] * unit.lanes), b.trunc(arguments[1], I32), ir.Constant(I32, 0)
            )
            start = [b.add(one, ir.Constant(lanes, [i] * unit.lanes)) for i in range(SUMS)]
            sums = loop(b, arguments[0], start, lambda _, acc: [unit.emit(b, a, a, one) for a in acc])
            total = sums[0]
            for other in sums[1:]:
                total = b.add(total, other)
            return b.sext(b.extract_element(total, ir.Constant(I32, 0)), I64)

        return types.int64(types.int64, types.int64), emit

    @njit(nogil=True)
    def run(count):  # type: ignore[no-untyped-def]
        return burn(count, count)

    return run  # type: ignore[no-any-return]


@cache
def units() -> dict[str, tuple[Callable[[int], None], int]]:
    """For each operand size of the instructions in use, its loop in registers and what a turn multiplies."""
    kinds = {
        "avx512vnni": {"8 bits": (tiles.VNNI512_BYTES, 4), "16 bits": (tiles.VNNI512_HALVES, 2)},
        "avxvnni": {"8 bits": (tiles.VNNI256_BYTES, 4), "16 bits": (tiles.VNNI256_HALVES, 2)},
        "avx2": {"16 bits": (tiles.AVX2_HALVES, 2)},
        "portable": {},
    }
    return {
        size: (peak(unit), SUMS * unit.lanes * each) for size, (unit, each) in kinds[isa.choose()].items()
    }


def limit(model: Model) -> dict[str, tuple[int, Callable[[], Any]]]:
    """The narrowest operands' peak as images of a network: how many, and the call; {} where there is none.

    Neurons fill whole vectors, of which idle lanes are lost: 100 neurons use 100 of 112 lanes.
    """
    if not units():
        return {}
    work, burn = next(iter(peaks().values()))
    lanes, neurons = 16 if isa.choose() == "avx512vnni" else 8, model.layers[0].outputs
    used = neurons / (-(-neurons // lanes) * lanes)
    macs = sum(layer.weights.size for layer in model.layers)
    return {"the limit": (round(work * used / macs), burn)}


def peaks() -> dict[str, tuple[int, Callable[[], Any]]]:
    """Named peaks: multiplications of one call, and the call."""
    turns = 200_000
    return {
        f"peak of {size}": (turns * each, lambda loop=loop: loop(turns))
        for size, (loop, each) in units().items()
    }
