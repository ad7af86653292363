"""What turns an export into a bitstream: the open tools' command lines, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .family import family
from .part import Board, Commands


def commands(board: Board, manifest: Mapping[str, Any], tools: str = "yowasp-") -> Commands:
    """The command of each step, in order; all run in the folder of the export and write into `build/`.

    `tools` stands before the names of yosys, nextpnr and the packers. A family that no free tool
    places has synthesis alone.
    """
    kind, name = family(board.target), manifest["name"]
    files = kind.files(board)
    products = sum(pe * simd for pe, simd in zip(manifest["pe"], manifest["simd"], strict=True))
    synthesis = kind.synthesis(files, uses_dsp(board, manifest["bits"], products))
    sources = f"board_{board.target}.v {name}.v {name}_uart.v"
    steps = {"synthesis": ["@yosys", "-q", "-p", f"read_verilog {sources}; {synthesis}"]}
    steps |= kind.place(board, files)
    if manifest["style"] == "unrolled" and kind.unrolled_options:
        steps["place and route"] += kind.unrolled_options
    return {
        step: [f"{tools}{tool[1:]}" if tool.startswith("@") else tool, *options]
        for step, (tool, *options) in steps.items()
    }


def uses_dsp(board: Board, bits: int, products: int) -> bool:
    """Whether products go to DSP blocks: where there are enough, and a family's blocks are worth the way."""
    return products <= board.dsps and bits > family(board.target).dsp_beyond
