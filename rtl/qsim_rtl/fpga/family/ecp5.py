"""Lattice ECP5: yosys, nextpnr-ecp5, ecppack."""

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

CELLS = {"lut": ["TRELLIS_COMB"], "ff": ["TRELLIS_FF"], "bram": ["DP16KD"], "dsp": ["MULT18X18D"]}
PINS = {"clk": "G2", "rx": "M1", "tx": "L4", "led": "B2"}
WIFI = {"wifi_gpio0": ("L2", 1)}  # low would restart the board's other processor


def constraints(board: Board) -> str:
    places = "".join(
        f'LOCATE COMP "{name}" SITE "{pin}";\nIOBUF PORT "{name}" IO_TYPE=LVCMOS33;\n'
        for name, pin in board.places.items()
    )
    return f'{places}FREQUENCY PORT "clk" {board.clock / 1e6:g} MHZ;\n'


def synthesis(files: Files, dsp: bool) -> str:
    return f"synth_ecp5 -no-rw-check{'' if dsp else ' -nodsp'} -top board; {FLAT} {files.stem}.json"


def place(board: Board, files: Files) -> Commands:
    config = f"{files.stem}.config"
    options = [*nextpnr.options(files), "--lpf", files.constraints, "--freq", "100", "--textcfg", config]
    return {
        "place and route": ["@nextpnr-ecp5", *board.part, *options],
        "bitstream": ["@ecppack", "--compress", config, files.bitstream],
    }


def measured(folder: Path, board: Board, files: Files) -> dict[str, Any]:
    return nextpnr.measured(folder, files, CELLS)


def ulx3s(size: str, luts: int, block_rams: int, dsps: int) -> Board:
    """The ULX3S with a part of a size."""
    return Board(
        target=f"ecp5-{size}k",
        name=f"ULX3S {size}F",
        part=(f"--{size}k", "--package", "CABGA381", "--speed", "6"),
        clock=25_000_000,
        pins=PINS,
        luts=luts,
        block_rams=block_rams,
        block_bits=18432,
        dsps=dsps,
        constants=WIFI,
    )


BLOCK = (36, 512, 9), (18, 1024, 9), (9, 2048, 9), (4, 4096, 4), (2, 8192, 2), (1, 16384, 1)
FAMILY = Family(
    name="ecp5",
    boards=(ulx3s("25", 24288, 56, 28), ulx3s("85", 83640, 208, 156)),
    constraints_suffix="lpf",
    bitstream_suffix="bit",
    constraints=constraints,
    synthesis=synthesis,
    place=place,
    measured=measured,
    dsp_beyond=4,  # smaller products are faster in LUTs than the way to a block and back
    prices=Prices(
        memories=((128, BLOCK), (4, ((4, 16, 4),))),
        least_product=9,
        luts=Luts(base=1998, small=8.65, muxed=1.62, register=0.05, product=3.34, sum=0.29),
    ),
    unrolled_prices=UnrolledPrices(
        UnrolledLuts(base=746.7, carry=1, chain=4.349, gate=0.984, queue=19.35, bus=0),
        UnrolledRegisters(base=853.7, bus=0.6595),
    ),
    # The other placer leaves a fifth more wire; the other router takes hours for tens of thousands of nets.
    unrolled_options=("--placer", "static", "--router", "router2"),
)
