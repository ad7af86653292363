"""TFLite files in their runtimes, for comparisons and for tables of single operators.

LiteRT runs its reference kernels or XNNPACK, its default; TFLite Micro runs its own. Tensors within a
network are made outputs of a copy of the file, since runtimes do not keep them otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import QsimError

Array = npt.NDArray[Any]
Invoke = Callable[[Array], list[Array]]  # one input to all outputs
MICRO_ARENA = 1 << 24  # bytes


def _schema(content: bytes) -> tuple[Any, Any]:
    """The schema's module, and the file as objects that can be changed."""
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise QsimError(f"running TFLite files needs {error.name}: pip install 'qsim[tflite]'") from None
    return schema, schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def _packed(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _litert(content: bytes, reference: bool) -> Invoke:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kind = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    try:
        made = Interpreter(model_content=content, experimental_op_resolver_type=kind)
        made.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise QsimError(f"LiteRT cannot run it: {' '.join(str(error).split())[:200]}") from None
    entry = made.get_input_details()[0]
    places = [detail["index"] for detail in made.get_output_details()]

    def invoke(x: Array) -> list[Array]:
        made.set_tensor(entry["index"], x.reshape(entry["shape"]).astype(entry["dtype"]))
        made.invoke()
        return [made.get_tensor(place).reshape(-1).copy() for place in places]

    return invoke


def _micro(content: bytes) -> Invoke:
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError as error:
        raise QsimError(f"level micro needs {error.name}: pip install tflite-micro") from None
    made = runtime.Interpreter.from_bytes(content, arena_size=MICRO_ARENA)
    entry = made.get_input_details(0)
    _, model = _schema(content)
    outputs = len(model.subgraphs[0].outputs)

    def invoke(x: Array) -> list[Array]:
        made.set_input(x.reshape(entry["shape"]).astype(entry["dtype"]), 0)
        made.invoke()
        return [made.get_output(i).reshape(-1).copy() for i in range(outputs)]

    return invoke


RUNTIMES: dict[str, Callable[[bytes], Invoke]] = {
    "reference": lambda content: _litert(content, reference=True),
    "xnnpack": lambda content: _litert(content, reference=False),
    "micro": _micro,
}


def tapped(content: bytes, tensors: Sequence[int], level: str) -> Invoke:
    """A file whose outputs are the tensors with these indices, in a runtime.

    Parameters
    ----------
    content : bytes
    tensors : sequence of int
    level : "reference", "xnnpack" or "micro"
    """
    _, model = _schema(content)
    model.subgraphs[0].outputs = list(tensors)
    model.signatureDefs = None
    return RUNTIMES[level](_packed(model))


def alone(content: bytes, label: str, level: str, span: tuple[int, int]) -> npt.NDArray[np.int64]:
    """What one operator makes of every 8-bit code.

    Parameters
    ----------
    content : bytes
    label : str
        The operator's name, which ends in its number.
    level : "reference", "xnnpack" or "micro"
    span : lowest and highest code

    Returns
    -------
    int64 array (256,)
    """
    _, model = _schema(content)
    graph = model.subgraphs[0]
    operator = graph.operators[int(label.split()[-1])]
    ends = [graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]]
    model.operatorCodes = [model.operatorCodes[operator.opcodeIndex]]
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    for tensor in ends:
        tensor.shape, tensor.shapeSignature, tensor.buffer = [1, span[1] - span[0] + 1], None, 0
    graph.tensors, graph.operators, graph.inputs, graph.outputs = ends, [operator], [0], [1]
    model.buffers, model.signatureDefs, model.metadata = model.buffers[:1], None, None
    model.metadataBuffer = None
    (made,) = RUNTIMES[level](_packed(model))(np.arange(span[0], span[1] + 1))
    return made.astype(np.int64)
