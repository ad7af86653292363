"""The commands that make hardware: `qsim export` and `qsim build`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import QsimError
from ..model.file import load
from ..model.model import Model
from . import terminal
from .results import write_json
from .terminal import Json

Pe = Annotated[int | None, typer.Option(help="Neurons computed at once; 10 by default.")]
Simd = Annotated[int | None, typer.Option(help="Inputs taken at once; 1 by default.")]
Bits = Annotated[int | None, typer.Option(help="Widest weights that may be loaded later.")]
TARGETS = "ecp5-25k, ecp5-85k, up5k, gw2a-18"


def _part(name: str) -> Any:
    try:
        return import_module(f"qsim_rtl.{name}")
    except ModuleNotFoundError as error:
        raise QsimError(f"hardware needs the package {error.name}: pip install 'qsim[rtl]'") from None


def _folding(
    model: Model, target: str | None, rate: float | None, pe: int | None, simd: int | None, bits: int | None
) -> tuple[int, int]:
    """The pe and simd that are asked for, or the cheapest that give a rate on a part."""
    if rate is None:
        return 10 if pe is None else pe, 1 if simd is None else simd
    if pe is not None or simd is not None:
        raise QsimError("--rate chooses the folding; --pe and --simd cannot be given beside it")
    price = _part("fpga.cost").choose(model, target, rate, bits)
    return price.pe, price.simd


def export(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A model file.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder to write.")] = None,
    pe: Pe = None,
    simd: Simd = None,
    max_bits: Bits = None,
    vectors: Annotated[int, typer.Option(help="Images that the test bench plays.")] = 8,
    target: Annotated[str | None, typer.Option(help="With --rate: choose pe and simd for this part.")] = None,
    rate: Annotated[float | None, typer.Option(help="Inferences a second at the board's clock.")] = None,
    verify: Annotated[
        Path | None, typer.Option("--verify", metavar="DIR", help="Check a folder against its model.")
    ] = None,
    json: Json = None,
) -> None:
    """Write a folder that stands on its own: Verilog, memories, test bench, boards, weights, manifest."""
    console = terminal.console(json)
    if verify is not None:
        if file is not None or out is not None:
            raise QsimError("--verify takes one folder and neither FILE nor --out")
        facts = _part("export.verify").verify(verify)
        made = (
            "made anew, all bytes are equal" if facts["regenerated"] else "not made anew: other tool versions"
        )
        console.print(
            f"{verify} holds model {facts['digest'][:12]}: "
            f"{facts['files']} files, {facts['values']:,} values; {made}",
            soft_wrap=True,
            highlight=False,
        )
        if json:
            write_json(json, "export", facts)
        return
    if file is None or out is None:
        raise QsimError("a model FILE and --out DIR are needed, or --verify DIR")
    if (rate is None) != (target is None):
        raise QsimError(f"--rate and --target choose the folding together; targets are {TARGETS}")
    model = load(file)
    folding = _folding(model, target, rate, pe, simd, max_bits)
    manifest = _part("export.folder").write(model, out, *folding, max_bits, vectors)
    console.print(
        f"{out}: {len(manifest['files']) + 1} files; latency {manifest['latency']:,} cycles, "
        f"a frame every {manifest['interval']:,} cycles",
        soft_wrap=True,
        highlight=False,
    )
    if json:
        write_json(json, "export", manifest)


def build(
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
    builder, console, folder = _part("fpga.build"), terminal.console(json), path
    if path.is_file():
        _part("fpga.boards").board(target)
        if out is None:
            raise QsimError(f"{path} is a file; --out DIR must name the folder to export it to")
        folder, model = out, load(path)
        _part("export.folder").write(model, folder, *_folding(model, target, rate, pe, simd, None))
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
    console.print(table)
    console.print(f"{folder / facts['bitstream']} for {facts['board']}", soft_wrap=True, highlight=False)
    if json:
        write_json(json, "build", facts)
