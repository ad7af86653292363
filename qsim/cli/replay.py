"""`qsim replay`: a list of faults on a model, in the emulator and in the hardware's memories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..data import Coding
from ..errors import QsimError
from ..faults.lists import apply_faults, read
from ..model.file import load
from ..robustness.evaluate import check_fit
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .folding import part
from .results import named, write_json
from .terminal import Json, ModelFile, percent


def command(
    file: ModelFile,
    faults: Annotated[Path, typer.Option("--faults", metavar="FILE", help="A fault list of this model.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the faulty model goes.")] = None,
    rtl: Annotated[
        bool, typer.Option("--rtl", help="Flip the same bits in the RTL; compare every hidden code.")
    ] = False,
    data: TestData = None,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    images: Annotated[int, typer.Option(help="The first so many test images.")] = 1000,
    json: Json = None,
) -> None:
    """Replay a fault list: accuracy and classes changed, the faulty model as a file, and the RTL beside it.

    With --rtl the exit status is 1 if any integer differs.
    """
    if images < 1:
        raise QsimError(f"{images} images; 1 or more are needed")
    model, listed = load(file), read(faults)
    broken = apply_faults(model, listed)
    dataset = test_set(data, model, file, Coding(input_scale, input_bits, clip=input_clip))
    check_fit(model, dataset)
    codes, labels = dataset.codes[:images], dataset.labels[:images]
    classes, usual = broken.predict(codes), model.predict(codes)
    pairs = {"clean": usual == labels, "accuracy": classes == labels, "changed": classes != usual}
    shares = {name: float(holds.mean()) for name, holds in pairs.items()}
    found = part("sim.compare").compare(model, codes, faults=listed) if rtl else None
    console = terminal.console(json)
    table = terminal.table("model", "faults", "faulty model", "images", "clean", "accuracy", "class changed")
    counts = f"{len(listed):,}", broken.digest[:12], f"{len(codes):,}"
    table.add_row(file.stem, *counts, *map(percent, shares.values()))
    terminal.show(console, table)
    if found:
        told = "every integer is the emulator's" if found.equal else found.first
        console.print(f"RTL: {told}", soft_wrap=True, highlight=False)
    if out is not None:
        broken.save(out)
    if json:
        facts = {"faulty": broken.digest, "faults": len(listed), "data": dataset.name, "images": len(codes)}
        compared = None if found is None else {"equal": found.equal, "first": found.first}
        write_json(json, "replay", {**named(file, model), **facts, **shares, "rtl": compared})
    if found and not found.equal:
        raise typer.Exit(1)
