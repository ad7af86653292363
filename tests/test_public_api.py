"""The public names: each is documented whole, and type checkers see what there is."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from public_names import faults, public_names

import qsim
import qsim_rtl

ROOT = Path(__file__).parent.parent
NAMES = sorted(set(public_names()))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_documented_whole(name: str) -> None:
    assert faults(name) == []


def test_a_lacking_docstring_is_noticed() -> None:
    assert any("limit" in fault for fault in faults("public_api_samples.lacks_a_parameter"))
    assert any("type" in fault for fault in faults("public_api_samples.lacks_a_type"))
    assert any("Returns" in fault for fault in faults("public_api_samples.lacks_what_it_returns"))
    assert any("raises" in fault for fault in faults("public_api_samples.lacks_what_it_raises"))
    assert any("docstring" in fault for fault in faults("public_api_samples.Lacks.method"))


@pytest.mark.parametrize("package", [qsim, qsim_rtl], ids=lambda p: p.__name__)
def test_what_type_checkers_see_is_what_there_is(package: object) -> None:
    tree = ast.parse(Path(package.__file__).read_text())  # type: ignore[attr-defined]
    (types,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name for node in types.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(package.__all__) == set(dir(package))  # type: ignore[attr-defined]


@pytest.mark.parametrize("package", ["qsim", "qsim_rtl"])
def test_types_are_shipped(package: str) -> None:
    assert (files(package) / "py.typed").is_file()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'qsim' has no attribute 'quantise'"):
        _ = qsim.quantise


def test_a_package_alone_loads_nothing_else() -> None:
    code = "import sys, qsim; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "numba", "sklearn", "typer"} & set(done.stdout.split())
