"""`qsim attack`: FGSM by default, any attack by name, scored on the integers."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..attacks import ATTACKS, Attack, Result, get
from ..attacks.defective import aware_shadow
from ..attacks.losses import LOSSES
from ..attacks.norms import NORMS
from ..data import Coding, Dataset
from ..errors import QsimError
from ..model.container import replacing
from ..model.file import load
from ..model.model import Model
from ..robustness import evaluate
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .results import named, write_json
from .terminal import Json, ModelFile, Strengths, percent


@dataclass(frozen=True)
class Row:
    """One strength of an attack: accuracies are shares of images that it did not break."""

    epsilon: float
    strength: float
    integer: float
    shadow: float
    queries: float
    seconds: float


def command(
    file: ModelFile,
    epsilon: Strengths,
    data: TestData = None,
    attack: Annotated[str | None, typer.Option(help=f"{', '.join(ATTACKS)}; else one step of FGSM.")] = None,
    norm: Annotated[str, typer.Option(help=f"Of the strength: {', '.join(NORMS)}.")] = "inf",
    steps: Annotated[int | None, typer.Option(help="Steps of a start; by default the attack's own.")] = None,
    restarts: Annotated[int | None, typer.Option(help="Starts; by default the attack's own.")] = None,
    seed: Annotated[int, typer.Option(help="Of random starts.")] = 0,
    target: Annotated[int | None, typer.Option(help="The class wanted, from images of others.")] = None,
    loss: Annotated[str | None, typer.Option(help=f"What gradients climb: {', '.join(LOSSES)}.")] = None,
    matched: Annotated[float | None, typer.Option(help="Factor on slopes as wide as the attack.")] = None,
    images: Annotated[int | None, typer.Option(help="The first so many test images; else all.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Attacked codes, as .npz.")] = None,
    clip: Annotated[bool, typer.Option(help="Keep attacked inputs inside the input format.")] = True,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    json: Json = None,
) -> None:
    """Attack a model: crafted on the float shadow, realised on the input codes, scored on the integers.

    Strengths are in input units; with --norm 0 they count inputs. Without --attack it is one step of FGSM on
    every image; with it, images that are wrong from the start are left alone and count as broken, and
    gradients on tiles are those of the weights that the defective cells stand for.
    """
    model = load(file)
    own = Coding(input_scale, input_bits, clip=input_clip)
    dataset = _first(test_set(data, model, file, own), images)
    if attack is None:
        _one_step(file, model, dataset, epsilon, clip, json)
        return
    if not clip:
        raise QsimError("--no-clip goes with FGSM alone; other attacks stay inside the input format")
    if out is not None and len(epsilon) > 1:
        raise QsimError(f"{len(epsilon)} strengths; --out takes the codes of one")
    dataset, targets = _aimed(model, dataset, target)
    options: dict[str, Any] = {"norm": norm, "steps": steps, "restarts": restarts, "seed": seed, "loss": loss}
    options |= {"matched": matched, "targets": targets}
    if any(layer.crossbar for layer in model.layers) and get(attack).white_box:
        options["network"] = aware_shadow(model)
    rows = []
    for strength in epsilon:
        row, result = _run(get(attack), model, dataset, strength, options, json)
        rows.append(row)
        if out is not None:
            _write_codes(out, dataset, result)
    _show(file, model, dataset, get(attack), rows, norm, json)
    if json:
        told = {key: value for key, value in options.items() if key not in ("targets", "network")}
        told |= {"target": target, "gradients": "defective" if "network" in options else "ideal"}
        figures = {"data": dataset.name, "images": len(dataset.codes), "attack": attack, "options": told}
        write_json(json, "attack", {**named(file, model), **figures, "rows": [asdict(row) for row in rows]})


def _first(dataset: Dataset, images: int | None) -> Dataset:
    if images is not None and images < 1:
        raise QsimError(f"{images} images; 1 or more are needed")
    return replace(dataset, codes=dataset.codes[:images], labels=dataset.labels[:images])


def _aimed(model: Model, dataset: Dataset, target: int | None) -> tuple[Dataset, Any]:
    """The images that are of other classes than the target, and the target for each."""
    evaluate.check_fit(model, dataset)
    if target is None:
        return dataset, None
    if not 0 <= target < model.classes:
        raise QsimError(f"target is {target}; a class from 0 to {model.classes - 1} is needed")
    others = dataset.labels != target
    kept = replace(dataset, codes=dataset.codes[others], labels=dataset.labels[others])
    return kept, np.full(len(kept.codes), target)


def _run(
    attack: Attack, model: Model, dataset: Dataset, epsilon: float, options: dict[str, Any], json: str | None
) -> tuple[Row, Result]:
    """One strength, showing images broken and the time left."""
    with terminal.progress(terminal.console(json)) as progress:
        task = progress.add_task(f"{attack.name} at {epsilon:g}", total=len(dataset.codes))

        def report(done: int, images: int, broken: int) -> None:
            text = f"{attack.name} at {epsilon:g}, {broken:,} images broken"
            progress.update(task, completed=done, total=images, description=text)

        started = time.perf_counter()
        result = attack(model, dataset.codes, dataset.labels, epsilon, report=report, **options)
        seconds = time.perf_counter() - started
    left = result.robust_accuracy, float(1 - result.shadow_success.mean())
    return Row(epsilon, float(result.lsb), *left, float(result.queries.mean()), seconds), result


def _show(
    file: Path, model: Model, dataset: Dataset, attack: Attack, rows: list[Row], norm: str, json: str | None
) -> None:
    unit = NORMS[norm].unit
    table = terminal.table("epsilon", unit, "integers", "float shadow", "queries an image", "seconds")
    about = f"{len(dataset.codes):,} {dataset.name} test images"
    table.title = f"{attack.name} on {file.stem} ({model.digest[:12]}), {about}"
    for row in rows:
        accuracies = percent(row.integer), percent(row.shadow)
        table.add_row(
            f"{row.epsilon:g}", f"{row.strength:.5g}", *accuracies, f"{row.queries:.0f}", f"{row.seconds:.1f}"
        )
    table.caption = "Shares of images that the attack did not break."
    terminal.show(terminal.console(json), table)


def _write_codes(path: Path, dataset: Dataset, result: Result) -> None:
    """Codes, labels and success, completely or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, codes=result.codes, labels=dataset.labels, success=result.success)


def _one_step(
    file: Path, model: Model, dataset: Dataset, epsilons: list[float], clip: bool, json: str | None
) -> None:
    """FGSM at all strengths, on every image."""
    rows = evaluate.attacked(model, dataset, epsilons, clip=clip)
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
