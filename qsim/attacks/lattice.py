"""Our attack on the lattice itself: inputs change one at a time, and exact sums follow.

Every visit to an input tries other codes for it in the ball (see `lattice_moves`) and keeps what lowers a
sum of ramps, in whole numbers (see `ramps`); ramps narrow from the attack's reach to the activations' own
width. It needs no gradient. Starts alternate between the best candidate so far and a random one, aim at the
most likely classes in turn, and weigh the hidden units anew.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..jit.parallel import parallel_for
from .attack import Attack, Options
from .draws import Keys, random_integers, stream_keys
from .lattice_moves import MOVES
from .norms import Points
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
    origin, ball, rows = problem.codes[images], problem.ball, np.arange(len(images))
    if restart % 2 == 0:
        current = problem.best[images]
    else:
        current = ball.snapped(Points(origin, ball.start(origin, keys)), rows)
    roles = _roles(problem, images, restart // 2)
    drawn = random_integers(keys, roles.shape[1], -1000, 1000) * (SPREAD / 1000)
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
    sums, ball, form = ramps.sums(moved), problem.ball, problem.model.input
    sweep = MOVES[ball.name]
    limits = ball.limit, form.low, form.high
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


LATTICE = Attack(
    "lattice",
    "inputs changed one by one, exact sums following (ours)",
    search,
    steps=12,
    restarts=8,
)
