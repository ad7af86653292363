"""Steps up a gradient, from a start to a result on the lattice: the loop of BIM, PGD, MIM and ours.

Points walk between the codes; each step is scored on the integers, and an image is left alone once it is
broken. Walks from several starts go side by side, as rows of the same arrays: a step costs few calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .draws import random_integers, stream_keys
from .losses import LOSSES
from .norms import Points
from .problem import RIVALS, Integers, Problem
from .surrogate import Surrogate

ROWS = 512  # walks side by side
CALM = 0.7  # the share of steps after which hidden units count as they are
UNITS = 1 << 20  # streams of random numbers beyond those of starts


@dataclass(frozen=True)
class Path:
    """How an attack walks.

    Parameters
    ----------
    loss : name of what it climbs
    random_start : whether the first start is random; later ones always are
    first, last : the first and the last step, as shares of the ball's radius; they shrink geometrically
    inertia : 1 for plain steps, less to go on in the last direction (Croce and Hein 2020)
    memory : how much of the earlier gradients counts (Dong et al. 2018)
    widths : the first and the last factor of matched slopes, which shrink geometrically; None for plain ones
    aimed : whether each start aims at one class, the most likely ones in turn
    emphasis : how much the weight of a hidden unit in the gradient varies from start to start, below 1
    """

    loss: str = "ce"
    random_start: bool = True
    first: float = 0.25
    last: float = 0.25
    inertia: float = 1.0
    memory: float = 0.0
    widths: tuple[float, float] | None = None
    aimed: bool = False
    emphasis: float = 0.0


def climb(problem: Problem, path: Path, steps: int, restarts: range) -> None:
    """A walk from each start of a range, for every image that is not broken yet."""
    width = None if path.widths is None else 1.0
    surrogate = Surrogate(problem.model, problem.ball.typical, width, problem.network)
    live, count = problem.live, max(ROWS // max(len(restarts), 1), 1)
    for first in range(0, len(live) if restarts else 0, count):
        _walk(problem, surrogate, path, steps, live[first : first + count], restarts)


def _walk(
    problem: Problem, surrogate: Surrogate, path: Path, steps: int, some: Integers, restarts: range
) -> None:
    """A walk from each start for each of some images: rows of images, start after start."""
    images = np.tile(some, len(restarts))
    origin = problem.codes[images]
    keys = [stream_keys(problem.keys[some], restart) for restart in restarts]
    starts = [
        problem.ball.start(problem.codes[some], key)
        if path.random_start or restart
        else problem.codes[some].astype(np.float32)
        for restart, key in zip(restarts, keys, strict=True)
    ]
    points = Points(origin, np.concatenate(starts))
    aims = None
    if path.aimed:
        aims = np.concatenate([problem.rivals(some, restart % RIVALS) for restart in restarts])
    weights = _emphasis(surrogate, np.concatenate(keys), path.emphasis) if path.emphasis else None
    widths = np.ones(steps) if path.widths is None else np.geomspace(*path.widths, steps)
    sizes = np.geomspace(path.first, path.last, steps).astype(np.float32)
    velocity = np.zeros(origin.shape if path.memory else (0, 0), np.float32)
    rows = np.arange(len(images))
    for k in range(steps + 1):
        codes = problem.ball.snapped(points, rows)
        logits = problem.try_all(images[rows], codes)
        going = problem.margins[images[rows]] >= 0
        if not going.all():
            rows, codes, logits = rows[going], codes[going], logits[going]
        if k == steps or not len(rows):
            return
        labels, targets = problem.of(images[rows])
        aimed = targets if aims is None else aims[rows]
        _, by_logits = LOSSES[path.loss](problem.real(logits), labels, aimed)
        emphasis = weights[rows] if weights is not None and k < CALM * steps else None
        gradient: Any = surrogate.gradient(codes, by_logits, widths[k], emphasis)
        if path.memory:
            gradient = velocity[rows] = path.memory * velocity[rows] + _unit(gradient)
        problem.ball.step(points, rows, gradient, np.full(len(rows), sizes[k]), path.inertia)


def _emphasis(surrogate: Surrogate, keys: npt.NDArray[np.uint64], spread: float) -> npt.NDArray[np.float32]:
    """A weight for each image's hidden units (N, units), 1 - spread to 1 + spread."""
    drawn = random_integers(stream_keys(keys, UNITS), surrogate.units, -1000, 1000)
    return 1 + drawn.astype(np.float32) * np.float32(spread / 1000)


def _unit(gradient: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Each row divided by the sum of its magnitudes."""
    sums = np.abs(gradient).sum(axis=1, keepdims=True)
    return (gradient / np.maximum(sums, 1)).astype(np.float32)
