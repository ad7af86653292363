"""What docstrings name exists: a renamed function leaves no name behind that leads nowhere."""

import ast
import importlib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
from import_graph import modules

DOTTED = re.compile(r"`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)`")
FILES = {
    "bin",
    "csv",
    "h",
    "html",
    "json",
    "jsonl",
    "npz",
    "onnx",
    "parquet",
    "py",
    "safetensors",
    "toml",
    "v",
    "xml",
}
MODULES = {name: file for name, file in modules().items() if not name.endswith("__main__")}


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""


def local_names(tree: ast.Module) -> set[str]:
    """Parameters and fields, whose attributes no module has."""
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    fields = (node.target for node in ast.walk(tree) if isinstance(node, ast.AnnAssign))
    return names | {target.id for target in fields if isinstance(target, ast.Name)}


def leads_somewhere(name: str, module: ModuleType) -> bool:
    first, *others = name.split(".")
    starts: list[Any] = [getattr(module, first, None)]
    named_so = [importlib.import_module(m) for m in MODULES if m.split(".")[-1] == first]
    if first[0].isupper() or find_spec(first):  # a class of the project, a package of others
        named_so += [getattr(importlib.import_module(m), first, None) for m in MODULES]
        named_so.append(importlib.import_module(first) if find_spec(first) else None)
    return any(start is not None and reaches(start, others) for start in [*starts, *named_so])


def reaches(start: Any, names: list[str]) -> bool:
    """Whether attributes, submodules or fields of those names follow each other."""
    for name in names:
        if name in getattr(start, "__dataclass_fields__", {}):
            return True
        if not hasattr(start, name):
            inner = f"{getattr(start, '__name__', '')}.{name}"
            if inner not in MODULES:
                return False
            importlib.import_module(inner)
        start = getattr(start, name)
    return True


@pytest.mark.parametrize("module", MODULES)
def test_names_in_docstrings_lead_somewhere(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text())
    known = local_names(tree)
    for line, text in docstrings(tree):
        for name in DOTTED.findall(text):
            if name.split(".")[0] not in known and name.split(".")[-1] not in FILES:
                assert leads_somewhere(name, importlib.import_module(module)), f"line {line}: {name}"


@pytest.mark.parametrize("module", MODULES)
def test_no_wrapped_string_is_left_in_a_docstring(module: str) -> None:
    for line, text in docstrings(ast.parse(MODULES[module].read_text())):
        assert not re.search(r'"\n\s*"', text), f"line {line}"
