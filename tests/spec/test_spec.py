"""The specification itself, against arithmetic done by hand and by its plain definition."""

import ast
from pathlib import Path

import numpy as np
import pytest
from examples import random_codes, random_model

from qsim import InputFormat, Layer, Model, spec


def test_a_network_worked_by_hand() -> None:
    hidden = Layer([[1, -3], [3, 1], [-1, -1]], [0, 5, -2], bits=2, thresholds=[0, 4, 8])
    output = Layer([[1, 1, -1], [-3, 1, 3]], [0, 0], bits=2)
    model = Model((hidden, output), InputFormat(4))
    # x = (1, 2): accs -5, 10, -5 -> codes 0, 3, 0 -> logits 3, 3; x = (0, 0): accs 0, 5, -2
    assert list(spec.trace(model, [(1, 2), (0, 0)])) == [([[0, 3, 0]], [3, 3]), ([[1, 2, 0]], [3, -1])]


@pytest.mark.parametrize(("acc", "code"), [(-6, 0), (-5, 1), (-4, 1), (2, 1), (3, 3), (4, 3), (10**30, 4)])
def test_a_threshold_counts_from_its_own_value_on(acc: int, code: int) -> None:
    assert spec.activate(acc, [-5, 3, 3, 7]) == code


@pytest.mark.parametrize(
    ("logits", "winner"), [([1, 5, 5], 1), ([5, 1, 5], 0), ([-3, -3, -3], 0), ([0], 1), ([-1], 0), ([7], 1)]
)
def test_the_lowest_index_wins_a_tie(logits: list[int], winner: int) -> None:
    assert spec.classify(logits) == winner


@pytest.mark.parametrize("bits", range(1, 11))
def test_the_odd_grid_has_evenly_spaced_odd_levels_and_ends_at_one(bits: int) -> None:
    stored = range(-(1 << bits - 1), 1 << bits - 1)
    values = [spec.weight(s, "odd") for s in stored]
    top = 2**bits - 1
    assert values == list(range(-top, top + 1, 2))


def test_it_counts_beyond_64_bits() -> None:
    assert spec.accumulate([10**12], 1, [10**12]) == 10**24 + 1


FILES = sorted(Path(spec.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_plain_python_and_imports_nothing_of_the_project(file: Path) -> None:
    """A hardware engineer reads these files: no array library may hide what they do."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {"itertools", "math"}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module in {"__future__", "collections.abc", "typing"}
        elif isinstance(node, ast.ImportFrom):
            own = {node.module} if node.module else {alias.name for alias in node.names}
            assert node.level == 1
            assert own <= {file.stem for file in FILES}
    code = ast.unparse(without_docstrings(ast.parse(file.read_text())))
    assert len(code.splitlines()) <= 70


def without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body[0] = ast.Pass()
    return tree


def test_it_gives_python_integers_for_numpy_input() -> None:
    model = random_model(1)
    (row,) = spec.logits(model, random_codes(2, model, 1).astype(np.uint8))
    assert [type(x) for x in row] == [int] * model.outputs
