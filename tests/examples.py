"""Small random models for tests, every one named by its seed, and what the specification makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim import InputFormat, Layer, Model, spec


def random_layer(
    rng: np.random.Generator,
    inputs: int,
    outputs: int,
    bits: int,
    levels: int | None,
    *,
    grid: str = "odd",
    reach: int = 1,
    per_neuron: bool = False,
) -> Layer:
    """A layer of random weights that include both ends of the grid, thresholds within +-reach."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    stored = rng.integers(low, high + 1, (outputs, inputs))
    stored.flat[0], stored.flat[-1] = low, high
    rows = (outputs, levels) if per_neuron else (levels,)
    return Layer(
        weights=2 * stored + 1 if grid == "odd" else stored,
        bias=rng.integers(-reach, reach + 1, outputs),
        bits=bits,
        grid=grid,
        thresholds=None if levels is None else np.sort(rng.integers(-reach, reach + 1, rows), axis=-1),
    )


def random_model(
    seed: int,
    shape: Sequence[int] = (5, 4, 3),
    bits: int | Sequence[int] = 3,
    levels: int | Sequence[int] = 7,
    *,
    grid: str = "odd",
    form: InputFormat = InputFormat(8),  # noqa: B008 - frozen
    per_neuron: bool = False,
) -> Model:
    """A model whose thresholds lie where its accumulators do.

    `bits` is one for all layers or one each, `levels` one for all hidden layers or one each.
    """
    rng = np.random.default_rng(seed)
    depth = len(shape) - 1
    widths = [bits] * depth if isinstance(bits, int) else bits
    hidden = [levels] * (depth - 1) if isinstance(levels, int) else levels
    layers: list[Layer] = []
    largest = max(-form.low, form.high)
    sizes = zip(pairwise(shape), widths, [*hidden, None], strict=True)
    for (inputs, outputs), width, count in sizes:
        reach = max(1, int(largest * (1 << width) * np.sqrt(inputs) / 2))
        layer = random_layer(
            rng, inputs, outputs, width, count, grid=grid, reach=reach, per_neuron=per_neuron
        )
        layers.append(layer)
        largest = layer.max_code
    return Model(tuple(layers), form)


def random_codes(seed: int, model: Model, images: int) -> npt.NDArray[Any]:
    """Codes over the whole input format; the first rows are its two extremes."""
    form = model.input
    codes = np.random.default_rng(seed).integers(form.low, form.high + 1, (images, model.inputs))
    for row, extreme in zip(codes, (form.low, form.high), strict=False):
        row[:] = extreme
    return codes


@dataclass(frozen=True, eq=False)
class Expected:
    hidden: tuple[npt.NDArray[Any], ...]
    logits: npt.NDArray[Any]
    classes: npt.NDArray[Any]


def expected(model: Model, codes: npt.NDArray[Any], first_image: int = 0) -> Expected:
    """Hidden codes, logits and classes as the specification has them."""
    traced = list(spec.trace(model, codes.tolist(), first_image))
    hidden = tuple(np.array(layer) for layer in zip(*(codes for codes, _ in traced), strict=True))
    logits = [logits for _, logits in traced]
    return Expected(hidden, np.array(logits), np.array([spec.classify(row) for row in logits]))
