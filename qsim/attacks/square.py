"""The Square attack (Andriushchenko et al. 2020): random squares, kept where the integers' margin shrinks.

A black box, on the integers alone. Images are taken as square where their inputs can be, else as one row.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..jit.compiling import cached
from .attack import Attack, Options
from .draws import draw, stream_keys
from .problem import Problem

FIRST_SHARE = 0.8  # of the image, that the first squares cover
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of the share, in steps out of 10,000


def search(problem: Problem, options: Options) -> None:
    for restart in range(options.restarts):
        _walk(problem, options.steps, restart)


def _walk(problem: Problem, steps: int, restart: int) -> None:
    images = problem.live
    if not len(images):
        return
    origin, shape = problem.codes[images], image_shape(problem.model.inputs)
    form = problem.model.input
    limits = int(problem.ball.radius), form.low, form.high
    keys = stream_keys(problem.keys[images], restart)
    kept, rows = np.empty_like(origin), np.arange(len(images))
    _stripes(origin, kept, keys, shape, limits)
    margins = np.full(len(images), np.iinfo(np.int64).max)
    for step in range(steps):
        proposed = kept[rows]
        if step:
            _squares(origin, proposed, rows, keys, (step, side(step, steps, shape)), shape, limits)
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


def side(step: int, steps: int, shape: tuple[int, int]) -> int:
    """The edge of the square at a step: it covers a share of the image that halves now and then."""
    share = FIRST_SHARE / 2 ** sum(step * 10_000 > bound * steps for bound in HALVINGS)
    return max(1, round(math.sqrt(share * shape[0] * shape[1])))


@cached(error_model="numpy")
def _stripes(origin: Any, moved: Any, keys: Any, shape: Any, limits: Any) -> None:
    """Every column of an image up or down by the radius."""
    radius, low, high = limits
    for i in range(origin.shape[0]):
        for k in range(origin.shape[1]):
            move = radius if draw(keys[i], k % shape[1], 2) else -radius
            moved[i, k] = min(max(np.int64(origin[i, k]) + move, low), high)


@cached(error_model="numpy")
def _squares(origin: Any, moved: Any, rows: Any, keys: Any, when: Any, shape: Any, limits: Any) -> None:
    """One square of each image up or down by the radius."""
    radius, low, high = limits
    step, edge = when
    tall, wide = min(edge, shape[0]), min(edge, shape[1])
    for n in range(rows.size):
        i = rows[n]
        key = keys[i] + np.uint64(step)
        top, left = draw(key, 1, shape[0] - tall + 1), draw(key, 2, shape[1] - wide + 1)
        move = radius if draw(key, 3, 2) else -radius
        for r in range(top, top + tall):
            for k in range(r * shape[1] + left, r * shape[1] + left + wide):
                moved[n, k] = min(max(np.int64(origin[i, k]) + move, low), high)


SQUARE = Attack(
    "square",
    "random squares, a black box on the integers (Andriushchenko et al. 2020)",
    search,
    steps=1000,
    white_box=False,
    norms=("inf",),
)
