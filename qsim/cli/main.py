"""The command line: `qsim train | run | attack | show | map | verilog | export | build | bench | paper`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import bench
from .. import data as data_sets
from ..errors import QsimError
from ..model.file import load
from ..model.model import Model
from ..robustness import evaluate
from ..shadow.network import Network
from ..shadow.quantize import quantize
from ..shadow.train import RECIPES, Recipe, train
from . import hardware, terminal
from .map import command as map_command
from .paper import command as paper_command
from .results import write_json
from .study import command as study_command
from .terminal import Json, Strengths, percent

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Quantized neural networks to the bit: train, run, attack, and generate hardware.",
)
app.command("bench")(bench.command)

app.command("paper")(paper_command)
app.command("study")(study_command)
app.command("map")(map_command)
app.command("export")(hardware.export)
app.command("build")(hardware.build)

ModelFile = Annotated[Path, typer.Argument(metavar="FILE", help="A model file.")]
DataName = Annotated[str, typer.Option("--data", help=f"Test data: {', '.join(data_sets.NAMES)}.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the command `qsim`."""
    terminal.run(app, "qsim", arguments)


def _named(path: Path, model: Model) -> dict[str, Any]:
    return {"model": path.stem, "digest": model.digest}


@app.command("train")
def train_command(
    data: Annotated[str, typer.Argument(metavar="DATA", help=", ".join(data_sets.NAMES))],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the model goes.")],
    bits: Annotated[int, typer.Option(help="Weight bits, 1 to 10.")] = 4,
    activation: Annotated[str, typer.Option(help="step, sigmoid or relu.")] = "relu",
    hidden: Annotated[list[int], typer.Option(help="Hidden width; repeat for more layers.")] = [100],  # noqa: B006
    seed: Annotated[int, typer.Option(help="Of weights, held-out rows and batches.")] = 0,
    grid: Annotated[str, typer.Option(help="odd or twos_complement.")] = "odd",
    hidden_bits: Annotated[int, typer.Option(help="Bits of a hidden code (step has 1).")] = 8,
    json: Json = None,
) -> None:
    """Train a network on rounded weights, freeze it to integers and save it."""
    started = time.perf_counter()
    choices = {"bits": bits, "activation": activation, "hidden": hidden, "seed": seed, "grid": grid}
    network = _train(data, choices, json)
    provenance = {"data": data, "hidden": hidden, "seed": seed}
    provenance["recipe"] = asdict(RECIPES.get(data, Recipe()))
    model = quantize(network, hidden_bits=hidden_bits, provenance=provenance)
    scores = evaluate.clean(model, data_sets.load(data, "test"))
    model.save(out)
    seconds = time.perf_counter() - started
    table = terminal.table("saved", "digest", "shape", "bits", "integers", "float shadow", "seconds")
    shape = "-".join(map(str, model.shape))
    accuracies = percent(scores.integer), percent(scores.shadow)
    table.add_row(out.name, model.digest[:12], shape, str(bits), *accuracies, f"{seconds:.1f}")
    terminal.console(json).print(table)
    if json:
        figures = {**_named(out, model), **choices, **provenance, **asdict(scores), "seconds": seconds}
        write_json(json, "train", figures)


def _train(data: str, choices: dict[str, Any], json: str | None) -> Network:
    """Train, showing epochs, held-out accuracy and the time left at most."""
    with terminal.progress(terminal.console(json)) as progress:
        task = progress.add_task(f"training on {data}", total=None)

        def report(epoch: int, epochs: int, accuracy: float) -> None:
            text = f"epoch {epoch} of at most {epochs}, held-out accuracy {percent(accuracy)}"
            progress.update(task, completed=epoch, total=epochs, description=text)

        return train(data, report=report, **choices)


