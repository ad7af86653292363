"""`qsim attack`: FGSM, scored on the integers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ..data import Coding
from ..model.file import load
from ..robustness import evaluate
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .results import named, write_json
from .terminal import Json, ModelFile, Strengths, percent


def command(
    file: ModelFile,
    epsilon: Strengths,
    data: TestData = None,
    clip: Annotated[bool, typer.Option(help="Keep attacked inputs inside the input format.")] = True,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    json: Json = None,
) -> None:
    """FGSM: crafted on the float shadow, realised on the input codes, scored on the integers."""
    model = load(file)
    dataset = test_set(data, model, file, Coding(input_scale, input_bits, clip=input_clip))
    rows = evaluate.attacked(model, dataset, epsilon, clip=clip)
    scores = evaluate.clean(model, dataset)
    table = terminal.table("epsilon", "step (LSB)", "integers", "float shadow")
    table.title = f"{file.stem} ({model.digest[:12]}) on {scores.images:,} {dataset.name} test images"
    table.add_row("clean", "0", percent(scores.integer), percent(scores.shadow))
    for row in rows:
        table.add_row(f"{row.epsilon:g}", str(row.step), percent(row.integer), percent(row.shadow))
    table.caption = f"Zero gradient: {percent(rows[0].zero_gradients)} of the images. " + (
        "Attacked inputs are clipped to their format." if clip else "Attacked inputs are not clipped."
    )
    terminal.show(terminal.console(json), table)
    if json:
        figures = {"data": dataset.name, "clean": asdict(scores), "attacked": [asdict(row) for row in rows]}
        write_json(json, "attack", {**named(file, model), **figures})
