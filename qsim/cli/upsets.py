"""`qsim upsets`: what a bit of a register that flips for once does to the hardware's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..data import Coding
from ..errors import QsimError
from ..faults import tables
from ..model.file import load
from ..robustness.evaluate import check_fit
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .folding import Pe, Simd, part
from .results import named, write_json
from .terminal import Json, ModelFile

COLUMNS = ("register", "bit", "cycle", "kind", "outcome")


def command(
    file: ModelFile,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where upsets.parquet goes.")],
    samples: Annotated[int, typer.Option(help="Upsets of each class of registers.")] = 1000,
    pe: Pe = None,
    simd: Simd = None,
    protect: Annotated[
        str, typer.Option(help="Check bits beside each word of weights: none, parity or secded.")
    ] = "none",
    data: TestData = None,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    images: Annotated[int, typer.Option(help="Test images sent one after another, the first ones.")] = 4,
    seed: Annotated[int, typer.Option(help="Of registers, bits and cycles.")] = 0,
    json: Json = None,
) -> None:
    """Flip bits of the RTL's registers, each for once in a cycle of its own: masked, silent or detected."""
    if out.exists() and not out.is_dir():
        raise QsimError(f"{out} is a file; a folder is needed")
    if images < 1:
        raise QsimError(f"{images} images; 1 or more are needed")
    tables.arrow()  # if it is missing, say so before the work
    model, upsets = load(file), part("sim.upsets")
    plan = upsets.Plan(10 if pe is None else pe, 1 if simd is None else simd, protect, samples, seed)
    dataset = test_set(data, model, file, Coding(input_scale, input_bits, clip=input_clip))
    check_fit(model, dataset)
    console = terminal.console(json)
    with terminal.progress(console) as progress:
        task = progress.add_task("upsets", total=None)

        def report(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        rows, bits = upsets.campaign(model, dataset.codes[:images], plan, report)
    columns = {name: np.array([row[name] for row in rows]) for name in COLUMNS}
    tables.write(columns, out / "upsets.parquet")
    found = upsets.summary(rows, bits)
    table = _table(found, tuple(upsets.OUTCOMES))
    table.title = f"{file.stem} ({model.digest[:12]}), pe {plan.pe}, simd {plan.simd}, protection {protect}"
    terminal.show(console, table)
    console.print(f"{out / 'upsets.parquet'}", soft_wrap=True, highlight=False)
    if json:
        facts = {"data": dataset.name, "images": min(images, len(dataset.codes)), "seed": seed}
        facts |= {"pe": plan.pe, "simd": plan.simd, "protection": protect}
        write_json(json, "upsets", {**named(file, model), **facts, "rows": found})


def _table(rows: list[dict[str, Any]], outcomes: tuple[str, ...]) -> Any:
    table = terminal.table("registers", "bits", "upsets", *(f"{outcome}, %" for outcome in outcomes))
    for row in rows:
        shares = []
        for outcome in outcomes:
            ends = (100 * row[f"{outcome}{end}"] for end in ("", "_low", "_high"))
            shares.append("{:.1f} ({:.1f} to {:.1f})".format(*ends))
        table.add_row(row["kind"], f"{row['bits']:,}", f"{row['upsets']:,}", *shares)
    return table
