"""The momentum iterative method (Dong et al. 2018): steps along the sum of all gradients so far."""

from __future__ import annotations

from .attack import Attack, Options
from .climb import Path, climb
from .problem import Problem


def search(problem: Problem, options: Options) -> None:
    path = Path(
        options.loss or "ce", random_start=False, first=0.1, last=0.1, memory=1.0, widths=options.widths
    )
    climb(problem, path, options.steps, range(1))
    climb(problem, path, options.steps, range(1, options.restarts))


MIM = Attack("mim", "steps along summed gradients (Dong et al. 2018)", search, steps=20)
