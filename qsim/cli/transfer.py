"""`qsim transfer`: what breaks one network, tried on others."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..attacks import ATTACKS, get
from ..attacks.transfer import Row, transfer
from ..attacks.transfer_figure import check_name, draw
from ..data import Coding
from ..errors import QsimError
from ..model.file import load
from ..robustness.evaluate import check_fit
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .results import write_json
from .terminal import Json, percent


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Models for the same data.")],
    epsilon: Annotated[float, typer.Option(help="Strength in input units, norm inf.")],
    data: TestData = None,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    attack: Annotated[str, typer.Option(help=f"One of {', '.join(ATTACKS)}.")] = "pgd",
    images: Annotated[int, typer.Option(help="The first so many test images.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of random starts.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The matrix as .png or .svg.")] = None,
    json: Json = None,
) -> None:
    """Attack each model and score all of them on what was found: the transfer matrix."""
    if images < 1:
        raise QsimError(f"{images} images; 1 or more are needed")
    if out is not None:
        check_name(out)
    models = {file.stem: load(file) for file in files}
    if len(models) < len(files):
        raise QsimError("two models have the same name; rows could not be told apart")
    coding = Coding(input_scale, input_bits, clip=input_clip)
    dataset = test_set(data, models[files[0].stem], files[0], coding)
    for model in models.values():
        check_fit(model, dataset)
    codes, labels = dataset.codes[:images], dataset.labels[:images]
    rows: list[Row] = []
    with terminal.progress(terminal.console(json)) as progress:
        task = progress.add_task("attacks", total=len(models) ** 2)
        for row in transfer(models, codes, labels, epsilon, attack=get(attack), seed=seed):
            rows.append(row)
            progress.update(task, advance=1, description=f"crafted on {row.crafted}")
    table = terminal.table("crafted on", *models)
    table.title = f"{attack} at {epsilon:g}, {len(codes):,} {dataset.name} test images: accuracy of"
    for name in ("clean", *models):
        own = [row for row in rows if row.crafted == (files[0].stem if name == "clean" else name)]
        table.add_row(name, *(percent(row.clean if name == "clean" else row.accuracy) for row in own))
    terminal.show(terminal.console(json), table)
    if out is not None:
        draw(rows, f"{table.title.removesuffix(' of')} in %", out)
    if json:
        digests = {name: model.digest for name, model in models.items()}
        figures = {"data": dataset.name, "images": len(codes), "attack": attack, "epsilon": epsilon}
        write_json(json, "transfer", {**figures, "digests": digests, "rows": [asdict(row) for row in rows]})
