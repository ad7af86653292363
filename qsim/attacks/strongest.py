"""All attacks in the order of their cost; an image is left alone once one of them has broken it.

The first turns try every image, the later ones those whose margin on the integers has come down to a third:
where all first turns together did not get that far, no later one has been seen to win. With norm 0 it has, so
there no image is given up. `strong` is the first turns alone.
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
from .sparse_rs import SPARSE_RS
from .square import SQUARE

Turns = tuple[tuple[Attack, int, int], ...]  # attack, steps, restarts

_FIRST: Turns = (
    (FGSM, 1, 1),
    (PGD, 20, 1),
    (ANNEALED, 40, 4),
    (WIDE, 60, 4),
)
_LATER: Turns = (
    (PGD, 40, 8),
    (APGD, 100, 2),
    (APGD_T, 50, 9),
    (WIDE, 60, 32),
    (SQUARE, 300, 1),
    (LATTICE, 12, 3),
)
FIRST = {"inf": _FIRST, "2": _FIRST, "0": ((SPARSE_RS, 1000, 1), (LATTICE, 12, 2))}
LATER = {"inf": _LATER, "2": _LATER, "0": ((LATTICE, 12, 8), (PGD, 40, 8), (ANNEALED, 60, 8))}
HOPE = {"inf": 1 / 3, "2": 1 / 3, "0": 1.0}  # of the clean margin


def search(problem: Problem, options: Options, parts: tuple[dict[str, Turns], ...]) -> None:
    """Part after part; `restarts` multiplies those of every attack."""
    norm = problem.ball.name
    for part in parts:
        for attack, steps, restarts in part[norm]:
            if norm in attack.norms:
                attack.search(problem, Options(steps, restarts * options.restarts))
        problem.give_up(HOPE[norm])


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
