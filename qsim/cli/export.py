"""`qsim export`: a folder of hardware that stands on its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import QsimError
from ..model.file import load
from . import terminal
from .folding import TARGETS, Bits, Pe, Simd, chosen_folding, chosen_interval, part
from .results import write_json
from .terminal import Json


def command(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A model file.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder to write.")] = None,
    pe: Pe = None,
    simd: Simd = None,
    max_bits: Bits = None,
    vectors: Annotated[int, typer.Option(help="Images that the test bench plays.")] = 8,
    name: Annotated[
        str, typer.Option(help="Begins the names of modules, memory files, header and registers.")
    ] = "qsim",
    stream_bytes: Annotated[
        int | None, typer.Option(help="Bytes of a beat of frames, which are then arrays of bytes.")
    ] = None,
    protect: Annotated[
        str, typer.Option(help="Check bits beside each word of weights: none, parity or secded.")
    ] = "none",
    style: Annotated[
        str,
        typer.Option(
            help="folded: takes other models at run time; unrolled: constant weights, an image a cycle, "
            "--simd codes a beat."
        ),
    ] = "folded",
    interval: Annotated[
        int | None,
        typer.Option(help="Unrolled: cycles from one image to the next at most; more are smaller."),
    ] = None,
    control: Annotated[
        str, typer.Option(help="Bus of the registers: axi-lite or wishbone, the latter without boards.")
    ] = "axi-lite",
    target: Annotated[
        str | None, typer.Option(help="With --rate: choose pe and simd, or interval, for this part.")
    ] = None,
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
        facts = part("export.verify").verify(verify)
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
    if rate is not None and style == "unrolled":
        interval = chosen_interval(model, target, rate, interval)
    elif rate is not None:
        pe, simd = chosen_folding(model, target, rate, pe, simd, max_bits)
    manifest = part("export.folder").write(
        model, out, pe, simd, max_bits, vectors, name, stream_bytes, protect, style, interval, control
    )
    console.print(
        f"{out}: {len(manifest['files']) + 1} files; latency {manifest['latency']:,} cycles, "
        f"a frame {part('export.counts').every(manifest['interval'])}",
        soft_wrap=True,
        highlight=False,
    )
    if json:
        write_json(json, "export", manifest)
