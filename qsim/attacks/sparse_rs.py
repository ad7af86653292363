"""Sparse random search (Croce et al. 2022): which inputs change, and to which end, by trial on the integers.

A black box for norm 0. Some of the changed inputs go back and as many others change to a random end of the
format, ever fewer at a time; what does not raise the integers' margin is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit.compiling import cached
from .attack import Attack, Options
from .draws import draw, stream_keys
from .problem import Problem
from .steps import Codes
from .trials import Rows, halved, keep_better

FIRST_SHARE = 0.3  # of the changed inputs, that are exchanged at first


def search(problem: Problem, options: Options) -> None:
    for restart in range(options.restarts):
        _walk(problem, options.steps, restart)


def _walk(problem: Problem, steps: int, restart: int) -> None:
    images, count, form = problem.live, problem.ball.limit, problem.model.input
    origin, keys = problem.codes[images], stream_keys(problem.keys[images], restart)

    def propose(kept: Codes, rows: Rows, step: int) -> Codes:
        few = count if step == 0 else max(round(halved(FIRST_SHARE, step, steps) * count), 1)
        _exchange(origin[rows], kept, keys[rows] + np.uint64(step), few, (count, form.low, form.high))
        return kept

    keep_better(problem, images, steps, propose)


@cached(error_model="numpy")
def _exchange(origin: Any, moved: Any, keys: Any, few: int, limits: Any) -> None:
    """Put back as many changed inputs as it takes for `few` others to change, in each image."""
    count, low, high = limits
    order = np.arange(moved.shape[1])
    for i in range(moved.shape[0]):
        changed = 0
        for k in range(order.size):
            changed += moved[i, k] != origin[i, k]
        back = max(changed + few - count, 0)
        order[:] = np.arange(order.size)
        fresh = min(few, order.size - changed)
        for n in range(order.size):
            m = n + draw(keys[i], n, order.size - n)
            order[n], order[m] = order[m], order[n]
            k = order[n]
            if moved[i, k] != origin[i, k]:
                if back > 0:
                    moved[i, k] = origin[i, k]
                    back -= 1
            elif fresh > 0:
                up = origin[i, k] == low or (origin[i, k] != high and draw(keys[i], order.size + n, 2) == 1)
                moved[i, k] = high if up else low
                fresh -= 1
            if back <= 0 and fresh <= 0:
                break


SPARSE_RS = Attack(
    "sparse-rs",
    "random sets of inputs, a black box on the integers (Croce et al. 2022)",
    search,
    steps=1000,
    white_box=False,
    norms=("0",),
)
