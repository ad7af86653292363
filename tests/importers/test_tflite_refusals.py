"""Unsupported and broken TFLite files: one sentence each, with operator, what was found, what is allowed."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import needs
from tflite_files import File, dense

from qsim import QsimError
from qsim.importers.api import import_tflite


def chain(change: Callable[[File, int], int] | None = None, kind: str = "INT8", scale: Any = 0.05) -> bytes:
    """A layer, something after it, a layer."""
    file = File()
    entry = file.tensor("x", (1, 8), kind, scale, -3 if kind == "INT8" else 0)
    hidden = dense(file, entry)
    return file.content(entry, dense(file, change(file, hidden) if change else hidden, outputs=4, seed=1))


def after(kind: str, *more: int, **options: Any) -> bytes:
    """An operator on the hidden codes."""

    def change(file: File, hidden: int) -> int:
        return file.operator(kind, [hidden, *more], file.tensor("h", (1, 6), "INT8", 0.05, 0), **options)

    return chain(change)


def edited(edit: Callable[[File], Any]) -> bytes:
    """The chain with its objects changed: tensors are x, then weights, bias and result of each layer."""

    def change(file: File, hidden: int) -> int:
        edit(file)
        return hidden

    return chain(change)


def quantized(index: int, scale: list[float], zero: int = 0) -> bytes:
    def edit(file: File) -> None:
        own = file.graph.tensors[index].quantization
        own.scale, own.zeroPoint = scale, [zero] * len(scale)

    return edited(edit)


def retyped(index: int, kind: str) -> bytes:
    return edited(
        lambda file: setattr(file.graph.tensors[index], "type", getattr(file.schema.TensorType, kind))
    )


def reshaped(index: int, shape: list[int]) -> bytes:
    return edited(lambda file: setattr(file.graph.tensors[index], "shape", shape))


def fused(activation: int) -> bytes:
    def edit(file: File) -> None:
        file.graph.operators[0].builtinOptions.fusedActivationFunction = activation

    return edited(edit)


def huge_bias() -> bytes:
    def edit(file: File) -> None:
        buffer = file.model.buffers[file.graph.tensors[2].buffer]
        buffer.data = np.frombuffer(np.full(6, 2**31 - 1, np.int32).tobytes(), np.uint8)

    return edited(edit)


def after_softmax() -> bytes:
    return chain(
        lambda file, hidden: file.operator(
            "SOFTMAX", [hidden], file.tensor("h", (1, 6), "INT8", 1 / 256, -128), beta=1.0
        )
    )


def first(kind: str) -> bytes:
    file = File()
    entry = file.tensor("x", (1, 8), "INT8", 0.05, -3)
    made = file.operator(kind, [entry], file.tensor("h", (1, 8), "INT8", 0.04, 0))
    return file.content(entry, dense(file, made))


def no_layer() -> bytes:
    file = File()
    entry = file.tensor("x", (1, 8), "INT8", 0.05, -3)
    return file.content(entry, entry)


def other_output() -> bytes:
    file = File()
    entry = file.tensor("x", (1, 8), "INT8", 0.05, -3)
    hidden = dense(file, entry)
    dense(file, hidden, outputs=4, seed=1)
    return file.content(entry, hidden)


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "a convolution": (lambda: after("CONV_2D", 1), r"CONV_2D 1 is a convolution; only fully connected"),
    "an unknown operator": (lambda: after("COS"), "COS 1 is not supported; FULLY_CONNECTED, RESHAPE"),
    "a branch": (lambda: after("CONCATENATION", 0), "CONCATENATION 1 is not supported"),
    "a second input": (lambda: after("LEAKY_RELU", 0), "LEAKY_RELU 1 takes in or gives other data than one"),
    "a falling activation": (
        lambda: after("HARD_SWISH"),
        "HARD_SWISH 1 falls while its input rises; an activation that never falls is needed",
    ),
    "a layer after a softmax": (after_softmax, "FULLY_CONNECTED 2 follows SOFTMAX 1; nothing may follow"),
    "an activation of the input": (lambda: first("TANH"), "TANH 0 comes before the first layer"),
    "an input of two scales": (lambda: first("QUANTIZE"), "QUANTIZE 0 gives the input another scale"),
    "no layer": (no_layer, "no FULLY_CONNECTED operator; one is needed"),
    "an output in the middle": (
        other_output,
        r"the way from the input ends at 'y\d+', which is not the output",
    ),
    "float activations": (
        lambda: chain(kind="FLOAT32", scale=None),
        "FULLY_CONNECTED 0 takes in FLOAT32 data; INT8 or UINT8 is needed: convert with full integer",
    ),
    "16-bit activations": (lambda: chain(kind="INT16"), "input 'x' is INT16; INT8, UINT8 or FLOAT32 is"),
    "4-bit weights": (lambda: retyped(1, "INT4"), "INT8 data, INT4 weights and INT8 results; INT8 weights"),
    "unsigned weights": (lambda: retyped(1, "UINT8"), "UINT8 weights and INT8 results; INT8 weights"),
    "a wide bias": (lambda: retyped(2, "INT64"), "a bias of 6 INT64; 6 INT32 are needed"),
    "a scale of 0": (lambda: quantized(0, [0.0]), r"'x' has scales \[0.0\]; one positive scale"),
    "a scale that is no number": (lambda: quantized(1, [float("nan")]), "has weight scale nan; positive"),
    "too few weight scales": (lambda: quantized(1, [0.1, 0.2]), "has 2 weight scales along axis 0"),
    "a zero point of weights": (lambda: quantized(1, [0.1], 3), r"zero points \[3\]; one scale or 6"),
    "a zero point out of range": (lambda: quantized(3, [0.1], 999), "has zero point 999; -128 to 127"),
    "scales of data": (lambda: quantized(3, [0.1, 0.2]), r"has scales \[0.1.*; one positive scale"),
    "a large factor": (lambda: quantized(1, [1e6]), "multiplies by 625000 to requantize; less than 256"),
    "sums beyond 32 bits": (huge_bias, r"adds up to 2147\d+; less than 2147483647 is needed"),
    "a fused tanh": (lambda: fused(4), "has fused activation 4; none, RELU, RELU_N1_TO_1, RELU6 are allowed"),
    "fewer weights than declared": (lambda: reshaped(1, [6, 9]), r"of shape \(6, 9\) holds 48 values"),
    "more weights than there can be": (lambda: reshaped(1, [2**31 - 1] * 2), "holds 48 values; all of them"),
    "weights of another width": (lambda: reshaped(1, [8, 6]), r"weights of shape \(8, 6\) for 8 inputs"),
    "very many dimensions": (lambda: reshaped(1, [1] * 40), "tensor 1 has 40 dimensions; 16 are allowed"),
    "a negative dimension": (lambda: reshaped(1, [-6, -8]), "a damaged TFLite file|of shape"),
}


@pytest.mark.parametrize("name", FILES)
def test_refused_with_one_sentence(name: str, tmp_path: Path) -> None:
    for module in ("tflite", "ai_edge_litert"):
        needs(module)
    make, sentence = FILES[name]
    path = tmp_path / "net.tflite"
    path.write_bytes(make())
    with pytest.raises(QsimError, match=f"^net.tflite: .*(?:{sentence})") as found:
        import_tflite(path)
    assert "\n" not in str(found.value)


def test_what_many_tensors_share_is_held_once(tmp_path: Path) -> None:
    """Three thousand tensors that name one constant of a megabyte: 3 GB, were each to get its own."""
    for module in ("tflite", "ai_edge_litert"):
        needs(module)
    file = File()
    entry = file.tensor("x", (1, 8), "INT8", 0.05, -3)
    file.tensor("c", (1 << 20,), "INT8", 0.1, 0, np.zeros(1 << 20, np.int8))
    shared = file.graph.tensors[-1].buffer
    for i in range(3000):
        file.tensor(f"c{i}", (1 << 20,), "INT8", 0.1)
        file.graph.tensors[-1].buffer = shared
    path = tmp_path / "net.tflite"
    path.write_bytes(file.content(entry, dense(file, entry)))
    tracemalloc.start()
    try:
        assert import_tflite(path).model.inputs == 8
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()
