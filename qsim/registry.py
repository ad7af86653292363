"""Tables of interchangeable objects: one object a file, found by its file, chosen by its name.

To add an object is to add its file to the package; command line, help and checks take their lists from
the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, TypeVar

from .errors import QsimError


class Named(Protocol):
    """What a table holds."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


def objects_in(package: str, kind: type[T]) -> dict[str, T]:
    """The objects of type `kind` that the modules of a package define, by name, in order of the files.

    Raises
    ------
    ValueError
        If two objects share a name.
    """
    table: dict[str, T] = {}
    for file in sorted(iter_modules(import_module(package).__path__), key=lambda module: module.name):
        for found in vars(import_module(f"{package}.{file.name}")).values():
            if isinstance(found, kind) and table.setdefault(found.name, found) is not found:
                raise ValueError(f"two objects of {package} are called {found.name!r}")
    return table


def chosen(table: Mapping[str, T], name: Any, what: str) -> T:
    """The object of that name.

    Raises
    ------
    QsimError
        If there is none; the message lists all names of the table.
    """
    if not isinstance(name, str) or name not in table:
        raise QsimError(f"{what} is {name!r}; one of {', '.join(table)} is needed")
    return table[name]
