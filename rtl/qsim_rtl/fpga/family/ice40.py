"""Lattice iCE40 UltraPlus: yosys, nextpnr-ice40, icepack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .. import nextpnr
from ..part import FLAT, Board, Commands, Family, Files, Luts, Prices

CELLS = {"lut": ["ICESTORM_LC"], "ff": [], "bram": ["ICESTORM_RAM"], "dsp": ["ICESTORM_DSP"]}


def constraints(board: Board) -> str:
    places = "".join(f"set_io {name} {pin}\n" for name, pin in board.places.items())
    return f"{places}set_frequency clk {board.clock / 1e6:g}\n"


def synthesis(files: Files, dsp: bool) -> str:
    return f"synth_ice40 -no-rw-check{' -dsp' if dsp else ''} -top board; {FLAT} {files.stem}.json"


def place(board: Board, files: Files) -> Commands:
    bits = f"{files.stem}.asc"
    options = [*nextpnr.options(files), "--pcf", files.constraints, "--freq", "24", "--asc", bits]
    return {
        "place and route": ["@nextpnr-ice40", *board.part, *options],
        "bitstream": ["@icepack", bits, files.bitstream],
    }


def measured(folder: Path, board: Board, files: Files) -> dict[str, Any]:
    """nextpnr counts logic cells, which hold a LUT and a flip-flop each; the netlist has the latter."""
    facts = nextpnr.measured(folder, files, CELLS)
    netlist = json.loads((folder / f"{files.stem}.json").read_text())
    cells = netlist["modules"]["board"]["cells"].values()
    used = sum(cell["type"].startswith("SB_DFF") for cell in cells)
    return {**facts, "ff": used, "ff_available": facts["lut_available"]}


FAMILY = Family(
    name="ice40",
    boards=(
        Board(
            target="up5k",
            name="iCEBreaker",
            part=("--up5k", "--package", "sg48"),
            clock=12_000_000,
            pins={"clk": "35", "rx": "6", "tx": "9", "led": "11"},
            luts=5280,
            block_rams=30,
            block_bits=4096,
            dsps=8,
        ),
    ),
    constraints_suffix="pcf",
    bitstream_suffix="bin",
    constraints=constraints,
    synthesis=synthesis,
    place=place,
    measured=measured,
    prices=Prices(
        memories=((64, ((16, 256, 1), (8, 512, 8), (4, 1024, 4), (2, 2048, 2))), (1, ((1, 1, 1),))),
        least_product=11,
        luts=Luts(base=1488, small=2.35, muxed=1.72, register=2.44, product=1.79, sum=2.91),
    ),
)
