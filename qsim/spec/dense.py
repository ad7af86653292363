"""The executable specification of a network: two operations and one tie rule, in plain Python integers.

This package alone decides every output bit. The numba kernel, the RTL, the netlist and every export
must give these integers; where one differs, it is wrong. Integers here have unbounded width: that
no real accumulator overflows is proved for each model when it is built (`Model.bounds`).

A model is read through four plain facts of each layer: `weights[j][i]`, `bias[j]`, `thresholds[j]`
(ascending; hidden layers only), and the order of the layers. Nothing else can change a bit, except that
a layer on a crossbar accumulates as `crossbar` says, from the range of its input codes: that of `bits`
and `signed` of the model's input, or 0 to the number of thresholds of the layer before; and that a layer with
`wrap_bits` keeps the lowest so many bits of its accumulators. Only a defect in given hardware needs
that: it can drive an accumulator out of its proved range.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from . import geometry
from .crossbar import accumulate as accumulate_on_tiles

VERSION = 1  # a change of meaning raises this number; older readers then refuse the model


def weight(stored: int, grid: str) -> int:
    """The integer that a stored q-bit two's complement code stands for on its grid.

    Parameters
    ----------
    stored : int
        -2**(q - 1) to 2**(q - 1) - 1.
    grid : "odd" or "twos_complement"

    Returns
    -------
    int
    """
    return 2 * stored + 1 if grid == "odd" else stored


def accumulate(weights: Sequence[int], bias: int, codes: Sequence[int]) -> int:
    """acc = bias + sum of weight x code: the first of the two operations.

    Parameters
    ----------
    weights : sequence of int
        One for each input.
    bias : int
    codes : sequence of int
        As many.

    Returns
    -------
    int
    """
    return bias + sum(w * x for w, x in zip(weights, codes, strict=True))


def wrap(acc: int, bits: int | None) -> int:
    """The lowest `bits` bits of an accumulator as a two's complement number; all of it if None.

    Parameters
    ----------
    acc : int
    bits : int or None

    Returns
    -------
    int
    """
    if bits is None:
        return acc
    half = 1 << bits - 1
    return (acc + half) % (1 << bits) - half


def activate(acc: int, thresholds: Iterable[int]) -> int:
    """code = how many thresholds t have t <= acc: the second operation.

    Parameters
    ----------
    acc : int
    thresholds : iterable of int

    Returns
    -------
    int
        0 to the number of thresholds.
    """
    return sum(t <= acc for t in thresholds)


def classify(logits: Sequence[int]) -> int:
    """The index of the largest logit, the lowest on a tie; with one output, 1 where it is >= 0.

    Parameters
    ----------
    logits : sequence of int

    Returns
    -------
    int
    """
    if len(logits) == 1:
        return int(logits[0] >= 0)
    return max(range(len(logits)), key=lambda j: (logits[j], -j))


def trace(
    model: Any, images: Iterable[Sequence[int]], first_image: int = 0
) -> Iterator[tuple[list[list[int]], list[int]]]:
    """The codes of every hidden layer and the logits, as lists of integers, image by image.

    Parameters
    ----------
    model : Model
    images : iterable of sequences of int
        Each has `model.inputs` codes.
    first_image : int
        The number of the first image, which only the read noise of a crossbar depends on.

    Yields
    ------
    tuple (hidden, logits)
        `hidden` is one list of codes a hidden layer.
    """
    layers = [
        (
            layer.weights.tolist(),
            layer.bias.tolist(),
            None if layer.thresholds is None else layer.thresholds.tolist(),
        )
        for layer in model.layers
    ]
    for number, image in enumerate(images, first_image):
        codes, hidden = [int(x) for x in image], []
        for i, (weights, bias, thresholds) in enumerate(layers):
            if model.layers[i].crossbar is None:
                accs = [accumulate(w, b, codes) for w, b in zip(weights, bias, strict=True)]
            else:
                accs = accumulate_on_tiles(model.layers[i], codes, *_range(model, i), i, number)
            accs = [wrap(acc, model.layers[i].wrap_bits) for acc in accs]
            if thresholds is not None:
                codes = [activate(a, t) for a, t in zip(accs, thresholds, strict=True)]
                hidden.append(codes)
        yield hidden, accs


def _range(model: Any, index: int) -> tuple[int, int]:
    """The smallest and the largest code that can enter a layer."""
    if index:
        return 0, model.layers[index - 1].thresholds.shape[1]
    return geometry.code_range(model.input.bits, model.input.signed)


def logits(model: Any, codes: Iterable[Sequence[int]], first_image: int = 0) -> list[list[int]]:
    """The last layer's accumulators for each image.

    Parameters
    ----------
    model : Model
    codes : sequence of images, each a sequence of `model.inputs` integer input codes
    first_image : number of the first image; only read noise depends on it

    Returns
    -------
    list of lists of int, one row an image, one column an output
    """
    return [accs for _, accs in trace(model, codes, first_image)]


def predict(model: Any, codes: Iterable[Sequence[int]], first_image: int = 0) -> list[int]:
    """The class of each image.

    Parameters
    ----------
    model : Model
    codes : iterable of sequences of int
        Each has `model.inputs` codes.
    first_image : int
        As in `logits`.

    Returns
    -------
    list of int
    """
    return [classify(accs) for accs in logits(model, codes, first_image)]
