"""A layer's accumulators as a graph of adders of its input codes, in the cheaper of two forms."""

from __future__ import annotations

import numpy as np

from qsim.errors import QsimError
from qsim.model.layer import Layer
from qsim.model.model import Model

from .graph import AdderGraph, Node, Term
from .sharing import adder_graph


def check_ideal(model: Model) -> None:
    """Refuse a model whose accumulators are not plain sums of products.

    Raises
    ------
    QsimError
        If a layer is on crossbar tiles, or an accumulator wraps around.
    """
    if model.mapped:
        raise QsimError("a layer is on crossbar tiles; a model of ideal layers is needed to unroll")
    if any(layer.wrap_bits is not None for layer in model.layers):
        raise QsimError("an accumulator wraps around; an engine that is unrolled has all bits")


def layer_graph(layer: Layer, codes: tuple[int, int]) -> AdderGraph:
    """The graph of acc - bias, for input codes from the first to the second of `codes`.

    Weights of the odd grid are 2 s + 1: their product is also twice that of s and, once for all neurons,
    the sum of the codes, which has fewer digits.
    """
    direct = adder_graph(layer.weights.astype(np.int64))
    if layer.grid != "odd":
        return direct
    halved = _doubled(adder_graph(np.vstack([layer.stored, np.ones((1, layer.inputs), np.int64)])))
    return min(direct, halved, key=lambda graph: graph.adder_bits(*codes))


def _doubled(graph: AdderGraph) -> AdderGraph:
    """Outputs 2 y + the last one instead of all y; the last one goes."""
    *rows, ones = graph.outputs
    assert ones is not None
    nodes, outputs = list(graph.nodes), []
    for term in rows:
        if term is None:
            outputs.append(ones)
            continue
        nodes.append(Node(ones, Term(term.value, term.shift + 1, term.sign)))
        outputs.append(Term(graph.inputs + len(nodes) - 1, 0, 1))
    return AdderGraph(graph.inputs, tuple(nodes), tuple(outputs))
