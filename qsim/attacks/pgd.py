"""Projected gradient descent (Madry et al. 2018): gradient steps from random starts.

Steps shrink from a quarter of the radius to a fiftieth, which on the lattice beats steps of one size.
"""

from __future__ import annotations

from .attack import Attack, Options
from .climb import Path, climb
from .problem import Problem


def search(problem: Problem, options: Options) -> None:
    path = Path(options.loss or "ce", first=0.25, last=0.02, widths=options.widths)
    climb(problem, path, options.steps, range(1))  # breaks most of what all starts would
    climb(problem, path, options.steps, range(1, options.restarts))


PGD = Attack("pgd", "gradient steps from random starts (Madry et al. 2018)", search, steps=40, restarts=10)
