"""The Square attack (Andriushchenko et al. 2020): random squares, kept where the integers' margin shrinks.

A black box, on the integers alone. Images are taken as square where their inputs can be, else as one row.
What is tried in a ball is its norm's: `square_linf`, `square_l2`.
"""

from __future__ import annotations

import math

import numpy as np

from . import square_l2, square_linf
from .attack import Attack, Options
from .draws import stream_keys
from .problem import Problem

TRIALS = {"inf": square_linf, "2": square_l2}
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of the share, in steps out of 10,000


def search(problem: Problem, options: Options) -> None:
    for restart in range(options.restarts):
        _walk(problem, options.steps, restart)


def _walk(problem: Problem, steps: int, restart: int) -> None:
    images = problem.live
    if not len(images):
        return
    origin, shape = problem.codes[images], image_shape(problem.model.inputs)
    ball, trials = problem.ball, TRIALS[problem.ball.name]
    keys, rows = stream_keys(problem.keys[images], restart), np.arange(len(images))
    kept = proposed = trials.start(ball, origin, keys, shape)
    margins = np.full(len(images), np.iinfo(np.int64).max)
    for step in range(steps):
        if step:
            share = halved(trials.FIRST_SHARE, step, steps)
            edge = max(trials.LEAST_EDGE, round(math.sqrt(share * shape[0] * shape[1])))
            proposed = trials.change(ball, origin[rows], kept[rows], keys[rows], (step, edge), shape)
        found = problem.margins_of(images[rows], problem.try_all(images[rows], proposed))
        better = found <= margins[rows]
        kept[rows[better]], margins[rows[better]] = proposed[better], found[better]
        rows = rows[found >= 0]
        if not len(rows):
            return


def image_shape(inputs: int) -> tuple[int, int]:
    """Rows and columns of an image."""
    edge = math.isqrt(inputs)
    return (edge, edge) if edge * edge == inputs else (1, inputs)


def halved(share: float, step: int, steps: int) -> float:
    """A share at first, halved now and then until the last step."""
    return share / 2 ** sum(step * 10_000 > bound * steps for bound in HALVINGS)


SQUARE = Attack(
    "square",
    "random squares, a black box on the integers (Andriushchenko et al. 2020)",
    search,
    steps=1000,
    white_box=False,
    norms=tuple(TRIALS),
)
