"""Random codes of the ball's rim, without gradients or memory: what any other attack must beat."""

from __future__ import annotations

import numpy as np

from .attack import Attack, Options
from .draws import random_integers, stream_keys
from .norms import Points
from .problem import Problem


def search(problem: Problem, options: Options) -> None:
    inputs = problem.model.inputs
    for step in range(options.steps * options.restarts):
        images = problem.live
        if not len(images):
            return
        directions = random_integers(stream_keys(problem.keys[images], step), inputs, -1000, 1000)
        points = Points(problem.codes[images], problem.codes[images].astype(np.float32))
        rows = np.arange(len(images))
        problem.ball.step(points, rows, directions, np.ones(len(images), np.float32), 1.0)
        problem.try_all(images, problem.ball.snapped(points, rows))


RANDOM = Attack("random", "random codes of the ball's rim", search, steps=100, white_box=False)
