"""`qsim build`: bitstream, resources and Fmax."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import QsimError
from ..model.file import load
from . import terminal
from .folding import TARGETS, Pe, Simd, chosen_folding, part
from .results import write_json
from .terminal import Json


def command(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="An exported folder, or a model file.")],
    target: Annotated[str, typer.Option(help=f"One of {TARGETS}.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="For a model file: folder to export to.")
    ] = None,
    pe: Pe = None,
    simd: Simd = None,
    rate: Annotated[float | None, typer.Option(help="Instead of pe and simd: inferences a second.")] = None,
    json: Json = None,
) -> None:
    """Bitstream, resources and Fmax with yosys and nextpnr; leaves build.json in the folder."""
    builder, console, folder = part("fpga.build"), terminal.console(json), path
    if path.is_file():
        part("fpga.boards").board(target)
        if out is None:
            raise QsimError(f"{path} is a file; --out DIR must name the folder to export it to")
        folder, model = out, load(path)
        part("export.folder").write(model, folder, *chosen_folding(model, target, rate, pe, simd, None))
    elif any(option is not None for option in (out, pe, simd, rate)):
        raise QsimError("--out, --pe, --simd and --rate are for a model file; a folder is built as it is")
    with terminal.progress(console) as progress:
        task = progress.add_task("starting", total=3, completed=-1)

        def report(step: str) -> None:
            progress.update(task, description=step, advance=1)

        facts = builder.build(folder, target, report)
    table = terminal.table(
        "target", "LUT", "FF", "BRAM", "DSP", "Fmax (MHz)", "cycles", "inferences/s", "seconds"
    )
    kinds = ("lut", "ff", "bram", "dsp")
    used = (f"{facts[kind]:,}" for kind in kinds)
    has = ", ".join(f"{facts[f'{kind}_available']:,} {kind.upper()}" for kind in kinds)
    table.caption = f"The part has {has}."
    speed, seconds = f"{facts['inferences_per_s']:,}", f"{sum(facts['seconds'].values()):.0f}"
    table.add_row(target, *used, f"{facts['fmax_mhz']:.1f}", f"{facts['interval']:,}", speed, seconds)
    terminal.show(console, table)
    console.print(f"{folder / facts['bitstream']} for {facts['board']}", soft_wrap=True, highlight=False)
    if json:
        write_json(json, "build", facts)
