"""From an exported folder to a bitstream, with yosys and nextpnr as they come from pip."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from qsim.errors import QsimError
from qsim.model.container import replacing

from ..sim import toolchain
from .boards import BAUD
from .family import board as board_of
from .family import family as family_of
from .part import Board
from .steps import commands

FORMAT = 1  # of build.json
STEP_SECONDS = 3600


def build(
    directory: str | PathLike[str], target: str, report: Callable[[str], None] = lambda step: None
) -> dict[str, Any]:
    """Synthesise, place, route and pack an export for one target; leaves `build.json` in the folder.

    Parameters
    ----------
    directory : path
        What `folder.write` wrote.
    target : str
        One of `family.BOARDS`. Where no free tool places its family, synthesis is all that is done.
    report : callable
        Told the name of each step as it begins.

    Returns
    -------
    dict
        What `build.json` holds: resources used and there; `fmax_mhz` of the part's slowest path and
        `critical_path` with its delays in ns; `interval`; `inferences_per_s` = Fmax / interval, of the part
        alone; `board_inferences_per_s` = the board's clock / interval, if Fmax allows that clock;
        `serial_inferences_per_s`, through the board's serial line; `bitstream`; `seconds` of each step.
        What is not known without placing is None.

    Raises
    ------
    QsimError
        If the folder is no export, the target is unknown, the design does not fit the part, or a
        tool is missing or fails.
    """
    folder, board, kind = Path(directory), board_of(target), family_of(target)
    manifest = _manifest(folder)
    if manifest.get("control") == "wishbone":
        raise QsimError(
            f"{folder} has its registers on Wishbone and no boards; --control axi-lite exports them"
        )
    seconds: dict[str, float] = {}
    (folder / "build").mkdir(exist_ok=True)
    for step, command in commands(board, manifest).items():
        report(step)
        started = time.perf_counter()
        log = _run(folder, command)
        seconds[step] = round(time.perf_counter() - started, 1)
        if step == "place and route":
            (folder / "build" / f"{target}.log").write_text(log)
    files = kind.files(board)
    facts: dict[str, Any] = {
        "format": FORMAT,
        "target": target,
        "board": board.name,
        "part": board.part[0].lstrip("-"),
        **{name: manifest[name] for name in ("style", "digest", "pe", "simd", "bits")},
        "fmax_mhz": None,
        "critical_path": [],
        **kind.measured(folder, board, files),
    }
    facts |= rates(facts["fmax_mhz"], board, manifest)
    facts |= {"bitstream": files.bitstream or None, "seconds": seconds}
    with replacing(folder / "build.json") as temporary:
        temporary.write_text(json.dumps(facts, indent=1) + "\n")
    return facts


def rates(fmax: float | None, board: Board, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Images a second: at Fmax (MHz), at the board's clock, and through its serial line, frame by frame."""
    interval, clock = manifest["interval"], board.clock
    runs = fmax is not None and fmax * 1e6 >= clock
    sent = 3 + manifest["frame_beats"] * manifest["s_axis_tdata_bits"] // 8
    taken = 2 + manifest["result_beats"] * (1 + sum(manifest["m_axis_tdata_bits"].values()) // 8)
    seconds = 10 * (sent + taken) / BAUD + manifest["latency"] / clock
    return {
        "interval": interval,
        "inferences_per_s": None if fmax is None else round(fmax * 1e6 / interval),
        "board_mhz": clock / 1e6,
        "board_inferences_per_s": round(clock / interval) if runs else None,
        "serial_baud": BAUD,
        "serial_inferences_per_s": round(1 / seconds) if runs else None,
    }


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = dict(json.loads((folder / "manifest.json").read_text()))
        manifest["interval"], manifest["digest"], manifest["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise QsimError(f"{folder} is no export: its manifest.json cannot be read ({error})") from None
    return manifest


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
