"""Our attack on the lattice itself: inputs change one at a time, and exact sums follow.

Every visit to an input tries the ends of its range in the ball and keeps what lowers a sum of ramps, in
whole numbers (see `ramps`); ramps narrow from the attack's reach to the activations' own width. It needs no
gradient and no step size. Starts alternate between the best candidate so far and a random one, aim at the
most likely classes in turn, and weigh the hidden units anew. With norm 0, inputs are changed and put back
one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit.compiling import cached, part
from ..jit.parallel import parallel_for
from .attack import Attack, Options
from .draws import Keys, draw, random_integers, stream_keys
from .problem import RIVALS, Problem
from .ramps import Ramps, fits
from .steps import Codes
from .surrogate import Surrogate

WIDE, END = 20.0, 0.2  # widths of ramps, in units of what a random attack moves
SWEEPS = 3  # over all inputs, at each width
CALM = 0.3  # the share of widths, the last ones, at which units count as they are
SPREAD = 0.5  # of the weights that units get before
STREAM = 1 << 24  # of random numbers

Integers = npt.NDArray[np.int64]


def search(problem: Problem, options: Options) -> None:
    if fits(problem.model):
        for restart in range(options.restarts):
            walk(problem, options.steps, restart)


def walk(problem: Problem, steps: int, restart: int) -> None:
    """One start for every image that is not broken yet."""
    images = problem.live
    if not len(images):
        return
    keys = stream_keys(problem.keys[images], STREAM + restart)
    origin, ball = problem.codes[images], problem.ball
    current = problem.best[images] if restart % 2 == 0 else np.floor(ball.start(origin, keys) + 0.5)
    current = current.astype(origin.dtype)
    roles = _roles(problem, images, restart // 2)
    drawn = random_integers(keys, roles.shape[1], -1000, 1000) * (SPREAD / 1000)
    rows = np.arange(len(images))
    for k, width in enumerate(np.geomspace(WIDE, END, steps)):
        weighted = roles[rows] if k >= (1 - CALM) * steps else roles[rows] * (1 + drawn[rows])
        ramps = Ramps.of(problem.model, weighted, width * ball.typical)
        moved = current[rows]
        _sweep_all(problem, ramps, origin[rows], moved, keys[rows] + np.uint64(k * SWEEPS))
        problem.try_all(images[rows], moved)
        current[rows] = moved
        rows = rows[problem.margins[images[rows]] >= 0]
        if not len(rows):
            return


def _sweep_all(problem: Problem, ramps: Ramps, origin: Codes, moved: Codes, keys: Keys) -> None:
    """Lower each image's sum of ramps by changes of `moved`, over threads."""
    sums, form = ramps.sums(moved), problem.model.input
    sweep = _exchange if problem.ball.name == "0" else _sweep
    limits = int(problem.ball.radius), form.low, form.high
    shared = ramps.weights, ramps.starts, ramps.widths, ramps.shift

    def run(rows: slice) -> None:
        for k in range(SWEEPS):
            numbers = keys[rows] + np.uint64(k)
            sweep(origin[rows], moved[rows], sums[rows], numbers, shared, ramps.slopes[rows], limits)

    parallel_for(len(moved), run)


def _roles(problem: Problem, images: Integers, rank: int) -> npt.NDArray[np.float64]:
    """How much each first hidden unit adds to the margin over the class aimed at, float64 (N, units)."""
    rows, classes = np.arange(len(images)), problem.model.classes
    aims = problem.rivals(images, rank % RIVALS)
    by_logits = np.zeros((len(images), classes))
    by_logits[rows, problem.labels[images]] += 1
    by_logits[rows, aims] -= 1
    surrogate = Surrogate(problem.model, problem.ball.typical, 1.0, problem.network)
    return surrogate.by_units(problem.codes[images], by_logits).astype(np.float64)


