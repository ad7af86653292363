"""A layer's accumulators as a graph of adders of its input codes, in the cheaper of two forms."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from qsim.errors import QsimError
from qsim.model.layer import Layer
from qsim.model.model import Model

from .graph import AdderGraph, Node, Term
from .sharing import adder_graph

MOST_PRODUCTS = 100_000  # of all layers


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


def check_size(model: Model) -> None:
    """Refuse a model for whose adder graphs the search would take many minutes.

    Raises
    ------
    QsimError
        If it has more than `MOST_PRODUCTS` weights.
    """
    products = sum(layer.inputs * layer.outputs for layer in model.layers)
    if products > MOST_PRODUCTS:
        raise QsimError(f"{products:,} weights; at most {MOST_PRODUCTS:,} can be unrolled")


def layer_graph(layer: Layer, codes: tuple[int, int]) -> AdderGraph:
    """The graph of acc - bias, for input codes from the first to the second of `codes`.

    Weights of the odd grid are 2 s + 1: their product is also twice that of s and, once for all neurons,
    the sum of the codes, which has fewer digits.
    """
    return _cheaper(layer.weights.astype(np.int64).tobytes(), layer.outputs, layer.grid == "odd", codes)


@lru_cache(maxsize=4)  # the cost model asks for what is then built
def _cheaper(weights: bytes, outputs: int, odd: bool, codes: tuple[int, int]) -> AdderGraph:
    matrix = np.frombuffer(weights, np.int64).reshape(outputs, -1)
    direct = adder_graph(matrix)
    if not odd:
        return direct
    halved = _doubled(adder_graph(np.vstack([(matrix - 1) >> 1, np.ones_like(matrix[:1])])))
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
