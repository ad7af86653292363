"""Models with crossbars, run: each block of images through the layers in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...jit.parallel import parallel_for
from ...model.layer import Layer
from ...model.model import Model
from .. import portable
from ..executor import NO_HIDDEN, Array, Executor, classify
from . import loops
from .plan import Plan, Tiles, prepare

Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer[Any]]
NOTHING = np.zeros((0, 0, 0, 0), np.uint16)
BLOCK = 256  # images whose sums are in cache together


def executor(model: Model, isa: str) -> Executor:
    """The loops for a mapped model; they are the same for every instruction set."""
    plan = prepare(model)
    *hidden, outputs = model.shape[1:]

    def enter(codes: Array, first_image: int, between: Array, logits: Array, classes: Array) -> None:
        for start in range(0, len(codes), BLOCK):
            rows = slice(start, start + BLOCK)
            acc = _run_block(plan, codes[rows], first_image + start, between[rows])
            if len(logits):
                logits[rows] = acc
            if len(classes):
                classes[rows] = classify(acc)

    return Executor(isa, model.input.dtype, None, tuple(hidden), outputs, enter, None)


def _run_block(
    plan: Plan,
    codes: Codes,
    first_image: int,
    between: Array,
    watched: Sequence[npt.NDArray[np.uint16]] = (),
) -> Array:
    """The last accumulators; every layer's codes go to `between`, side by side, if it has rows."""
    column = 0
    for i, (layer, tiles) in enumerate(zip(plan.layers, plan.tiles, strict=True)):
        if tiles is None:
            acc: Array = _exact_product(layer, codes)
        else:
            acc = _accumulate(layer, tiles, codes, first_image, watched[i] if watched else NOTHING)
        acc = portable.wrapped(acc, layer.wrap_bits)
        if layer.thresholds is not None:
            codes = np.empty(acc.shape, np.uint16)
            portable.count(acc, plan.activations[i], codes)
            if len(between):
                between[:, column : column + layer.outputs] = codes
                column += layer.outputs
    return acc


def _exact_product(layer: Layer, codes: Codes) -> Integers:
    """bias + weights x codes, in doubles where no sum can leave 53 bits."""
    codes = codes.astype(np.int64)
    largest = int(np.abs(codes).max(initial=0)) * int(np.abs(layer.weights).sum(1).max())
    if largest < 1 << 53:
        return (codes.astype(float) @ layer.weights.T.astype(float)).astype(np.int64) + layer.bias
    return codes @ layer.weights.T + layer.bias


def _accumulate(
    layer: Layer, tiles: Tiles, codes: Codes, first_image: int, watched: npt.NDArray[np.uint16]
) -> Integers:
    lanes = tiles.cells.shape[1]
    sums = np.zeros((len(codes), lanes), np.int64)
    currents = np.empty((2, *tiles.noise.places.shape), np.int16 if len(tiles.converters.zero) else np.int32)
    seen = NOTHING
    if len(watched):
        seen = np.empty((*watched.shape[:2], watched.shape[3], lanes), np.uint16)
    with np.errstate(over="ignore"):  # plain Python, without the JIT, warns where words wrap
        loops.read_tiles(
            _from_zero(codes, tiles.low),
            tiles.cells,
            tiles.shape,
            tiles.noise._replace(first_image=first_image & 0xFFFFFFFF),
            tiles.converters,
            seen,
            (currents, np.empty((2, lanes), tiles.part_type)),
            sums,
        )
    if len(watched):  # (images, tiles, digits, slices, columns) -> (images, tiles, slices, digits, columns)
        watched[:] = seen[..., tiles.lane].transpose(0, 1, 3, 2, 4)
    acc = np.empty((len(codes), layer.outputs), np.int64)
    loops.add_up(sums, tiles.lane, tiles.ending, acc)
    return acc


def _from_zero(codes: Codes, low: int) -> npt.NDArray[np.uint16]:
    """codes - low, with room for 16 numbers behind them."""
    room = np.empty(codes.size + 16, np.uint16)
    counted = room[: codes.size].reshape(codes.shape)
    counted[:] = codes
    if low:
        counted -= np.uint16(low & 0xFFFF)  # modulo 2**16: low may be below 0
    return counted


def column_codes(
    model: Model, codes: npt.ArrayLike, first_image: int = 0
) -> list[npt.NDArray[np.uint16] | None]:
    """Every converter's code.

    Parameters
    ----------
    model : Model
    codes : int array (N, inputs)
    first_image : number of the first image, on which read noise depends

    Returns
    -------
    For each layer an array (N, tiles, slices, digits, columns), None where the layer is not mapped.
    """
    checked = model.checked(codes)
    watched: list[npt.NDArray[np.uint16]] = []
    for i, layer in enumerate(model.layers):
        shape: tuple[int, ...] = (len(checked), 0)
        if layer.crossbar is not None:
            slices, inputs, columns = layer.crossbar.cells.shape
            mapping = layer.crossbar.mapping
            digits = mapping.digits(*model.code_range(i))
            shape = (len(checked), mapping.tiles(inputs), slices, digits, columns)
        watched.append(np.empty(shape, np.uint16))
    plan = prepare(model)

    def part(rows: slice) -> None:
        for start in range(rows.start, rows.stop, BLOCK):
            block = slice(start, min(start + BLOCK, rows.stop))
            seen = [array[block] for array in watched]
            _run_block(plan, checked[block], first_image + start, NO_HIDDEN, seen)

    parallel_for(len(checked), part)
    return [array if array.ndim == 5 else None for array in watched]
