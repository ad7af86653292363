"""Lagrangian bounds of a margin over a cell, and multipliers that raise them.

Every accumulator z = W . codes + bias gets a multiplier alpha that pays for breaking this equation. What is
left falls apart into one minimum for each accumulator and one for each input, and is a lower bound of the
margin for any alpha (weak duality; on piecewise linear activations it is the bound of alpha-beta-CROWN, Wang
et al., NeurIPS 2021). It is concave in alpha: supergradient ascent raises it, with Polyak's step towards a
level that comes down while it is not reached.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..jit.compiling import cached
from .network import Arrays, Floats, Integers
from .staircase import code_of, envelope_slope, lowest

FAST = {"reassoc", "contract", "nsz", "arcp"}
BEYOND = 0.05  # how far beyond the target the first step aims, as a share of what is missing
FALL = 0.8  # of how far ahead of the best bound steps aim, whenever one does not raise it


class State(NamedTuple):
    """One point of the dual: the multipliers, what minimises the Lagrangian there, and a supergradient.

    Attributes
    ----------
    alpha : (accumulators,)
    g : (accumulators,), the factor of each code
    z : (accumulators,), the minimising values
    acc : (accumulators,), what the minimising codes of the layer below really give
    gradient : (accumulators,), acc - z
    x : (inputs,), the minimising image
    """

    alpha: Floats
    g: Floats
    z: Integers
    acc: Floats
    gradient: Floats
    x: Floats


class Cell(NamedTuple):
    """Where an image and its accumulators may be: int64 ends, both included."""

    box_low: Integers
    box_high: Integers
    low: Integers
    high: Integers


def state_of(arrays: Arrays) -> State:
    """A state whose arrays are still empty."""
    units, inputs = len(arrays.bias), int(arrays.widths[0])
    floats = [np.zeros(units) for _ in range(4)]
    return State(floats[0], floats[1], np.zeros(units, np.int64), floats[2], floats[3], np.zeros(inputs))


@cached(error_model="numpy")
def bound_of(arrays: Arrays, weights: Any, factors: Any, constant: Any, alpha: Any, cell: Cell) -> Any:
    """The bound for given multipliers; in int64 where weights, factors and multipliers are."""
    value, g = constant, factors.copy()
    for layer in range(len(arrays.at) - 1, -1, -1):
        begin, width = arrays.first[layer], arrays.widths[layer]
        below = np.zeros(width, factors.dtype)
        for j in range(arrays.widths[layer + 1]):
            q = begin + j
            least, _ = lowest(
                g[j], alpha[q], cell.low[q], cell.high[q], arrays.thresholds, arrays.start[q], arrays.stop[q]
            )
            value += least + alpha[q] * arrays.bias[q]
            if alpha[q] != 0:
                row = weights[arrays.at[layer] + j * width : arrays.at[layer] + (j + 1) * width]
                for k in range(width):
                    below[k] += alpha[q] * row[k]
        g = below
    for k in range(len(g)):
        value += g[k] * (cell.box_low[k] if g[k] > 0 else cell.box_high[k])
    return value


@cached(error_model="numpy", fastmath=FAST)
def _backward(arrays: Arrays, factors: Any, constant: float, cell: Cell, state: State, fresh: bool) -> float:
    """The bound at state.alpha, chosen here if `fresh`: slopes of the envelopes. Sets g, z and x."""
    value, g = constant, factors.copy()
    for layer in range(len(arrays.at) - 1, -1, -1):
        begin, width = arrays.first[layer], arrays.widths[layer]
        below = np.zeros(width)
        for j in range(arrays.widths[layer + 1]):
            q = begin + j
            low, high, start, stop = cell.low[q], cell.high[q], arrays.start[q], arrays.stop[q]
            if fresh:
                state.alpha[q] = envelope_slope(g[j], low, high, arrays.thresholds, start, stop)
            a = state.alpha[q]
            least, z = lowest(g[j], a, low, high, arrays.thresholds, start, stop)
            state.g[q], state.z[q] = g[j], z
            value += least + a * arrays.bias[q]
            if a != 0:
                row = arrays.weights[arrays.at[layer] + j * width : arrays.at[layer] + (j + 1) * width]
                for k in range(width):
                    below[k] += a * row[k]
        g = below
    for k in range(len(g)):
        state.x[k] = cell.box_low[k] if g[k] >= 0 else cell.box_high[k]
        value += g[k] * state.x[k]
    return value


@cached(error_model="numpy", fastmath=FAST)
def _forward(arrays: Arrays, cell: Cell, root: Cell, state: State) -> None:
    """The supergradient: what each layer's minimising codes give, less the minimising z.

    Where alpha is 0 many z are minimal, and the one nearest to acc is taken. An accumulator of one code that
    no split has narrowed needs no multiplier.
    """
    codes = state.x
    for layer in range(len(arrays.at)):
        begin, width, units = arrays.first[layer], arrays.widths[layer], arrays.widths[layer + 1]
        following = np.empty(units)
        for j in range(units):
            q = begin + j
            low, high, start, stop = cell.low[q], cell.high[q], arrays.start[q], arrays.stop[q]
            first = code_of(low, arrays.thresholds, start, stop)
            last = code_of(high, arrays.thresholds, start, stop)
            a = state.alpha[q]
            if first == last and a == 0 and low == root.low[q] and high == root.high[q]:
                state.gradient[q] = 0.0
                state.acc[q] = state.z[q]
            else:
                row = arrays.weights[arrays.at[layer] + j * width : arrays.at[layer] + (j + 1) * width]
                acc = 0.0
                for k in range(width):
                    acc += row[k] * codes[k]
                acc += arrays.bias[q]
                if a == 0:
                    if first < last and state.g[q] > 0:
                        high = arrays.thresholds[start + first] - 1
                    elif first < last and state.g[q] < 0:
                        low = arrays.thresholds[start + last - 1]
                    state.z[q] = int(min(max(acc, low), high))
                state.acc[q] = acc
                state.gradient[q] = acc - state.z[q]
            following[j] = code_of(state.z[q], arrays.thresholds, start, stop)
        codes = following


@cached(error_model="numpy")
def ascend(
    arrays: Arrays,
    margin: Any,
    target: float,
    cells: Any,
    state: State,
    best: State,
    fresh: bool,
    iterations: int,
) -> float:
    """Raise the bound to `target`, or as far as so many iterations do; `best` is its state then.

    Parameters
    ----------
    margin : (factors float64 (width,), constant)
    cells : (the cell, the cell without splits)
    state, best : whose alpha is where to start, unless `fresh`; work space

    Returns
    -------
    float, the bound of `best`
    """
    cell, root = cells
    reached, ahead = -np.inf, 0.0
    for i in range(iterations):
        value = _backward(arrays, margin[0], margin[1], cell, state, fresh and i == 0)
        _forward(arrays, cell, root, state)
        if i == 0:
            ahead = (1 + BEYOND) * abs(target - value)
        elif value <= reached:
            ahead *= FALL
        if value > reached:
            reached = value
            for kept, new in (
                (best.alpha, state.alpha),
                (best.g, state.g),
                (best.acc, state.acc),
                (best.gradient, state.gradient),
                (best.x, state.x),
            ):
                kept[:] = new
            best.z[:] = state.z
        if reached >= target:
            break
        length = 0.0
        for q in range(len(state.alpha)):
            if cell.high[q] > cell.low[q]:
                length += (state.gradient[q] / (cell.high[q] - cell.low[q])) ** 2
        if length == 0:
            break
        step = (reached + ahead - value) / length
        for q in range(len(state.alpha)):
            if cell.high[q] > cell.low[q]:
                state.alpha[q] += step * state.gradient[q] / float(cell.high[q] - cell.low[q]) ** 2
    return reached
