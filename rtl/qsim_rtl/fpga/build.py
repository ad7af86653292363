"""From an exported folder to a bitstream, with yosys and nextpnr as they come from pip."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

from qsim.errors import QsimError
from qsim.model.container import replacing

from ..sim import toolchain
from . import boards
from .boards import Board, commands

STEP_SECONDS = 3600
CELLS = {  # what nextpnr's report calls each kind of cell; the first name's count is what the part has
    "ecp5": {"lut": ["TRELLIS_COMB"], "ff": ["TRELLIS_FF"], "bram": ["DP16KD"], "dsp": ["MULT18X18D"]},
    "ice40": {"lut": ["ICESTORM_LC"], "ff": [], "bram": ["ICESTORM_RAM"], "dsp": ["ICESTORM_DSP"]},
    "gowin": {"lut": ["LUT4", "ALU"], "ff": ["DFF"], "bram": ["BSRAM"], "dsp": ["MULT9X9", "MULT18X18"]},
}


def build(
    directory: str | PathLike[str], target: str, report: Callable[[str], None] = lambda step: None
) -> dict[str, Any]:
    """Synthesise, place, route and pack an export for one target; leaves `build.json` in the folder.

    Parameters
    ----------
    directory : path
        What `folder.write` wrote.
    target : str
        One of `boards.BOARDS`.
    report : callable
        Told the name of each step as it begins.

    Returns
    -------
    dict
        What `build.json` holds: resources used and there, `fmax_mhz` of the part's slowest path,
        `critical_path` with its delays in ns, `interval`, `inferences_per_s` = fmax / interval,
        `bitstream`, `seconds` of each step.

    Raises
    ------
    QsimError
        If the folder is no export, the target is unknown, the design does not fit the part, or a
        tool is missing or fails.
    """
    folder, board = Path(directory), boards.board(target)
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        interval, digest = manifest["interval"], manifest["digest"]
    except (OSError, ValueError, KeyError) as error:
        raise QsimError(f"{folder} is no export: its manifest.json cannot be read ({error})") from None
    seconds: dict[str, float] = {}
    (folder / "build").mkdir(exist_ok=True)
    for step, command in commands(board, manifest).items():
        report(step)
        started = time.perf_counter()
        log = _run(folder, command)
        seconds[step] = round(time.perf_counter() - started, 1)
        if step == "place and route":
            (folder / "build" / f"{target}.log").write_text(log)
    facts: dict[str, Any] = {"target": target, "board": board.name, "part": board.part[0].lstrip("-")}
    facts |= {"digest": digest, "pe": manifest["pe"], "simd": manifest["simd"], "bits": manifest["bits"]}
    facts |= _measured(folder, board)
    facts |= {"board_mhz": board.clock / 1e6, "interval": interval}
    facts |= {"inferences_per_s": round(facts["fmax_mhz"] * 1e6 / interval)}
    facts |= {"bitstream": f"build/{board.bitstream}", "seconds": seconds}
    with replacing(folder / "build.json") as temporary:
        temporary.write_text(json.dumps(facts, indent=1) + "\n")
    return facts


def _run(folder: Path, command: list[str]) -> str:
    """One tool, from the folder of this Python or from PATH."""
    name, *arguments = command
    beside = Path(sys.executable).parent / name
    try:
        return toolchain.run(
            [beside if beside.exists() else name, *arguments], timeout=STEP_SECONDS, cwd=folder
        )
    except QsimError as error:
        if "could not be started" in str(error):
            raise QsimError(f"{name} was not found; `pip install 'qsim[fpga]'` brings it") from None
        text = str(error)
        errors = re.findall(r"^ERROR: .*", text, re.MULTILINE)
        raise QsimError(f"{name} failed: {errors[0][7:]}" if errors else text) from None


def _measured(folder: Path, board: Board) -> dict[str, Any]:
    """Resources, Fmax and critical path, from nextpnr's report."""
    report = json.loads((folder / "build" / f"{board.target}.report.json").read_text())
    used = report["utilization"]
    facts: dict[str, Any] = {}
    for kind, names in CELLS[board.family].items():
        cells = [used.get(name, {"used": 0, "available": 0}) for name in names]
        facts[kind] = sum(cell["used"] for cell in cells)
        facts[f"{kind}_available"] = cells[0]["available"] if cells else 0
    if board.family == "ice40":  # nextpnr counts logic cells, which hold a LUT and a flip-flop each
        netlist = json.loads((folder / "build" / f"{board.target}.json").read_text())
        cells = netlist["modules"]["board"]["cells"].values()
        facts["ff"] = sum(cell["type"].startswith("SB_DFF") for cell in cells)
        facts["ff_available"] = facts["lut_available"]
    clocks = report["fmax"]
    slowest = min(clocks.values(), key=lambda clock: clock["achieved"])
    facts["fmax_mhz"] = round(slowest["achieved"], 2)
    facts["critical_path"] = [
        {"type": step["type"], "ns": round(step["delay"], 2), "to": step["to"]["cell"]}
        for path in report.get("critical_paths", [])
        if path["from"] == path["to"] and path["from"].split()[-1] in " ".join(clocks)
        for step in path["path"]
    ]
    return facts
