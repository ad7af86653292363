"""Runs the test bench of an exported folder in Icarus."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from conftest import missing

from qsim_rtl.sim import toolchain


def compiled(folder: Path, program: Path, engine: str = "qsim") -> Path:
    """The bench of a folder as a program for `played`."""
    if not shutil.which("iverilog"):
        missing("iverilog was not found: install Icarus Verilog")
    sources = [folder / "testbench.v", folder / f"{engine}.v"]
    toolchain.run(["iverilog", "-g2009", "-s", "testbench", "-o", program, *sources], timeout=120)
    return program


def played(program: Path, folder: Path, seconds: int = 300) -> tuple[bool, str]:
    """Whether the bench passed on the memories and vectors of a folder, and what it said."""
    done = subprocess.run(["vvp", "-n", program], cwd=folder, capture_output=True, text=True, timeout=seconds)
    return done.returncode == 0 and "PASS" in done.stdout, done.stdout
