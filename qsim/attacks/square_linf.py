"""What the Square attack tries in the maximum norm: stripes, then squares, up or down by the radius."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit.compiling import cached
from .draws import Keys, draw
from .norms import Ball
from .steps import Codes

FIRST_SHARE = 0.8  # of the image, that the first squares cover
LEAST_EDGE = 1

Shape = tuple[int, int]


def start(ball: Ball, origin: Codes, keys: Keys, shape: Shape) -> Codes:
    """Every column of each image up or down."""
    moved = np.empty_like(origin)
    _stripes(origin, moved, keys, shape, _limits(ball))
    return moved


def change(ball: Ball, origin: Codes, kept: Codes, keys: Keys, when: tuple[int, int], shape: Shape) -> Codes:
    """Candidates `kept`, themselves changed, with one more square, of an edge, at a step: `when`."""
    _squares(origin, kept, keys, when, shape, _limits(ball))
    return kept


def _limits(ball: Ball) -> tuple[int, int, int]:
    return ball.limit, ball.form.low, ball.form.high


@cached(error_model="numpy")
def _stripes(origin: Any, moved: Any, keys: Any, shape: Any, limits: Any) -> None:
    radius, low, high = limits
    for i in range(origin.shape[0]):
        for k in range(origin.shape[1]):
            move = radius if draw(keys[i], k % shape[1], 2) else -radius
            moved[i, k] = min(max(np.int64(origin[i, k]) + move, low), high)


@cached(error_model="numpy")
def _squares(origin: Any, moved: Any, keys: Any, when: Any, shape: Any, limits: Any) -> None:
    radius, low, high = limits
    step, edge = when
    tall, wide = min(edge, shape[0]), min(edge, shape[1])
    for i in range(origin.shape[0]):
        key = keys[i] + np.uint64(step)
        top, left = draw(key, 1, shape[0] - tall + 1), draw(key, 2, shape[1] - wide + 1)
        move = radius if draw(key, 3, 2) else -radius
        for r in range(top, top + tall):
            for k in range(r * shape[1] + left, r * shape[1] + left + wide):
                moved[i, k] = min(max(np.int64(origin[i, k]) + move, low), high)
