"""Auto-PGD (Croce and Hein 2020): gradient steps that halve, image by image, where they stop paying.

`apgd` climbs cross-entropy, or the loss it is given; `apgd-t` climbs the targeted difference of logits ratio
towards the most likely other classes in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .attack import Attack, Options
from .draws import stream_keys
from .losses import LOSSES
from .norms import Points
from .problem import Problem
from .surrogate import Surrogate

INERTIA = 0.75
RISES = 0.75  # the share of steps that must raise the loss, or steps halve

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


def search(problem: Problem, options: Options) -> None:
    for restart in range(options.restarts):
        _walk(problem, options, options.loss or "ce", restart, None)


def search_aimed(problem: Problem, options: Options) -> None:
    loss = options.loss or ("dlr" if problem.model.classes >= 4 else "margin")
    for restart in range(options.restarts):
        _walk(problem, options, loss, restart, problem.rivals(problem.live, restart))


@dataclass
class _Record:
    """The best point of each image, and what decides when its steps halve."""

    sizes: npt.NDArray[np.float32]
    values: Reals
    last: Reals
    rises: Integers
    best: npt.NDArray[np.float32]
    best_values: Reals
    best_then: Reals
    halved: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, points: Points) -> _Record:
        count = len(points.now)
        lowest = np.full(count, -np.inf)
        sizes = np.full(count, 2.0, np.float32)
        rises = np.zeros(count, np.int64)
        then = lowest.copy()
        return cls(sizes, lowest, lowest.copy(), rises, points.now.copy(), lowest.copy(), then, rises == 0)

    def note(self, rows: Integers, values: Reals, points: Points) -> None:
        """Count what the last step did."""
        self.rises[rows] += (values > self.last[rows]) & (self.last[rows] > -np.inf)
        self.last[rows] = values
        better = rows[values > self.best_values[rows]]
        self.best[better], self.best_values[better] = points.now[better], self.last[better]

    def judge(self, rows: Integers, period: int, points: Points) -> None:
        """At a checkpoint: halve the steps of images that gain too little, and go back to their best."""
        stuck = ~self.halved[rows] & (self.best_then[rows] >= self.best_values[rows])
        low = (self.rises[rows] < RISES * period) | stuck
        self.halved[rows], self.best_then[rows], self.rises[rows] = low, self.best_values[rows], 0
        poor = rows[low]
        self.sizes[poor] /= 2
        points.now[poor] = points.before[poor] = self.best[poor]


def checkpoints(steps: int) -> list[int]:
    """The steps after which step sizes are judged: ever closer together."""
    found, share, width = [], 0.22, 0.22
    while share < 1:
        found.append(int(np.ceil(share * steps - 1e-9)))
        width = max(width - 0.03, 0.06)
        share += width
    return found


def _walk(problem: Problem, options: Options, loss: str, restart: int, aims: Integers | None) -> None:
    images = problem.live
    if not len(images):
        return
    origin = problem.codes[images]
    points = Points(origin, problem.ball.start(origin, stream_keys(problem.keys[images], restart)))
    surrogate = Surrogate(problem.model, problem.ball.typical, options.matched, problem.network)
    record, rows, due, since = _Record.of(points), np.arange(len(images)), checkpoints(options.steps), 0
    for k in range(options.steps + 1):
        codes = problem.ball.snapped(points, rows)
        logits = problem.try_all(images[rows], codes)
        going = problem.margins[images[rows]] >= 0
        rows, codes, logits = rows[going], codes[going], logits[going]
        if k == options.steps or not len(rows):
            return
        labels, targets = problem.of(images[rows])
        aimed = targets if aims is None else aims[rows]
        values, by_logits = LOSSES[loss](problem.real(logits), labels, aimed)
        record.note(rows, values, points)
        if k in due:
            record.judge(rows, k - since, points)
            since = k
            codes = problem.ball.snapped(points, rows)
            logits = problem.try_all(images[rows], codes)
            _, by_logits = LOSSES[loss](problem.real(logits), labels, aimed)
        gradient = surrogate.gradient(codes, by_logits)
        problem.ball.step(points, rows, gradient, record.sizes[rows], INERTIA if k else 1.0)


APGD = Attack(
    "apgd", "steps that halve where they stop paying (Croce and Hein 2020)", search, 100, norms=("inf", "2")
)
APGD_T = Attack(
    "apgd-t",
    "the same towards each likely class (Croce and Hein 2020)",
    search_aimed,
    50,
    4,
    norms=("inf", "2"),
)
