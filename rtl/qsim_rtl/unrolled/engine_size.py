"""An unrolled engine as a whole before it is made: its parts counted, its latency and interval exact."""

from __future__ import annotations

from dataclasses import dataclass

from qsim.model.model import Model

from .graph import AdderGraph, width
from .products import check_ideal, check_size, layer_graph
from .serial_size import Digits, serial_adders, serial_depth
from .size import Ends, Size, adders, argmax, code, depth, negation, output_ends, total, used_inputs

QUEUE_CYCLES = 2  # from a result to its way out


@dataclass(frozen=True)
class EngineSize:
    """What an engine is made of, without its buses.

    Parameters
    ----------
    parts : Size
    queue_words, queue_bits : int
        Results that the queue behind the pipeline holds, and bits of each.
    latency, interval : int
        Cycles from an image to its result, and from one image to the next.
    logit_bits : int
    used : set of int
        The inputs that are not ignored.
    """

    parts: Size
    queue_words: int
    queue_bits: int
    latency: int
    interval: int
    logit_bits: int
    used: frozenset[int]


def graphs(model: Model) -> list[AdderGraph]:
    """The adder graph of each layer.

    Raises
    ------
    QsimError
        If the model cannot be unrolled.
    """
    check_ideal(model)
    check_size(model)
    return [layer_graph(layer, model.code_range(i)) for i, layer in enumerate(model.layers)]


def engine_size(model: Model, products: list[AdderGraph], interval: int = 1) -> EngineSize:
    """The size of `UnrolledEngine` with these `graphs`, an image every so many cycles at most."""
    low, high = model.bounds[-1]
    logit_bits = max(width(min(low, -1), high), 2)
    layers = [_layer(model, i, graph, interval) for i, graph in enumerate(products)]
    choice, choice_latency = argmax(model.outputs, logit_bits)
    cycles = max(own for _, _, own in layers)
    latency = 1 + sum(own for _, own, _ in layers) + choice_latency
    used = used_inputs(products[0])
    entry = Size(registers=len(used) * model.input.bits)
    queue_bits = model.outputs * logit_bits + max((model.outputs - 1).bit_length(), 1)
    return EngineSize(
        parts=total([entry, choice, *(size for size, _, _ in layers)]),
        queue_words=-(-latency // cycles) + QUEUE_CYCLES + 2,
        queue_bits=queue_bits,
        latency=latency + QUEUE_CYCLES,
        interval=cycles,
        logit_bits=logit_bits,
        used=frozenset(used),
    )


def _layer(model: Model, number: int, graph: AdderGraph, interval: int) -> tuple[Size, int, int]:
    """What a layer is made of, its latency and its interval."""
    ends, layer = model.code_range(number), model.layers[number]
    if interval == 1:
        size, latency, cycles = adders(graph, ends), max(depth(graph), 1), 1
    else:
        digits = Digits.of(graph, ends, interval)
        size, cycles = serial_adders(graph, ends, digits), digits.number
        latency = serial_depth(graph) + digits.number + 1
    ranges = graph.ranges(*ends)
    outputs = [output_ends(term, ranges) for term in graph.outputs]
    negations = [Size()] * len(outputs)
    if interval == 1:
        negations = [negation(term, own) for term, own in zip(graph.outputs, outputs, strict=True)]
    if layer.thresholds is None:
        biases = layer.bias.tolist()
        size += total(own for own, bias in zip(negations, biases, strict=True) if not bias)
        sums = [_biased(bias, own) for bias, own in zip(biases, outputs, strict=True)]
        return size + total(sums), latency + 1, cycles
    size += total(negations)
    rows = (layer.thresholds - layer.bias[:, None]).tolist()
    found = [code(row, own) for row, own in zip(rows, outputs, strict=True)]
    slowest, bits = max(own for _, own in found), layer.max_code.bit_length()
    waiting = sum(bits * (slowest - own) for _, own in found if own)
    parts = total([one for one, _ in found])
    return size + parts + Size(registers=waiting), latency + slowest, cycles


def _biased(bias: int, ends: Ends) -> Size:
    """An accumulator's register, and an adder before it where there is a bias."""
    bits = width(ends[0] + bias, ends[1] + bias)
    return Size(bits if bias else 0, int(bias != 0), 0, bits)