@part
def _ramps_at(sums: Any, row: Any, change: int, shared: Any, slopes: Any) -> Any:
    """The sum of ramps, int32, once `change` times `row` has been added to the sums."""
    _, starts, widths, shift = shared
    total = np.int32(0)
    factor = np.int32(change)
    for j in range(sums.size):
        height = (sums[j] + factor * row[j] - starts[j]) >> shift
        total += min(max(height, np.int32(0)), widths[j]) * slopes[j]
    return total


@part
def _change(moved: Any, k: int, code: int, sums: Any, row: Any) -> None:
    """Give input k another code, and the sums what follows."""
    factor = np.int32(code - np.int64(moved[k]))
    moved[k] = code
    for j in range(sums.size):
        sums[j] += factor * row[j]


@cached(error_model="numpy")
def _sweep(origin: Any, moved: Any, sums: Any, keys: Any, shared: Any, slopes: Any, limits: Any) -> None:
    """Visit all inputs of each image in random order; put each at an end of its range where that pays."""
    radius, lowest, highest = limits
    weights = shared[0]
    order = np.arange(weights.shape[0])
    for i in range(origin.shape[0]):
        order[:] = np.arange(order.size)
        value = _ramps_at(sums[i], weights[0], 0, shared, slopes[i])
        for n in range(order.size):
            m = n + draw(keys[i], n, order.size - n)
            order[n], order[m] = order[m], order[n]
            k = order[n]
            low = max(np.int64(origin[i, k]) - radius, lowest)
            high = min(np.int64(origin[i, k]) + radius, highest)
            for code in (low, high):
                change = code - np.int64(moved[i, k])
                if change != 0:
                    found = _ramps_at(sums[i], weights[k], change, shared, slopes[i])
                    if found < value:
                        value = found
                        _change(moved[i], k, code, sums[i], weights[k])


@cached(error_model="numpy")
def _exchange(origin: Any, moved: Any, sums: Any, keys: Any, shared: Any, slopes: Any, limits: Any) -> None:
    """Change inputs to an end of the format where that pays most; once all are used, in exchange."""
    count, low, high = limits
    weights = shared[0]
    for i in range(origin.shape[0]):
        changed = 0
        for k in range(weights.shape[0]):
            changed += moved[i, k] != origin[i, k]
        value = _ramps_at(sums[i], weights[0], 0, shared, slopes[i])
        for _ in range(count):
            back, kept = -1, np.int64(0)
            if changed == count:
                back = _cheapest(origin[i], moved[i], sums[i], shared, slopes[i])
                kept = np.int64(moved[i, back])
                _change(moved[i], back, np.int64(origin[i, back]), sums[i], weights[back])
            best, place, code = value, -1, 0
            for k in range(weights.shape[0]):
                if moved[i, k] == origin[i, k]:
                    for end in (low, high):
                        change = end - np.int64(moved[i, k])
                        if change != 0:
                            found = _ramps_at(sums[i], weights[k], change, shared, slopes[i])
                            if found < best:
                                best, place, code = found, k, end
            if place < 0:
                if back >= 0:
                    _change(moved[i], back, kept, sums[i], weights[back])
                break
            _change(moved[i], place, code, sums[i], weights[place])
            value = best
            changed += back < 0


@part
def _cheapest(origin: Any, moved: Any, sums: Any, shared: Any, slopes: Any) -> int:
    """The changed input that is put back at the least cost."""
    weights = shared[0]
    place, least = -1, np.int32(0)
    for k in range(weights.shape[0]):
        change = np.int64(origin[k]) - np.int64(moved[k])
        if change != 0:
            found = _ramps_at(sums, weights[k], change, shared, slopes)
            if place < 0 or found < least:
                place, least = k, found
    return place


LATTICE = Attack(
    "lattice",
    "inputs changed one by one, exact sums following (ours)",
    search,
    steps=12,
    restarts=8,
    norms=("inf", "0"),
)
