"""What the Square attack tries in a Euclidean ball: bumps in windows, paid for by the moves of other windows.

As Andriushchenko et al. (2020) have it: a bump is two pyramids of opposite sign. A window is given a bump
added to the moves that were in it, as long together as its own moves, those of a second window, which are
taken back, and what was left of the ball.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..jit.compiling import cached, part
from .draws import Keys, draw
from .norms import Ball, Points
from .steps import Codes

FIRST_SHARE = 0.1  # of the image, that the first windows cover
LEAST_EDGE = 3
TILES = 5  # bumps along each edge of the first candidate

Shape = tuple[int, int]


def start(ball: Ball, origin: Codes, keys: Keys, shape: Shape) -> Codes:
    """A bump in every tile of each image."""
    moves = np.zeros((len(origin), *shape))
    _tiles(moves, keys)
    return _inside(ball, origin, moves)


def change(ball: Ball, origin: Codes, kept: Codes, keys: Keys, when: tuple[int, int], shape: Shape) -> Codes:
    """Candidates `kept` with one more bump, of an edge, at a step: `when`."""
    moves = (kept.astype(np.float64) - origin).reshape(-1, *shape)
    _windows(moves, keys, when, ball.limit)
    return _inside(ball, origin, moves)


def _inside(ball: Ball, origin: Codes, moves: Any) -> Codes:
    """Codes in the ball near origin + moves, which are made as long as the ball allows."""
    rows, moves = np.arange(len(origin)), moves.reshape(origin.shape)
    points = Points(origin, origin.astype(np.float32))
    ball.step(points, rows, moves, np.ones(len(origin), np.float32), 1.0)
    return ball.snapped(points, rows)


@part
def _bump(out: Any, upright: int, sign: float) -> None:
    """Fill a window with a bump of length 1: two pyramids, one below the other or side by side."""
    tall, wide = out.shape
    if upright and tall > 1:
        _pyramid(out[: tall // 2], sign)
        _pyramid(out[tall // 2 :], -sign)
    else:
        _pyramid(out[:, : wide // 2], sign)
        _pyramid(out[:, wide // 2 :], -sign)
    out /= math.sqrt(np.square(out).sum())


@part
def _pyramid(out: Any, sign: float) -> None:
    """Fill a window with 1 / (k + 1)^2 added up from each place's distance k from the middle outwards."""
    tall, wide = out.shape
    for r in range(tall):
        for c in range(wide):
            out[r, c] = 0.0
            for k in range(max(abs(r - tall // 2), abs(c - wide // 2)), max(tall, wide) // 2 + 1):
                out[r, c] += sign / (k + 1) ** 2


@cached(error_model="numpy")
def _tiles(moves: Any, keys: Any) -> None:
    _, tall, wide = moves.shape
    high, broad = max(tall // TILES, 1), max(wide // TILES, 1)
    for i in range(moves.shape[0]):
        for top in range(0, tall - high + 1, high):
            for left in range(0, wide - broad + 1, broad):
                key = keys[i] + np.uint64(top * wide + left)
                sign = 1.0 if draw(key, 3, 2) else -1.0
                _bump(moves[i, top : top + high, left : left + broad], draw(key, 5, 2), sign)


@cached(error_model="numpy")
def _windows(moves: Any, keys: Any, when: Any, square: int) -> None:
    step, edge = when
    tall, wide = min(edge, moves.shape[1]), min(edge, moves.shape[2])
    bump = np.empty((tall, wide))
    for i in range(moves.shape[0]):
        key = keys[i] + np.uint64(step)
        top, left = draw(key, 1, moves.shape[1] - tall + 1), draw(key, 2, moves.shape[2] - wide + 1)
        window = moves[i, top : top + tall, left : left + wide]
        top, left = draw(key, 6, moves.shape[1] - tall + 1), draw(key, 7, moves.shape[2] - wide + 1)
        other = moves[i, top : top + tall, left : left + wide]
        _bump(bump, draw(key, 5, 2), 1.0 if draw(key, 3, 2) else -1.0)
        length = math.sqrt(np.square(window).sum())
        if length > 0:
            bump += window / length
        window[:] = 0.0
        other[:] = 0.0
        room = max(square - np.square(moves[i]).sum(), 0.0)
        length = math.sqrt(np.square(bump).sum())
        if length > 0:
            window[:] = bump * (math.sqrt(room) / length)
