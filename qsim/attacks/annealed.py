"""Our gradient attack: matched slopes that begin as wide as the attack can reach, and narrow as it walks.

With wide slopes every hidden unit that could be switched counts in proportion, as in a linear relaxation;
with narrow ones the loss becomes the network's own. Each start aims at another class, the most likely first,
and after the first round weighs the hidden units anew for the first seven tenths of the way. `matched` says
how wide the slopes begin, in units of what a random attack moves: one 5, the other 20 times.
"""

from __future__ import annotations

from functools import partial

from .attack import Attack, Options
from .climb import Path, climb
from .problem import RIVALS, Problem

END = 0.3  # the last width


def search(problem: Problem, options: Options, wide: float) -> None:
    """All starts, with slopes that narrow from `wide` or from what the options say."""
    for restart in range(options.restarts):
        path = Path(
            options.loss or "margin",
            first=0.5,
            last=0.05,
            inertia=0.75,
            widths=(options.matched or wide, END),
            aimed=True,
            emphasis=0.7 if restart >= RIVALS else 0.0,
        )
        climb(problem, path, options.steps, range(restart, restart + 1))


ANNEALED = Attack(
    "annealed",
    "slopes of hidden units narrow from the attack's reach (ours)",
    partial(search, wide=5.0),
    60,
    8,
)
WIDE = Attack("annealed-wide", "the same from four times as wide (ours)", partial(search, wide=20.0), 60, 8)
