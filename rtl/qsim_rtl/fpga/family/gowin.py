"""Gowin GW2A: yosys, nextpnr-himbaechel, gowin_pack of apycula."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import nextpnr
from ..part import (
    FLAT,
    Board,
    Commands,
    Family,
    Files,
    Luts,
    Prices,
    UnrolledLuts,
    UnrolledPrices,
    UnrolledRegisters,
)

CELLS = {"lut": ["LUT4", "ALU"], "ff": ["DFF"], "bram": ["BSRAM"], "dsp": ["MULT9X9", "MULT18X18"]}


def constraints(board: Board) -> str:
    return "".join(
        f'IO_LOC "{name}" {pin};\nIO_PORT "{name}" IO_TYPE=LVCMOS33;\n' for name, pin in board.places.items()
    )


def synthesis(files: Files, dsp: bool) -> str:
    return f"synth_gowin -no-rw-check -top board; {FLAT} {files.stem}.json"


def place(board: Board, files: Files) -> Commands:
    device, family = board.part
    placed = f"{files.stem}.pnr.json"
    settings = ["--vopt", f"cst={files.constraints}", "--freq", "50", "--write", placed]
    options = ["--device", device, "--vopt", f"family={family}", *nextpnr.options(files), *settings]
    return {
        "place and route": ["@nextpnr-himbaechel-gowin", *options],
        "bitstream": ["gowin_pack", "-d", family, "-o", files.bitstream, placed],
    }


def measured(folder: Path, board: Board, files: Files) -> dict[str, Any]:
    return nextpnr.measured(folder, files, CELLS)


BLOCK = (36, 512, 9), (18, 1024, 9), (9, 2048, 9), (4, 4096, 4), (2, 8192, 2), (1, 16384, 1)
FAMILY = Family(
    name="gowin",
    boards=(
        Board(
            target="gw2a-18",
            name="Tang Primer 20K",
            part=("GW2A-LV18PG256C8/I7", "GW2A-18"),
            clock=27_000_000,
            pins={"clk": "H11", "rx": "T13", "tx": "M11", "led": "L16"},
            luts=20736,
            block_rams=46,
            block_bits=18432,
            dsps=96,
        ),
    ),
    constraints_suffix="cst",
    bitstream_suffix="fs",
    constraints=constraints,
    synthesis=synthesis,
    place=place,
    measured=measured,
    prices=Prices(
        memories=((128, BLOCK), (4, ((4, 16, 1),))),
        least_product=12,
        luts=Luts(base=1363, small=13, muxed=0, register=3.87, product=1.95, sum=2.82),
    ),
    unrolled_prices=UnrolledPrices(
        UnrolledLuts(base=197.9, carry=1, chain=0.3807, gate=0.9906, queue=12.44, bus=1.02),
        UnrolledRegisters(base=408.4, bus=1.327),
    ),
)
