"""Attacks: with gradients of the float shadow or without, always on integer codes, scored on the integers.

`ATTACKS` holds them all by name; each is called as `qsim.attacks.pgd(model, codes, labels, 0.05)`.

    attack       one signature and result for all       problem     images under attack, and their best
    norms        balls on the lattice of codes          steps       strengths in LSBs
    surrogate    gradients through stand-in slopes      losses      what gradients climb
    climb        the walk of all gradient attacks       draws       random numbers that belong to an image
    ramps        margins in whole numbers, for lattice  trials      random search, for square and sparse-rs
"""

from __future__ import annotations

from ..registry import chosen
from .annealed import ANNEALED as annealed
from .annealed import WIDE as annealed_wide
from .apgd import APGD as apgd
from .apgd import APGD_T as apgd_t
from .attack import Attack, Result
from .bim import BIM as bim
from .fgsm import FGSM as fgsm
from .lattice import LATTICE as lattice
from .mim import MIM as mim
from .pgd import PGD as pgd
from .random_search import RANDOM as random
from .sparse_rs import SPARSE_RS as sparse_rs
from .square import SQUARE as square
from .strongest import STRONG as strong
from .strongest import STRONGEST as strongest

_ALL = (
    fgsm,
    bim,
    pgd,
    mim,
    apgd,
    apgd_t,
    annealed,
    annealed_wide,
    square,
    sparse_rs,
    random,
    lattice,
    strong,
    strongest,
)
ATTACKS: dict[str, Attack] = {attack.name: attack for attack in _ALL}

__all__ = ["ATTACKS", "Attack", "Result", "get"]


def get(name: str) -> Attack:
    """An attack by name.

    Parameters
    ----------
    name : str
        One of `ATTACKS`.

    Returns
    -------
    Attack

    Raises
    ------
    QsimError
        If there is none of that name; the message lists all.
    """
    return chosen(ATTACKS, name, "attack")
