"""The basic iterative method (Kurakin, Goodfellow and Bengio 2017): equal steps from the image itself."""

from __future__ import annotations

from .attack import Attack, Options
from .climb import Path, climb
from .problem import Problem


def search(problem: Problem, options: Options) -> None:
    path = Path(options.loss or "ce", random_start=False, first=0.1, last=0.1, widths=options.widths)
    climb(problem, path, options.steps, range(1))
    climb(problem, path, options.steps, range(1, options.restarts))


BIM = Attack("bim", "equal gradient steps from the image (Kurakin et al. 2017)", search, steps=20)
