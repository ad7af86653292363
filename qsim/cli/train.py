"""`qsim train`: a network on rounded weights, frozen to integers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import data as data_sets
from ..activations import ACTIVATIONS
from ..data import Coding, Dataset
from ..errors import QsimError
from ..robustness import evaluate
from ..shadow.certified import INTERVAL_RECIPES, IntervalRecipe, train_certified
from ..shadow.network import Network
from ..shadow.quantize import quantize
from ..shadow.train import RECIPES, Recipe, train
from . import terminal
from .datasets import OWN, InputBits, InputClip, InputScale
from .results import named, write_json
from .terminal import Json, percent


def command(
    data: Annotated[str, typer.Argument(metavar="DATA", help=f"{', '.join(data_sets.NAMES)}, {OWN}")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the model goes.")],
    bits: Annotated[int, typer.Option(help="Weight bits, 1 to 10.")] = 4,
    activation: Annotated[str, typer.Option(help=f"Of hidden units: {', '.join(ACTIVATIONS)}.")] = "relu",
    hidden: Annotated[list[int], typer.Option(help="Hidden width; repeat for more layers.")] = [100],  # noqa: B006
    seed: Annotated[int, typer.Option(help="Of weights, held-out rows and batches.")] = 0,
    grid: Annotated[str, typer.Option(help="odd or twos_complement.")] = "odd",
    certify_radius: Annotated[
        int | None, typer.Option(help="Train for certificates at this radius, in LSBs of the input code.")
    ] = None,
    hidden_bits: Annotated[int, typer.Option(help="Bits of a hidden code (step has 1).")] = 8,
    adversarial: Annotated[
        float, typer.Option(help="Train on images attacked with this strength, in input units.")
    ] = 0.0,
    sparsity: Annotated[
        float, typer.Option(help="Share of weights that become 0, with --grid twos_complement.")
    ] = 0.0,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    json: Json = None,
) -> None:
    """Train a network on rounded weights, freeze it to integers and save it."""
    started = time.perf_counter()
    choices = {"bits": bits, "activation": activation, "hidden": hidden, "seed": seed, "grid": grid}
    if certify_radius is not None and (adversarial or sparsity):
        other = "adversarial" if adversarial else "sparsity"
        raise QsimError(f"--{other} and --certify-radius are two ways to train; one is needed")
    coding = Coding(input_scale, input_bits, clip=input_clip)
    trainer: Callable[..., Network]
    recipe: Recipe | IntervalRecipe
    own: dict[str, Any] = {}
    if certify_radius is None:
        trainer = train
        recipe = replace(RECIPES.get(data, Recipe()), adversarial=adversarial, sparsity=sparsity)
    else:
        trainer, recipe = train_certified, INTERVAL_RECIPES.get(data, IntervalRecipe())
        own = {"radius": certify_radius}
    choices |= own
    network = _train(trainer, data_sets.load(data, "train", coding), {**choices, "recipe": recipe}, json)
    provenance = {"data": data, "hidden": hidden, "seed": seed, **own, "recipe": asdict(recipe)}
    model = quantize(network, hidden_bits=hidden_bits, provenance=provenance)
    scores = evaluate.clean(model, data_sets.load(data, "test", coding))
    model.save(out)
    seconds = time.perf_counter() - started
    table = terminal.table("saved", "digest", "shape", "bits", "integers", "float shadow", "seconds")
    shape = "-".join(map(str, model.shape))
    accuracies = percent(scores.integer), percent(scores.shadow)
    table.add_row(out.name, model.digest[:12], shape, str(bits), *accuracies, f"{seconds:.1f}")
    terminal.show(terminal.console(json), table)
    if json:
        figures = {**named(out, model), **choices, **provenance, **asdict(scores), "seconds": seconds}
        write_json(json, "train", figures)


def _train(
    trainer: Callable[..., Network], data: Dataset, choices: dict[str, Any], json: str | None
) -> Network:
    """Train, showing epochs, held-out accuracy and the time left at most."""
    with terminal.progress(terminal.console(json)) as progress:
        task = progress.add_task(f"training on {data.name}", total=None)

        def report(epoch: int, epochs: int, accuracy: float) -> None:
            text = f"epoch {epoch} of at most {epochs}, held-out accuracy {percent(accuracy)}"
            progress.update(task, completed=epoch, total=epochs, description=text)

        return trainer(data, report=report, **choices)