@app.command()
def run(file: ModelFile, data: DataName = "mnist", json: Json = None) -> None:
    """Classify a test set on the integers."""
    model, dataset = load(file), data_sets.load(data, "test")
    scores = evaluate.clean(model, dataset)
    table = terminal.table("model", "digest", "data", "images", "integers", "float shadow")
    accuracies = percent(scores.integer), percent(scores.shadow)
    table.add_row(file.stem, model.digest[:12], data, f"{scores.images:,}", *accuracies)
    terminal.console(json).print(table)
    if json:
        write_json(json, "run", {**_named(file, model), "data": data, **asdict(scores)})


@app.command()
def attack(
    file: ModelFile,
    epsilon: Strengths,
    data: DataName = "mnist",
    clip: Annotated[bool, typer.Option(help="Keep attacked inputs inside the input format.")] = True,
    json: Json = None,
) -> None:
    """FGSM: crafted on the float shadow, realised on the input codes, scored on the integers."""
    model, dataset = load(file), data_sets.load(data, "test")
    rows = evaluate.attacked(model, dataset, epsilon, clip=clip)
    scores = evaluate.clean(model, dataset)
    table = terminal.table("epsilon", "step (LSB)", "integers", "float shadow")
    table.title = f"{file.stem} ({model.digest[:12]}) on {scores.images:,} {data} test images"
    table.add_row("clean", "0", percent(scores.integer), percent(scores.shadow))
    for row in rows:
        table.add_row(f"{row.epsilon:g}", str(row.step), percent(row.integer), percent(row.shadow))
    table.caption = f"Zero gradient: {percent(rows[0].zero_gradients)} of the images. " + (
        "Attacked inputs are clipped to their format." if clip else "Attacked inputs are not clipped."
    )
    terminal.console(json).print(table)
    if json:
        figures = {"data": data, "clean": asdict(scores), "attacked": [asdict(row) for row in rows]}
        write_json(json, "attack", {**_named(file, model), **figures})


@app.command()
def show(file: ModelFile, json: Json = None) -> None:
    """What a model file holds: layers, grids, accumulator bounds, provenance."""
    model = load(file)
    table = terminal.table("layer", "inputs", "outputs", "weights", "activation", "codes", "accumulator")
    table.title = f"{file.stem} ({model.digest[:12]})"
    for i, (layer, (low, high)) in enumerate(zip(model.layers, model.bounds, strict=True)):
        codes = f"0…{layer.max_code}" if layer.max_code else "logits"
        facts = f"{layer.bits}-bit {layer.grid}", layer.activation or "–", codes, f"{low}…{high}"
        table.add_row(str(i), str(layer.inputs), str(layer.outputs), *facts)
    console = terminal.console(json)
    console.print(table)
    console.print("provenance:", dict(model.provenance))
    if json:
        figures = {**model.description(), "provenance": model.provenance}
        write_json(json, "show", {**_named(file, model), **figures})


@app.command()
def verilog(
    file: ModelFile,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the Verilog.")],
    pe: Annotated[int, typer.Option(help="Neurons computed at once.")] = 10,
    simd: Annotated[int, typer.Option(help="Inputs taken at once.")] = 1,
    json: Json = None,
) -> None:
    """Generate the hardware: Verilog, memory files, latency and initiation interval."""
    model = load(file)
    try:
        generator, shapes = import_module("qsim_rtl.export.verilog"), import_module("qsim_rtl.shape.engine")
    except ModuleNotFoundError as error:
        raise QsimError(f"hardware needs the package {error.name}: pip install 'qsim[rtl]'") from None
    paths = generator.write(model, out, pe=pe, simd=simd)
    timing = shapes.EngineShape.of(model, pe, simd).timing()
    console = terminal.console(json)
    console.print(f"{paths[0]} and {len(paths) - 1} memory files beside it", soft_wrap=True, highlight=False)
    console.print(f"latency {timing.latency:,} cycles, a frame every {timing.interval:,} cycles")
    if json:
        figures = {"files": [str(p) for p in paths], **asdict(timing)}
        write_json(json, "verilog", {**_named(file, model), "pe": pe, "simd": simd, **figures})
