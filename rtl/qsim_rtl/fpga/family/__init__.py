"""The families of FPGAs: each is the `FAMILY` of one file here, and a new file is a new family."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from qsim.errors import QsimError

from ..part import Board, Family

FAMILIES: dict[str, Family] = {
    module.name: import_module(f"{__name__}.{module.name}").FAMILY for module in iter_modules(__path__)
}
BOARDS: dict[str, Board] = {board.target: board for family in FAMILIES.values() for board in family.boards}
_FAMILY = {board.target: family for family in FAMILIES.values() for board in family.boards}


def board(target: str) -> Board:
    """The board of a target.

    Raises
    ------
    QsimError
        If the target is unknown.
    """
    if target not in BOARDS:
        raise QsimError(f"target is {target!r}; one of {', '.join(BOARDS)} is needed")
    return BOARDS[target]


def family(target: str) -> Family:
    """The family of a target's part; raises as `board` does."""
    return _FAMILY[board(target).target]
