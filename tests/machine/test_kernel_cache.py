"""Compiled code that other processes left on the disk is the code that was meant."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher

from qsim.machine.kernel import isa
from qsim.machine.kernel.compiling import part, part_of

FAST = isa.available()[:-1]
PROGRAM = """
import os, sys
import numpy as np
from kernel_networks import images, network
from qsim import spec
from qsim.machine import kernel

model = network((21, 18, 17, 3))
codes = images(model, 30)
signs = (codes % 3).astype(np.int8) - 1
for what, name in (word.split("-") for word in sys.argv[1:]):
    os.environ["QSIM_ISA"] = name
    if what == "run":
        assert kernel.run(kernel.pack(model), codes).tolist() == spec.logits(model, codes.tolist())
    else:
        steps = [0, 9, 90]
        moved = np.clip(codes[:, None] + signs[:, None] * np.array(steps)[:, None], 0, 255)
        expected = [spec.predict(model, each.tolist()) for each in moved]
        assert kernel.sweep(model, codes, signs, steps).tolist() == expected
"""


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A process that checks these entries against the specification, with a cache of its own on disk."""
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-X", "faulthandler", "-c", PROGRAM, *words]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate()
    assert process.returncode == 0, errors


@pytest.mark.skipif(not FAST, reason="this machine has the portable loops alone")
def test_what_several_processes_compiled_runs_in_one(tmp_path: Path) -> None:
    """Each process compiles one entry anew, all with the same numbers, and the last one loads them all."""
    entries = [f"run-{FAST[0]}", f"sweep-{FAST[0]}", *(f"run-{name}" for name in FAST[1:2])]
    for process in [start(tmp_path, entry) for entry in entries]:
        finish(process)
    assert len(list(tmp_path.rglob("*entry*.nbc"))) == len(entries)
    finish(start(tmp_path, *entries))
    finish(start(tmp_path, *reversed(entries)))
    assert len(list(tmp_path.rglob("*entry*.nbc"))) == len(entries)


def called(dispatcher: Any) -> Iterator[Any]:
    """The compiled functions that one refers to by name."""
    function = dispatcher.py_func
    names = function.__code__.co_names
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    for value in [*(function.__globals__.get(name) for name in names), *cells]:
        if isinstance(value, Dispatcher):
            yield value


def clashes(entries: list[Any]) -> set[str]:
    """Names that several functions under these have in common."""
    functions, left = defaultdict(set), list(entries)
    while left:
        one = left.pop()
        known = functions[f"{one.py_func.__module__}.{one.py_func.__qualname__}"]
        if one.py_func not in known:
            known.add(one.py_func)
            left += called(one)
    return {name for name, same in functions.items() if len(same) > 1}


@pytest.mark.skipif(not FAST, reason="this machine has the portable loops alone")
def test_no_two_functions_have_one_name() -> None:
    modules = [import_module(f"qsim.machine.kernel.{name}") for name in FAST]
    entries = [entry for module in modules for entry in (module._run, module._sweep)]
    assert sum(1 for entry in entries for _ in called(entry)) > len(entries)
    assert not clashes(entries)


def test_one_name_for_two_functions_is_found() -> None:
    def made(mark: Any) -> Any:
        @mark
        def inner() -> None: ...

        @njit
        def outer() -> None:
            inner()

        return outer

    assert any("inner" in name for name in clashes([made(part), made(part)]))
    assert not any("inner" in name for name in clashes([made(part_of("one")), made(part_of("two"))]))
