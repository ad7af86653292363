"""An ONNX file as a plain list of nodes, checked before anything is made of it.

Nothing outside of the file is read, no array is made larger than the bytes that the file holds for it, and
what could hide a program (functions, subgraphs) is refused.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper

from ...errors import QsimError

MAX_BYTES = (1 << 31) - 1  # what protobuf can hold
Array = npt.NDArray[Any]
BITS: dict[int, int] = {  # of a tensor's elements, and bits of each
    onnx.TensorProto.FLOAT: 32,
    onnx.TensorProto.DOUBLE: 64,
    onnx.TensorProto.FLOAT16: 16,
    onnx.TensorProto.INT8: 8,
    onnx.TensorProto.UINT8: 8,
    onnx.TensorProto.INT16: 16,
    onnx.TensorProto.UINT16: 16,
    onnx.TensorProto.INT32: 32,
    onnx.TensorProto.UINT32: 32,
    onnx.TensorProto.INT64: 64,
    onnx.TensorProto.BOOL: 8,
    onnx.TensorProto.INT4: 4,
    onnx.TensorProto.UINT4: 4,
}


@dataclass(frozen=True, eq=False)
class Node:
    """One operation: its type, where it is, tensors in and out by name, attributes as Python values."""

    op: str
    domain: str
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def get(self, name: str, default: Any) -> Any:
        """An attribute, text as str."""
        value = self.attributes.get(name, default)
        return value.decode(errors="replace") if isinstance(value, bytes) else value


@dataclass(frozen=True, eq=False)
class Graph:
    """A checked graph of one data input.

    Parameters
    ----------
    nodes : tuple of Node, each after those that it needs
    constants : arrays by name
    input : name of the data input
    shape : its declared shape; None where a dimension is open
    kind : its element type, a numpy dtype
    outputs : names of the graph's outputs
    opset : version of the standard operators
    facts : what goes into a model's provenance: name, sha256, producer
    metadata : the file's own notes
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    input: str
    shape: tuple[int | None, ...]
    kind: np.dtype[Any]
    outputs: tuple[str, ...]
    opset: int
    facts: Mapping[str, Any]
    metadata: Mapping[str, str]
    proto: onnx.ModelProto


def read(source: str | PathLike[str] | onnx.ModelProto) -> Graph:
    """The graph of a file, or of a model that is already in memory.

    Raises
    ------
    QsimError
        If it is missing, damaged, or asks for what a file of weights has no need of.
    """
    if isinstance(source, onnx.ModelProto):
        name, content = source.graph.name or "model", source.SerializeToString(deterministic=True)
        model = source
    else:
        name = str(source)
        content = _content(Path(source))
        model = onnx.ModelProto()
        try:
            model.ParseFromString(content)
        except DecodeError:
            raise QsimError(f"{name}: not an ONNX file, or a damaged one") from None
    try:
        return _checked(model, Path(name).name, hashlib.sha256(content).hexdigest())
    except QsimError as error:
        raise QsimError(f"{name}: {error}") from None


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise QsimError(f"{path}: a folder; an ONNX file is needed")
    if not path.is_file():
        raise QsimError(f"{path}: no such file")
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise QsimError(f"{path}: {size:,} bytes; 1 to {MAX_BYTES:,} are allowed")
    try:
        return path.read_bytes()
    except OSError as error:
        raise QsimError(f"{path} cannot be read: {error.strerror}") from None


def _checked(model: onnx.ModelProto, name: str, sha256: str) -> Graph:
    graph = model.graph
    if not graph.node:
        raise QsimError("a graph of no nodes; not an ONNX network, or a damaged one")
    if model.functions:
        raise QsimError(f"it defines a function, {model.functions[0].name!r}; plain nodes are needed")
    if graph.sparse_initializer:
        raise QsimError("it holds a sparse tensor; dense ones are needed")
    constants = {t.name: array(t, t.name) for t in graph.initializer}
    entries = [i for i in graph.input if i.name not in constants]
    if len(entries) != 1:
        names = ", ".join(repr(i.name) for i in entries[:4]) or "none"
        raise QsimError(f"{len(entries)} data inputs ({names}); one is needed")
    shape, kind = _type(entries[0])
    nodes = tuple(_nodes(graph, {*constants, entries[0].name}))
    opsets = {o.domain: o.version for o in model.opset_import}
    opset, newest = opsets.get("", opsets.get("ai.onnx", 0)), onnx.defs.onnx_opset_version()
    if opset > newest:
        raise QsimError(f"it needs opset {opset}; the onnx package that is installed knows up to {newest}")
    outputs = tuple(o.name for o in graph.output)
    made = {o for node in nodes for o in node.outputs}
    if not outputs or not set(outputs) <= made | set(constants) | {entries[0].name}:
        raise QsimError(f"its outputs are {list(outputs)}; each must be a tensor that a node makes")
    producer = f"{model.producer_name} {model.producer_version}".strip()
    return Graph(
        nodes=nodes,
        constants=constants,
        input=entries[0].name,
        shape=shape,
        kind=kind,
        outputs=outputs,
        opset=opset,
        facts={"file": name, "sha256": sha256, "producer": producer},
        metadata={p.key: p.value for p in model.metadata_props},
        proto=model,
    )


