"""A growing ONNX graph, and what every exported file says about itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from ...model.model import Model

Array = npt.NDArray[Any]
QONNX = "qonnx.custom_op.general"
IR_VERSION = 8
FLOAT_EXACT = 1 << 24  # integers below are exact in float32


class Graph:
    """Nodes and constants in order; every method returns the name of what it adds."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Any, kind: Any = None) -> str:
        """A constant under that name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, kind), name))
        return name

    def scalar(self, name: str, value: Any, kind: Any = np.float32) -> str:
        """A constant of no dimensions."""
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def node(self, op: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: Any) -> str:
        """A node of one output, called like it."""
        made = helper.make_node(op, list(inputs), [output], name=output, domain=domain, **attributes)
        self.nodes.append(made)
        return output

    def finish(
        self,
        model: Model,
        style: str,
        entry: tuple[str, int],
        outputs: Sequence[tuple[str, int, Any]],
        opset: int,
        batch: int | str = "N",
    ) -> onnx.ModelProto:
        """The whole file.

        Parameters
        ----------
        model : Model
            Gives digest, provenance and the storage of its layers, written as metadata.
        style : str
        entry : name and element type of the input
        outputs : name, element type and shape of each
        opset : version of the standard operators
        batch : images at a time; a name leaves it open
        """
        x = helper.make_tensor_value_info(entry[0], entry[1], [batch, model.inputs])
        results = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs]
        graph = helper.make_graph(self.nodes, "qsim", [x], results, self.constants)
        versions = [helper.make_opsetid("", opset)]
        if any(n.domain == QONNX for n in self.nodes):
            versions.append(helper.make_opsetid(QONNX, 1))
        made = helper.make_model(graph, producer_name="qsim", opset_imports=versions)
        made.ir_version = IR_VERSION
        helper.set_model_props(made, metadata(model, style))
        return made


def metadata(model: Model, style: str) -> dict[str, str]:
    """What a file says: style, digest, provenance, and how layers are stored."""
    layers = [
        {
            "grid": layer.grid,
            "bits": layer.bits,
            "codes_per_unit": layer.codes_per_unit,
            "activation": layer.activation,
            "preactivation_gain": layer.preactivation_gain,
        }
        for layer in model.layers
    ]
    return {
        "qsim.style": style,
        "qsim.digest": model.digest,
        "qsim.provenance": json.dumps(model.provenance, sort_keys=True),
        "qsim.layers": json.dumps(layers),
    }


def reachable(thresholds: Array, bounds: tuple[int, int]) -> Array:
    """Thresholds moved into the range of the accumulator, where they tell the same values apart."""
    return thresholds.clip(bounds[0], bounds[1] + 1)
