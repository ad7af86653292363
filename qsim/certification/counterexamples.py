"""The other side: images inside the radius that another class wins.

A projected gradient descent on the integers themselves: the slope of an accumulator's staircase is the
difference of codes over a window around it, which narrows from step to step, so no derivative of the
activation is needed and nothing saturates. Each step goes to a corner of the box along the smoothed gradient.
The best image of all is then polished, one input at a time.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit.compiling import cached
from ..model.model import Model
from .cells import cell_of, unsplit
from .dual import Cell
from .network import Arrays, Integers, arrays_of, margins
from .staircase import code_of

RESTARTS = 4  # the first from the middle of the box, the others from random points of it
STEPS = 20
WINDOWS = np.array([0.5, 0.25, 0.12, 0.06, 0.03])  # as a share of what the accumulator can reach
MOMENTUM = 0.5
SWEEPS = 20  # over all inputs, at most
WORK = 10**7  # products and codes that polishing may take: networks where a move is dear get fewer sweeps


def counterexamples(
    model: Model, codes: npt.NDArray[Any], labels: npt.NDArray[Any], radius: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """For each image one within `radius` that is classified wrong, where one is found.

    Parameters
    ----------
    model : Model of ideal layers
    codes : int array (N, inputs)
    labels : int array (N,)
    radius : l-infinity, in LSBs of the input code

    Returns
    -------
    images : int array (N, inputs), the image itself where none is found
    found : bool array (N,)
    """
    arrays, images = arrays_of(model), model.checked(codes).astype(np.int64)
    found = model.predict(codes) != labels
    for i in np.flatnonzero(~found):
        low, high = box_of(model, images[i], radius)
        cell = cell_of(arrays, unsplit(arrays, low, high))
        assert cell is not None
        for margin in margins(model, int(labels[i])):
            image = strike(arrays, margin.factors, margin.constant, margin.most, cell)
            if image is not None:
                images[i], found[i] = image, True
                break
    return images, found


def box_of(model: Model, image: Integers, radius: int) -> tuple[Integers, Integers]:
    """The lowest and the highest code of each input within the radius and the input format."""
    form = model.input
    return np.maximum(image - radius, form.low), np.minimum(image + radius, form.high)


def strike(arrays: Arrays, factors: Integers, constant: int, most: int, cell: Cell) -> Integers | None:
    """An image of a cell's box with factors . codes + constant <= most, or None."""
    rng, middle = np.random.default_rng(0), (cell.box_low + cell.box_high) // 2
    ends = []
    for restart in range(RESTARTS):
        image = middle.copy() if restart == 0 else rng.integers(cell.box_low, cell.box_high + 1)
        ends.append((_descend(arrays, factors, constant, most, cell, image, WINDOWS, STEPS, MOMENTUM), image))
        if ends[-1][0] <= most:
            return image
    image = min(ends, key=lambda end: end[0])[1]
    return image if polish(arrays, factors, constant, most, cell, image, sweeps_of(arrays)) <= most else None


