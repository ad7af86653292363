"""AMD Xilinx 7 series: synthesis and resource counts by yosys; place, route and bitstream are Vivado's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..part import FLAT, Board, Commands, Family, Files

# What one cell of synth_xilinx takes of each kind. A block RAM has 36 kbit; half of one may be used.
LUTS = {
    **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
    "SRL16E": 1,
    "SRLC32E": 1,
    "RAM16X1D": 2,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
}
CELLS: dict[str, dict[str, float]] = {
    "lut": {**LUTS},
    "ff": {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1},
    "bram": {"RAMB36E1": 1, "RAMB18E1": 0.5},
    "dsp": {"DSP48E1": 1},
}


def constraints(board: Board) -> str:
    ports = "".join(
        f"set_property -dict {{PACKAGE_PIN {pin} IOSTANDARD LVCMOS33}} [get_ports {name}]\n"
        for name, pin in board.places.items()
    )
    return f"{ports}create_clock -name clk -period {1e9 / board.clock:.3f} [get_ports clk]\n"


def synthesis(files: Files, dsp: bool) -> str:
    option = "" if dsp else " -nodsp"
    count = f"tee -q -o {files.stem}.report.json stat -json"
    return f"synth_xilinx -family xc7 -flatten{option} -top board; {FLAT} {files.stem}.json; {count}"


def place(board: Board, files: Files) -> Commands:
    return {}


def measured(folder: Path, board: Board, files: Files) -> dict[str, Any]:
    report = json.loads((folder / f"{files.stem}.report.json").read_text())
    used = report["design"]["num_cells_by_type"]
    facts: dict[str, Any] = {
        kind: sum(count * used.get(cell, 0) for cell, count in cells.items()) for kind, cells in CELLS.items()
    }
    there = {"lut": board.luts, "ff": 2 * board.luts, "bram": board.block_rams, "dsp": board.dsps}
    return facts | {f"{kind}_available": count for kind, count in there.items()}


FAMILY = Family(
    name="xilinx7",
    boards=(
        Board(
            target="xc7a35t",
            name="Arty A7-35T",
            part=("xc7a35ticsg324-1L",),
            clock=100_000_000,
            pins={"clk": "E3", "rx": "A9", "tx": "D10", "led": "H5"},
            luts=20800,
            block_rams=50,
            block_bits=36864,
            dsps=90,
        ),
    ),
    constraints_suffix="xdc",
    bitstream_suffix="",
    constraints=constraints,
    synthesis=synthesis,
    place=place,
    measured=measured,
)
