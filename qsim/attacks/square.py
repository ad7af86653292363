"""The Square attack (Andriushchenko et al. 2020): random squares, kept where the integers' margin shrinks.

A black box, on the integers alone. Images are taken as square where their inputs can be, else as one row.
What is tried in a ball is its norm's: `square_linf`, `square_l2`.
"""

from __future__ import annotations

import math

from . import square_l2, square_linf
from .attack import Attack, Options
from .draws import stream_keys
from .problem import Problem
from .steps import Codes
from .trials import Rows, halved, keep_better

TRIALS = {"inf": square_linf, "2": square_l2}


def search(problem: Problem, options: Options) -> None:
    for restart in range(options.restarts):
        _walk(problem, options.steps, restart)


def _walk(problem: Problem, steps: int, restart: int) -> None:
    images, ball, trials = problem.live, problem.ball, TRIALS[problem.ball.name]
    origin, shape = problem.codes[images], image_shape(problem.model.inputs)
    keys = stream_keys(problem.keys[images], restart)

    def propose(kept: Codes, rows: Rows, step: int) -> Codes:
        if step == 0:
            return trials.start(ball, origin, keys, shape)
        share = halved(trials.FIRST_SHARE, step, steps)
        edge = max(trials.LEAST_EDGE, round(math.sqrt(share * shape[0] * shape[1])))
        return trials.change(ball, origin[rows], kept, keys[rows], (step, edge), shape)

    keep_better(problem, images, steps, propose)


def image_shape(inputs: int) -> tuple[int, int]:
    """Rows and columns of an image."""
    edge = math.isqrt(inputs)
    return (edge, edge) if edge * edge == inputs else (1, inputs)


SQUARE = Attack(
    "square",
    "random squares, a black box on the integers (Andriushchenko et al. 2020)",
    search,
    steps=1000,
    white_box=False,
    norms=tuple(TRIALS),
)