def sweeps_of(arrays: Arrays) -> int:
    """How many sweeps of `polish` a network is given."""
    widths = arrays.widths.tolist()
    move = sum(widths[1:]) + sum(a * b for a, b in pairwise(widths[1:]))
    return min(SWEEPS, WORK // (4 * widths[0] * max(move, 1)))


@cached()
def value_of(arrays: Arrays, factors: Any, constant: int, image: Any, accs: Any) -> int:
    """factors . codes + constant for an image; its accumulators in `accs`."""
    codes = image
    for layer in range(len(arrays.at)):
        begin, width, units = arrays.first[layer], arrays.widths[layer], arrays.widths[layer + 1]
        following = np.empty(units, np.int64)
        for j in range(units):
            q = begin + j
            row = arrays.whole[arrays.at[layer] + j * width : arrays.at[layer] + (j + 1) * width]
            acc = arrays.bias[q]
            for k in range(width):
                acc += row[k] * codes[k]
            accs[q] = acc
            following[j] = code_of(acc, arrays.thresholds, arrays.start[q], arrays.stop[q])
        codes = following
    value = constant
    for k in range(len(codes)):
        value += factors[k] * codes[k]
    return value


@cached(error_model="numpy")
def _slope(arrays: Arrays, factors: Any, cell: Cell, accs: Any, window: float, slope: Any) -> None:
    """The derivative of the margin by each input, staircases smoothed over a window."""
    g = factors.astype(np.float64)
    for layer in range(len(arrays.at) - 1, -1, -1):
        begin, width = arrays.first[layer], arrays.widths[layer]
        below = np.zeros(width)
        for j in range(arrays.widths[layer + 1]):
            q = begin + j
            reach = max(1, int(window * (cell.high[q] - cell.low[q])))
            up = code_of(accs[q] + reach, arrays.thresholds, arrays.start[q], arrays.stop[q])
            down = code_of(accs[q] - reach, arrays.thresholds, arrays.start[q], arrays.stop[q])
            a = g[j] * (up - down) / (2 * reach)
            if a != 0:
                row = arrays.weights[arrays.at[layer] + j * width : arrays.at[layer] + (j + 1) * width]
                for k in range(width):
                    below[k] += a * row[k]
        g = below
    slope[:] = g


@cached(error_model="numpy")
def _descend(
    arrays: Arrays,
    factors: Any,
    constant: int,
    most: int,
    cell: Cell,
    image: Any,
    windows: Any,
    steps: int,
    momentum: float,
) -> Any:
    """Move `image` over corners of the box until the margin is at most `most`; the best, and its margin."""
    accs = np.empty(len(arrays.bias), np.int64)
    slope, smooth = np.empty(len(image)), np.zeros(len(image))
    best, least = image.copy(), np.int64(1 << 62)
    for i in range(steps + 1):
        value = value_of(arrays, factors, constant, image, accs)
        if value < least:
            best[:], least = image, value
        if least <= most or i == steps:
            break
        _slope(arrays, factors, cell, accs, windows[i * len(windows) // steps], slope)
        size = np.abs(slope).mean() + 1e-9
        for k in range(len(image)):
            smooth[k] = momentum * smooth[k] + slope[k] / size
            if smooth[k] > 0:
                image[k] = cell.box_low[k]
            elif smooth[k] < 0:
                image[k] = cell.box_high[k]
    image[:] = best
    return least


@cached()
def polish(
    arrays: Arrays, factors: Any, constant: int, most: int, cell: Cell, image: Any, sweeps: int
) -> int:
    """Move one input of `image` at a time, to an end or by 1, while the margin falls; the margin then."""
    accs = np.empty(len(arrays.bias), np.int64)
    least = value_of(arrays, factors, constant, image, accs)
    if len(arrays.at) == 0:
        return least
    width, units = arrays.widths[0], arrays.widths[1]
    columns = np.ascontiguousarray(arrays.whole[: width * units].reshape(units, width).T)
    kept, moved = accs[:units].copy(), np.empty(units, np.int64)
    for _ in range(sweeps):
        before = least
        for k in range(width):
            old = image[k]
            for new in (cell.box_low[k], cell.box_high[k], old - 1, old + 1):
                if new == image[k] or new < cell.box_low[k] or new > cell.box_high[k]:
                    continue
                for j in range(units):
                    moved[j] = kept[j] + (new - image[k]) * columns[k, j]
                value = _value_from(arrays, factors, constant, moved)
                if value < least:
                    least = value
                    kept[:] = moved
                    image[k] = new
            if least <= most:
                return least
        if least == before:
            break
    return least


@cached()
def _value_from(arrays: Arrays, factors: Any, constant: int, first: Any) -> int:
    """factors . codes + constant for accumulators of the first hidden layer."""
    accs = first
    for layer in range(len(arrays.at)):
        begin, units = arrays.first[layer], arrays.widths[layer + 1]
        codes = np.empty(units, np.int64)
        for j in range(units):
            codes[j] = code_of(accs[j], arrays.thresholds, arrays.start[begin + j], arrays.stop[begin + j])
        if layer + 1 < len(arrays.at):
            following = np.empty(arrays.widths[layer + 2], np.int64)
            for j in range(len(following)):
                acc = arrays.bias[begin + units + j]
                for k in range(units):
                    acc += arrays.whole[arrays.at[layer + 1] + j * units + k] * codes[k]
                following[j] = acc
            accs = following
    value = constant
    for j in range(len(codes)):
        value += factors[j] * codes[j]
    return value
