"""cocotb tests, run on a folder of generated Verilog and judged."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from qsim.errors import QsimError

from . import toolchain
from . import verilator as verilate


def run(
    directory: Path,
    bench: Path,
    *,
    timeout: float,
    settings: Mapping[str, str] | None = None,
    seed: int = 1,
) -> str:
    """Run the cocotb tests of a Python file on the Verilog of a folder; gives back the log.

    Parameters
    ----------
    directory : Path
        Verilog and memory files; the working directory of the simulation.
    bench : Path
        A Python file with `cocotb.test` coroutines.
    timeout : float
        Seconds for the simulation itself; compiling is not counted.
    settings : mapping of str, optional
        Environment variables that the bench reads.
    seed : int
        Of cocotb's random numbers, and of what memories and registers without a reset value hold.

    Raises
    ------
    QsimError
        If building fails, time runs out, the simulation crashes, a test fails or none was found.
    """
    simulation, found = verilate.build(directory), verilate.tools()
    places = [str(Path(place).resolve()) for place in (str(bench.parent), *sys.path)]
    with tempfile.TemporaryDirectory() as temporary:
        results = Path(temporary) / "results.xml"
        log = toolchain.run(
            [simulation, "+verilator+rand+reset+2", f"+verilator+seed+{seed}"],
            timeout=timeout,
            cwd=Path(directory),
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(places),
                "PYGPI_PYTHON_BIN": sys.executable,
                "GPI_USERS": f"{found.libpython};{found.cocotb_extension},initialize",
                "TOPLEVEL_LANG": "verilog",
                "COCOTB_TEST_MODULES": bench.stem,
                "COCOTB_RESULTS_FILE": str(results),
                "COCOTB_RANDOM_SEED": str(seed),
                "COCOTB_TRUST_INERTIAL_WRITES": "1",
                **(settings or {}),
            },
        )
        failed = _failed(results)
    if failed is None:
        raise QsimError(f"{bench.name} ran no test; the log ends:\n{log[-toolchain.TAIL :]}")
    if failed:
        raise QsimError(f"{bench.name}: {', '.join(failed)} failed; the log ends:\n{log[-toolchain.TAIL :]}")
    return log


def _failed(results: Path) -> list[str] | None:
    """Names of the tests that failed, or None if none ran."""
    if not results.is_file():
        return None
    cases = list(ElementTree.parse(results).iter("testcase"))
    ran = [case for case in cases if case.find("skipped") is None]
    bad = [case for case in ran if case.find("failure") is not None or case.find("error") is not None]
    return [str(case.get("name")) for case in bad] if ran else None
