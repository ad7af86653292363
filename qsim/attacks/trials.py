"""Random search on the integers: candidates are proposed, and kept where the margin does not rise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .problem import Problem
from .steps import Codes

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of a share, in steps out of 10,000

Rows = npt.NDArray[np.int64]
Propose = Callable[[Codes, Rows, int], Codes]  # what is kept for some rows, these rows, the step


def keep_better(problem: Problem, images: Rows, steps: int, propose: Propose) -> None:
    """So many steps for some images, each left alone once it is broken.

    `propose` may change the codes that it is given: they are a copy.
    """
    kept, rows = problem.codes[images], np.arange(len(images))
    margins = np.full(len(images), np.iinfo(np.int64).max)
    for step in range(steps):
        if not len(rows):
            return
        proposed = propose(kept[rows], rows, step)
        found = problem.margins_of(images[rows], problem.try_all(images[rows], proposed))
        better = found <= margins[rows]
        kept[rows[better]], margins[rows[better]] = proposed[better], found[better]
        rows = rows[found >= 0]


def halved(share: float, step: int, steps: int) -> float:
    """A share at first, halved now and then until the last step."""
    return share / 2 ** sum(step * 10_000 > bound * steps for bound in HALVINGS)
