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
        part("fpga.family").board(target)
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
    kinds = ("lut", "ff", "bram", "dsp")
    table = terminal.table(
        "target", *(kind.upper() for kind in kinds), "Fmax (MHz)", "cycles", "inferences/s"
    )
    has = ", ".join(f"{facts[f'{kind}_available']:,} {kind.upper()}" for kind in kinds)
    table.caption = f"The part has {has}. Built in {sum(facts['seconds'].values()):.0f} s."
    used = (f"{facts[kind]:,}" for kind in kinds)
    fmax, speed = facts["fmax_mhz"], facts["inferences_per_s"]
    table.add_row(target, *used, known(fmax, ".1f"), f"{facts['interval']:,}", known(speed, ","))
    terminal.show(console, table)
    if facts["board_inferences_per_s"] is not None:
        console.print(
            f"at the board's {facts['board_mhz']:g} MHz {facts['board_inferences_per_s']:,} inferences/s, "
            f"through its serial line {facts['serial_inferences_per_s']:,}",
            soft_wrap=True,
            highlight=False,
        )
    made = folder / facts["bitstream"] if facts["bitstream"] else "no bitstream: synthesis alone"
    console.print(f"{made} for {facts['board']}", soft_wrap=True, highlight=False)
    if json:
        write_json(json, "build", facts)


def known(value: float | None, form: str) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else format(value, form)
