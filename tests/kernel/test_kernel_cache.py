"""Compiled code that other processes left on the disk is the code that was meant."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from numba import config, njit
from numba.core.dispatcher import Dispatcher

import qsim
from qsim.jit.compiling import part, part_of
from qsim.kernel import isa
from qsim.kernel.entries import parts

FAST = isa.available()[:-1]
jit = pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
fast = pytest.mark.skipif(not FAST, reason="this machine has the portable loops alone")
CHECK = """
import os, sys
import numpy as np
from kernel_networks import images, network
from qsim import spec
from qsim.executors import executor
from qsim.kernel.sweep.api import sweep

model = network((21, 18, 17, 3))
codes = images(model, 30)
signs = (codes % 3).astype(np.int8) - 1
for what, name in (word.split("-") for word in sys.argv[1:]):
    os.environ["QSIM_ISA"] = name
    if what == "run":
        assert executor(model).logits(codes).tolist() == spec.logits(model, codes.tolist())
    else:
        steps = [0, 9, 90]
        moved = np.clip(codes[:, None] + signs[:, None] * np.array(steps)[:, None], 0, 255)
        expected = [spec.predict(model, each.tolist()) for each in moved]
        assert sweep(model, codes, signs, steps).tolist() == expected
"""
HALF = """
from qsim.jit.compiling import cached

@cached()
def half(x):
    return x[0] >> 1
"""
WRITE = """
import sys, time
from pathlib import Path
import numpy as np
from numba.core.caching import FunctionCache, IndexDataCacheFile
from half import half

def slowly(name, before=0, after=0):
    work = getattr(IndexDataCacheFile, name)
    def slow(*arguments):
        time.sleep(before)
        result = work(*arguments)
        time.sleep(after)
        return result
    setattr(IndexDataCacheFile, name, slow)

def meet(cache, *arguments):
    Path(f"compiled-{kind}").touch()
    while len(list(Path().glob("compiled-*"))) < 2:
        time.sleep(0.01)
    slowly("_load_index", after=0.5)  # both see an empty cache
    slowly("_save_data", before=1.5) if kind == "u1" else slowly("_save_index", before=0.5)
    save(cache, *arguments)

kind, save = sys.argv[1], FunctionCache.save_overload
FunctionCache.save_overload = meet
half(np.array([255], np.uint8).view(kind))
"""
READ = """
import numpy as np
from half import half
assert half(np.array([255], np.uint8)) == 127
assert half(np.array([-1], np.int8)) == -1
"""


def start(folder: Path, program: str, *words: str) -> subprocess.Popen[str]:
    """A process that first looks for modules in `folder`, and keeps compiled code there and nowhere else."""
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(folder / "cache"),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-X", "faulthandler", "-c", program, *words]
    return subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.PIPE, text=True)


def finish(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors


def compiled(folder: Path) -> int:
    return len(list(folder.rglob("*.nbc")))


@fast
def test_what_several_processes_compiled_runs_in_one(tmp_path: Path) -> None:
    """Each process compiles one entry anew, all with the same numbers, and the last one loads them all."""
    names = [f"run-{FAST[0]}", f"sweep-{FAST[0]}", *(f"run-{name}" for name in FAST[1:2])]
    finish(*(start(tmp_path, CHECK, name) for name in names))
    assert compiled(tmp_path) == len(names)
    finish(start(tmp_path, CHECK, *names), start(tmp_path, CHECK, *reversed(names)))
    assert compiled(tmp_path) == len(names)


@fast
def test_a_change_anywhere_in_the_package_compiles_anew(tmp_path: Path) -> None:
    """Numba itself watches only the file of the entry: its parts are in others."""
    here = Path(qsim.__file__).parent
    shutil.copytree(here, tmp_path / "qsim", ignore=shutil.ignore_patterns("__pycache__"))
    for change, wanted in (("", 1), ("", 1), ("\n# changed\n", 2)):
        with (tmp_path / "qsim/kernel/dense/products.py").open("a") as file:
            file.write(change)
        finish(start(tmp_path, CHECK, f"run-{FAST[-1]}"))
        assert compiled(tmp_path) == wanted


@jit
def test_two_that_write_at_once(tmp_path: Path) -> None:
    """Processes that add code for different types to an empty cache do not take each other's place."""
    (tmp_path / "half.py").write_text(HALF)
    finish(start(tmp_path, WRITE, "u1"), start(tmp_path, WRITE, "i1"))
    finish(start(tmp_path, READ))
    assert compiled(tmp_path) == 2


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


@fast
def test_no_two_functions_have_one_name() -> None:
    entries = [engine for name in FAST for octets in (False, True) for engine in parts(name, octets)]
    assert sum(1 for entry in entries for _ in called(entry)) > len(entries)
    assert not clashes(entries)


@jit
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
