"""What a newcomer must open and read: `python -m benches.newcomer [CHECKOUT]`, of any version of the project.

Files are counted by running: those whose code the specification executes for one image. Functions are
measured without their docstrings.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
MODEL = "models/digits-relu-q4.safetensors"
EXECUTED = """
import sys
import qsim
root, file = sys.argv[1:]
model, files = qsim.load(file), set()
image = [[i * 4 for i in range(64)]]
spec = qsim.spec
sys.setprofile(lambda frame, event, _: event == "call" and files.add(frame.f_code.co_filename))
spec.logits(model, image)
sys.setprofile(None)
print(*sorted(f for f in files if f.startswith(root) and "/.venv/" not in f), sep="\\n")
"""


class Function(NamedTuple):
    """A function with its size."""

    lines: int
    parameters: int
    name: str


def executed(checkout: Path, model: str) -> list[str]:
    """The project's files whose code the specification runs for one image."""
    return python(checkout, "-c", EXECUTED, str(checkout), model).splitlines()


def python(checkout: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    environment = {"PYTHONPATH": f"{checkout}:{checkout / 'rtl'}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def functions(checkout: Path) -> Iterator[Function]:
    """Every function of the two packages."""
    for package in ("qsim", "rtl"):
        for file in (checkout / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.FunctionDef):
                    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                    count = len([argument for argument in every if argument.arg not in ("self", "cls")])
                    name = f"{file.relative_to(checkout)}:{node.name}"
                    yield Function(length(node), count, name)


def length(node: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    end = node.end_lineno or node.lineno
    first = node.body[0]
    docstring = 0
    if ast.get_docstring(node) is not None:
        docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    return end - node.lineno + 1 - docstring


def fullest(checkout: Path) -> tuple[int, str]:
    """The folder of the two packages that has most entries under version control."""
    tracked = subprocess.run(
        ["git", "ls-files", "qsim", "rtl"], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    entries = {entry for name in tracked for entry in [Path(name), *Path(name).parents][:-2]}
    folders = {entry.parent for entry in entries}
    return max((sum(e.parent == folder for e in entries), str(folder)) for folder in folders)


def main() -> None:
    checkout = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    with tempfile.TemporaryDirectory() as folder:
        mapped = f"{folder}/tiles.safetensors"
        python(checkout, "-m", "qsim", "map", MODEL, "--out", mapped)
        for what, model in (("dense", MODEL), ("crossbar", mapped)):
            files = [Path(file).relative_to(checkout) for file in executed(checkout, model)]
            print(f"files for an output bit, {what}: {len(files)} ({', '.join(map(str, files))})")
    found = list(functions(checkout))
    longest, widest = max(found), max(found, key=lambda function: function.parameters)
    print(f"longest function: {longest.lines} lines ({longest.name})")
    print(f"most parameters: {widest.parameters} ({widest.name})")
    print("fullest folder: {} entries ({})".format(*fullest(checkout)))


if __name__ == "__main__":
    main()