def _type(entry: onnx.ValueInfoProto) -> tuple[tuple[int | None, ...], np.dtype[Any]]:
    tensor = entry.type.tensor_type
    if not entry.type.HasField("tensor_type") or not tensor.HasField("shape"):
        raise QsimError(f"input {entry.name!r} has no declared shape; (images, …) is needed")
    if tensor.elem_type not in BITS:
        raise QsimError(
            f"input {entry.name!r} has element type {tensor.elem_type}; floats or integers are needed"
        )
    if tensor.elem_type == onnx.TensorProto.FLOAT16:
        raise QsimError(f"input {entry.name!r} is FLOAT16, whose sums round at every step; FLOAT is needed")
    dims = tuple(d.dim_value if d.dim_value > 0 else None for d in tensor.shape.dim)
    return dims, np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))


def _nodes(graph: onnx.GraphProto, known: set[str]) -> Iterator[Node]:
    later = {name: i for i, n in enumerate(graph.node) for name in n.output}
    for i, proto in enumerate(graph.node):
        label = f"{proto.op_type} {proto.name or (proto.output[0] if proto.output else i)!r}"
        for needed in proto.input:
            if needed and needed not in known:
                if needed in later:
                    raise QsimError(f"{label} needs {needed!r}, made later: a cycle, or nodes out of order")
                raise QsimError(f"{label} needs {needed!r}, which nothing makes")
        for made in proto.output:
            if made in known:
                raise QsimError(f"{label} makes {made!r}, which exists already; each tensor is made once")
            if made:
                known.add(made)
        attributes = {a.name: _attribute(a, label) for a in proto.attribute}
        yield Node(proto.op_type, proto.domain, label, tuple(proto.input), tuple(proto.output), attributes)


def _attribute(attribute: onnx.AttributeProto, label: str) -> Any:
    kinds = onnx.AttributeProto
    if attribute.type in (kinds.GRAPH, kinds.GRAPHS):
        raise QsimError(f"{label} holds a subgraph, {attribute.name!r}; a chain of plain nodes is needed")
    if attribute.type == kinds.TENSOR:
        return array(attribute.t, f"{label}'s {attribute.name}")
    if attribute.type in (kinds.FLOAT, kinds.INT, kinds.STRING, kinds.FLOATS, kinds.INTS, kinds.STRINGS):
        return helper.get_attribute_value(attribute)
    raise QsimError(f"{label} has attribute {attribute.name!r} of a kind that no supported node has")


def array(tensor: onnx.TensorProto, name: str) -> Array:
    """The array of a tensor whose declared size and bytes agree.

    Raises
    ------
    QsimError
        If it lies outside of the file, declares more or less than it holds, or is of a strange type.
    """
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        places = [e.value for e in tensor.external_data if e.key == "location"]
        raise QsimError(
            f"tensor {name!r} lies in another file, {places[0] if places else '?'!r}; "
            "a file that holds all its tensors is needed"
        )
    if tensor.data_type not in BITS:
        raise QsimError(f"tensor {name!r} has element type {tensor.data_type}; floats or integers are needed")
    dims = list(tensor.dims)
    if any(d < 0 for d in dims):
        raise QsimError(f"tensor {name!r} has shape {dims}; no negative dimension is allowed")
    count, bits = math.prod(dims), BITS[tensor.data_type]
    if tensor.HasField("raw_data"):
        held = len(tensor.raw_data)
        declared = -(-count * bits // 8)
    else:
        held = sum(len(getattr(tensor, f"{k}_data")) for k in ("float", "double", "int32", "int64", "uint64"))
        declared = -(-count // 2) if bits == 4 else count
    if held != declared:
        unit = "bytes" if tensor.HasField("raw_data") else "values"
        raise QsimError(f"tensor {name!r} of shape {dims} holds {held:,} {unit}; {declared:,} are needed")
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise QsimError(f"tensor {name!r} is damaged: {error}") from None
