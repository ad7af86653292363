"""What a user may import from the two packages and their documented submodules, and what it lacks."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from numpydoc.validate import validate

import qsim
import qsim_rtl

NEEDED = {
    "GL03",  # no double blank lines
    "GL06",  # only sections that numpydoc knows
    "GL07",  # in its order
    "GL08",  # there is a docstring
    "PR01",  # every parameter is documented,
    "PR02",  # none that is not there,
    "PR03",  # in the order of the signature,
    "PR04",  # with its type
    "RT01",  # what is returned is documented
    "SS01",  # there is a summary
    "YD01",  # what is yielded is documented
}


def public_names() -> Iterator[str]:
    """Dotted names of all public functions, classes, methods and properties."""
    for package in (qsim, qsim_rtl):
        for name in package.__all__:
            found = getattr(package, name)
            if isinstance(found, ModuleType):
                for inner in _names_of(found):
                    yield from _with_members(f"{found.__name__}.{inner}", getattr(found, inner))
            else:
                yield from _with_members(f"{package.__name__}.{name}", found)


def _names_of(module: ModuleType) -> list[str]:
    own = [n for n, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__]
    names = getattr(module, "__all__", None) or [n for n in own if not n.startswith("_")]
    return [
        name
        for name in names
        if inspect.isfunction(found := getattr(module, name)) or isinstance(found, type)
    ]


def _with_members(path: str, found: Any) -> Iterator[str]:
    if not callable(found):
        return
    yield path
    for name, member in vars(found).items() if isinstance(found, type) else ():
        described = callable(member) or hasattr(member, "__get__")
        if not name.startswith("_") and described and not inspect.ismemberdescriptor(member):
            yield f"{path}.{name}"


def faults(path: str) -> list[str]:
    """What a name's docstring lacks, in words."""
    found = [text for code, text in validate(path)["errors"] if code in NEEDED]
    target = _resolved(path)
    if getattr(target, "_is_protocol", False):
        return [text for text in found if "*args" not in text]  # no one makes an instance
    if _raises(target) and "Raises\n" not in (inspect.getdoc(target) or ""):
        found.append("it raises, and has no section Raises")
    return found


def _resolved(path: str) -> Any:
    module, _, rest = path.partition(".")
    found: Any = {"qsim": qsim, "qsim_rtl": qsim_rtl}.get(module) or __import__(module)
    for name in rest.split("."):
        found = inspect.getattr_static(found, name) if isinstance(found, type) else getattr(found, name)
    return found


def _raises(target: Any) -> bool:
    """Whether a function, or what makes an instance of a class, has a raise statement."""
    if isinstance(target, type):
        return any(_raises(vars(target)[n]) for n in ("__init__", "__post_init__") if n in vars(target))
    function = getattr(target, "__func__", target)
    if (
        not inspect.isfunction(function)
        or function.__name__ == "<lambda>"
        or "<string>" in function.__code__.co_filename
    ):
        return False
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, ast.Raise) for node in ast.walk(tree))
