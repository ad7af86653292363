"""All attacks in the order of their cost; an image is left alone once one of them has broken it.

The first turns try every image, the later ones those whose margin on the integers has come down to a third:
where all first turns together did not get that far, no later one has been seen to win. `strong` is the first
turns alone.
"""

from __future__ import annotations

from functools import partial

from .annealed import ANNEALED, WIDE
from .apgd import APGD, APGD_T
from .attack import Attack, Options
from .fgsm import FGSM
from .lattice import LATTICE
from .pgd import PGD
from .problem import Problem
from .square import SQUARE

Turns = tuple[tuple[Attack, int, int], ...]  # attack, steps, restarts

FIRST: Turns = (
    (FGSM, 1, 1),
    (PGD, 20, 1),
    (ANNEALED, 40, 4),
    (WIDE, 60, 4),
)
LATER: Turns = (
    (PGD, 40, 8),
    (APGD, 100, 2),
    (APGD_T, 50, 9),
    (WIDE, 60, 32),
    (SQUARE, 300, 1),
    (LATTICE, 12, 3),
)
HOPE = 1 / 3  # of the clean margin


def search(problem: Problem, options: Options, parts: tuple[Turns, ...]) -> None:
    """Part after part; `restarts` multiplies those of every attack."""
    for part in parts:
        for attack, steps, restarts in part:
            if problem.ball.name in attack.norms:
                attack.search(problem, Options(steps, restarts * options.restarts))
        problem.give_up(HOPE)


STRONG = Attack(
    "strong",
    "the first turns of `strongest`, at a fifth of its cost",
    partial(search, parts=(FIRST,)),
    steps=1,
)
STRONGEST = Attack(
    "strongest",
    "all of them in the order of cost, on what is left",
    partial(search, parts=(FIRST, LATER)),
    steps=1,
)
