"""`qsim verilog`: the engine alone, without the folder that `qsim export` writes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..model.file import load
from . import terminal
from .folding import part
from .results import named, write_json
from .terminal import Json, ModelFile


def command(
    file: ModelFile,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the Verilog.")],
    pe: Annotated[int, typer.Option(help="Neurons computed at once.")] = 10,
    simd: Annotated[int, typer.Option(help="Inputs taken at once.")] = 1,
    json: Json = None,
) -> None:
    """Generate the hardware: Verilog, memory files, latency and initiation interval."""
    model = load(file)
    generator, shapes = part("export.verilog"), part("shape.engine")
    paths = generator.write(model, out, pe=pe, simd=simd)
    timing = shapes.EngineShape.of(model, pe, simd).timing()
    console = terminal.console(json)
    console.print(f"{paths[0]} and {len(paths) - 1} memory files beside it", soft_wrap=True, highlight=False)
    often = part("export.counts").every(timing.interval)
    console.print(f"latency {timing.latency:,} cycles, a frame {often}")
    if json:
        figures = {"files": [str(p) for p in paths], **asdict(timing)}
        write_json(json, "verilog", {**named(file, model), "pe": pe, "simd": simd, **figures})
