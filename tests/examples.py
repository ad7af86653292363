"""Small random models for tests, every one named by its seed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from qsim import InputFormat, Layer, Model


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
    """A layer of random weights over the whole grid, thresholds within +-reach."""
    stored = rng.integers(-(1 << bits - 1), 1 << bits - 1, (outputs, inputs))
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
    shape: tuple[int, ...] = (5, 4, 3),
    bits: int = 3,
    levels: int = 7,
    *,
    grid: str = "odd",
    form: InputFormat = InputFormat(8),  # noqa: B008 - frozen
    per_neuron: bool = False,
) -> Model:
    """A model whose thresholds lie where its accumulators do."""
    rng = np.random.default_rng(seed)
    layers: list[Layer] = []
    largest = max(-form.low, form.high)
    for i, (inputs, outputs) in enumerate(pairwise(shape)):
        last = i == len(shape) - 2
        reach = max(1, int(largest * (1 << bits) * np.sqrt(inputs) / 2))
        layers.append(
            random_layer(
                rng,
                inputs,
                outputs,
                bits,
                None if last else levels,
                grid=grid,
                reach=reach,
                per_neuron=per_neuron,
            )
        )
        largest = levels
    return Model(tuple(layers), form)


def random_codes(seed: int, model: Model, images: int) -> npt.NDArray[Any]:
    """Codes over the whole input format; the first rows are its two extremes."""
    form = model.input
    codes = np.random.default_rng(seed).integers(form.low, form.high + 1, (images, model.inputs))
    for row, extreme in zip(codes, (form.low, form.high), strict=False):
        row[:] = extreme
    return codes
