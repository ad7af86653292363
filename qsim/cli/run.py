"""`qsim run`: a test set classified on the integers."""

from __future__ import annotations

from dataclasses import asdict

from ..data import Coding
from ..model.file import load
from ..robustness import evaluate
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .results import named, write_json
from .terminal import Json, ModelFile, percent


def command(
    file: ModelFile,
    data: TestData = None,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    json: Json = None,
) -> None:
    """Classify a test set on the integers."""
    model = load(file)
    dataset = test_set(data, model, file, Coding(input_scale, input_bits, clip=input_clip))
    scores = evaluate.clean(model, dataset)
    table = terminal.table("model", "digest", "data", "images", "integers", "float shadow")
    accuracies = percent(scores.integer), percent(scores.shadow)
    table.add_row(file.stem, model.digest[:12], dataset.name, f"{scores.images:,}", *accuracies)
    terminal.show(terminal.console(json), table)
    if json:
        write_json(json, "run", {**named(file, model), "data": dataset.name, **asdict(scores)})
