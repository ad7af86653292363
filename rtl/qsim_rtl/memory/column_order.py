"""The order in which a mapped layer's physical columns are read, and their codes in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qsim.model.crossbar import Crossbar
from qsim.model.layer import Layer

from ..shape.crossbar import CrossbarShape


def order(crossbar: Crossbar, outputs: int) -> list[tuple[int, int]]:
    """The physical columns as they are read, each negative one before the positive ones that need it.

    Beside each stands the neuron that it is the positive column of, or -1.
    """
    columns: list[tuple[int, int]] = []
    held = -1
    for j in range(outputs):
        positive, negative = crossbar.mapping.pair(j, outputs)
        if negative != held:
            columns.append((negative, -1))
            held = negative
        columns.append((positive, j))
    return columns


def in_hardware_order(
    codes: npt.NDArray[np.uint16], layer: Layer, shape: CrossbarShape
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """Column codes (N, tiles, slices, digits, columns) as `pe` converters give them, (reads, pe).

    Beside them which lanes are in use, for the reads of one frame; unused ones have code 0 here.
    """
    assert layer.crossbar is not None
    numbers = [column for column, _ in order(layer.crossbar, layer.outputs)]
    surplus = shape.groups * shape.pe - shape.columns
    read = np.pad(codes[..., numbers], (*[(0, 0)] * 4, (0, surplus)))
    used = np.arange(shape.groups * shape.pe) < shape.columns
    lanes = used.reshape(shape.groups, shape.pe).repeat(shape.reads, axis=0)
    by_group = read.reshape(*read.shape[:4], shape.groups, shape.pe).transpose(0, 4, 2, 3, 1, 5)
    return by_group.reshape(-1, shape.pe), lanes


def in_model_order(
    codes: npt.NDArray[np.uint16], layer: Layer, shape: CrossbarShape
) -> npt.NDArray[np.uint16]:
    """Column codes as they come from the converters, as (N, tiles, slices, digits, columns)."""
    assert layer.crossbar is not None
    read = codes.reshape(-1, shape.groups, shape.slices, shape.digits, shape.tiles, shape.pe)
    by_read = read.transpose(0, 4, 2, 3, 1, 5)
    joined = by_read.reshape(*by_read.shape[:4], shape.groups * shape.pe)
    places = np.argsort([column for column, _ in order(layer.crossbar, layer.outputs)])
    return joined[..., places]
