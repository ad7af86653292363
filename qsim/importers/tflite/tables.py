"""Operators on single 8-bit codes, such as LOGISTIC: a table of 256 codes, which the runtime itself gives."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import QsimError
from ..steps import Affine, Quantizer
from .dense import ONE, shifted
from .runtime import alone
from .schema import SPANS, Graph, Operator, one_scale

Array = npt.NDArray[Any]
ELEMENTWISE = (
    "LOGISTIC",
    "TANH",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "LEAKY_RELU",
    "ELU",
    "HARD_SWISH",
    "QUANTIZE",
)


def steps(graph: Graph, operator: Operator, content: bytes, level: str) -> list[Affine | Quantizer]:
    """From the integers of a tensor (codes less their zero point) to those of the operator's result.

    Parameters
    ----------
    graph : Graph
    operator : Operator
    content : bytes
        The file, of which the operator alone is run on all 256 codes.
    level : name of the kernels

    Raises
    ------
    QsimError
        If a tensor is not of 8 bits, or the table falls.
    """
    label = operator.label
    taken, made = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    (_, before), (_, after) = one_scale(taken, label), one_scale(made, label)
    table = alone(content, label, level, SPANS[taken.kind])
    if (np.diff(table) < 0).any():
        raise QsimError(f"{label} falls while its input rises; an activation that never falls is needed")
    return [shifted(-before), staircase(label, made.name, table, SPANS[taken.kind][0]), shifted(after)]


def staircase(label: str, tensor: str, table: npt.NDArray[np.int64], lowest: int) -> Quantizer:
    """A rising table as a quantizer: entry i is the code of the integer lowest + i."""
    low, high = int(table[0]), int(table[-1])

    def begins(k: int, j: int) -> tuple[Fraction, bool]:
        return Fraction(lowest + int(np.searchsorted(table, low + k))), True

    def run(x: Array) -> Array:
        places = (np.rint(x).astype(np.int64) - lowest).clip(0, len(table) - 1)
        return table[places].astype(np.float64)

    return Quantizer(label, high - low, (Fraction(low),), ONE, begins, run, tensor)
