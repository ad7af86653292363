"""A fault planted in source code: one piece of one definition, named by its symbol, replaced."""

from __future__ import annotations

import ast

from qsim.errors import QsimError

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


def planted(source: str, symbol: str, text: str, broken: str) -> str:
    """A module's source in which one definition is broken.

    Layout does not matter: the definition is compared in the form that `ast.unparse` gives it, on one line
    a statement, without comments, with single quotes.

    Parameters
    ----------
    source : str
        The module's source.
    symbol : str
        A function, class, method (class, dot, method) or assigned name of the module; "" for all of it.
    text, broken : str
        What must stand exactly once in the definition, and what it becomes.

    Raises
    ------
    QsimError
        If there is no such definition or the text does not stand in it once.
    """
    tree = ast.parse(source)
    found = tree if not symbol else _definition(tree, symbol.split("."))
    if found is None:
        raise QsimError(f"the source defines no {symbol}")
    code = ast.unparse(found)
    if code.count(text) != 1:
        raise QsimError(f"{symbol or 'the source'} holds {text!r} {code.count(text)} times, not once")
    code = code.replace(text, broken)
    if isinstance(found, ast.Module):
        return code
    lines = source.splitlines(keepends=True)
    decorators = found.decorator_list if isinstance(found, ast.FunctionDef | ast.ClassDef) else []
    start = min([found.lineno, *(decorator.lineno for decorator in decorators)]) - 1
    indent = " " * found.col_offset
    lines[start : found.end_lineno] = [f"{indent}{line}\n" for line in code.splitlines()]
    return "".join(lines)


def _definition(scope: ast.AST, path: list[str]) -> Definition | None:
    """The definition of a dotted name, the last one if there are several."""
    for node in reversed([*_statements(scope)]):
        if _name(node) == path[0]:
            return node if len(path) == 1 else _definition(node, path[1:])
    return None


def _statements(scope: ast.AST) -> list[Definition]:
    """Definitions in a scope, those under `if`, `with` and `for` included."""
    found: list[Definition] = []
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, Definition):
            found.append(node)
        elif isinstance(node, ast.stmt):
            found += _statements(node)
    return found


def _name(node: Definition) -> str | None:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    return target.id if isinstance(target, ast.Name) else None
