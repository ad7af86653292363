"""Names of a package that are imported when first used: a program pays only for what it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def attributes(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` of a package (PEP 562).

    Parameters
    ----------
    package : str
        The package's `__name__`.
    modules : mapping of str to sequence of str
        For each module, relative to the package, the names that it holds. A name that the module does
        not hold stands for the module itself.

    Returns
    -------
    tuple of two functions
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(homes[name], package)
        found = getattr(module, name, module)
        setattr(sys.modules[package], name, found)
        return found

    return get, lambda: sorted(homes)
