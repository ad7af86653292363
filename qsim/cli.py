"""The command line: `qsim train | run | attack | show | verilog | bench | paper`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from . import bench as bench_module
from . import data as data_sets
from .machine import kernel
from .machine.errors import QsimError
from .machine.model import Model, load
from .paper.command import command as paper_command
from .results import write_json
from .robustness import evaluate
from .shadow.quantize import quantize
from .shadow.train import RECIPES, Recipe, train

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Quantized neural networks to the bit: train, run, attack, and generate hardware.",
)

app.command("paper")(paper_command)

ModelFile = Annotated[Path, typer.Argument(metavar="FILE", help="A model file.")]
DataName = Annotated[str, typer.Option("--data", help=f"Test data: {', '.join(data_sets.NAMES)}.")]
Json = Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write the figures; - is stdout.")]
Strengths = Annotated[list[float], typer.Option("--epsilon", help="Strength in input units; repeatable.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a user's mistake is one sentence and exit status 2."""
    try:
        app(arguments, prog_name="qsim")
    except QsimError as error:
        print(f"qsim: {error}", file=sys.stderr)
        sys.exit(2)


def _console(json: str | None) -> Console:
    """Where tables go: standard error if the JSON has standard output."""
    return Console(stderr=json == "-")


def _named(path: Path, model: Model) -> dict[str, Any]:
    return {"model": path.stem, "digest": model.digest}


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


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
    console = _console(json)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    started = time.perf_counter()
    best = 0.0
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"training on {data}", total=None)

        def report(epoch: int, epochs: int, accuracy: float) -> None:
            nonlocal best
            best = max(best, accuracy)
            text = f"epoch {epoch} of at most {epochs}, held-out accuracy {percent(accuracy)}"
            progress.update(task, completed=epoch, total=epochs, description=text)

        network = train(
            data,
            bits=bits,
            activation=activation,
            hidden=hidden,
            seed=seed,
            grid=grid,
            report=report,
        )
    provenance = {
        "data": data,
        "seed": seed,
        "hidden": hidden,
        "recipe": asdict(RECIPES.get(data, Recipe())),
        "held_out_accuracy": best,
    }
    model = quantize(network, hidden_bits=hidden_bits, provenance=provenance)
    scores = evaluate.clean(model, data_sets.load(data, "test"))
    model.save(out)
    table = _table("saved", "digest", "shape", "bits", "test accuracy", "float shadow", "seconds")
    seconds = time.perf_counter() - started
    shape = "-".join(map(str, model.shape))
    table.add_row(
        str(out),
        model.digest[:12],
        shape,
        str(bits),
        percent(scores.integer),
        percent(scores.shadow),
        f"{seconds:.1f}",
    )
    console.print(table)
    if json:
        figures = {**_named(out, model), **provenance, **asdict(scores), "seconds": seconds}
        write_json(json, "train", figures)


@app.command()
def run(file: ModelFile, data: DataName = "mnist", json: Json = None) -> None:
    """Classify a test set on the integers."""
    model, dataset = load(file), data_sets.load(data, "test")
    scores = evaluate.clean(model, dataset)
    table = _table("model", "digest", "data", "images", "integers", "float shadow")
    table.add_row(
        file.stem,
        model.digest[:12],
        data,
        f"{scores.images:,}",
        percent(scores.integer),
        percent(scores.shadow),
    )
    _console(json).print(table)
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
    table = _table("epsilon", "step (LSB)", "integers", "float shadow")
    table.title = f"{file.stem} ({model.digest[:12]}) on {scores.images:,} {data} test images"
    table.add_row("clean", "0", percent(scores.integer), percent(scores.shadow))
    for row in rows:
        table.add_row(f"{row.epsilon:g}", str(row.step), percent(row.integer), percent(row.shadow))
    table.caption = f"zero gradient: {percent(rows[0].zero_gradients)} of the images; " + (
        "attacked inputs clipped to their format" if clip else "attacked inputs not clipped"
    )
    _console(json).print(table)
    if json:
        figures = {"data": data, "clean": asdict(scores), "attacked": [asdict(row) for row in rows]}
        write_json(json, "attack", {**_named(file, model), **figures})


@app.command()
def show(file: ModelFile, json: Json = None) -> None:
    """What a model file holds: layers, grids, accumulator bounds, provenance."""
    model = load(file)
    header = model.description()
    table = _table("layer", "inputs", "outputs", "weights", "activation", "codes", "accumulator")
    table.title = f"{file.stem} ({model.digest[:12]})"
    for i, (layer, (low, high)) in enumerate(zip(model.layers, model.bounds, strict=True)):
        table.add_row(
            str(i),
            str(layer.inputs),
            str(layer.outputs),
            f"{layer.bits}-bit {layer.grid}",
            layer.activation or "–",
            f"0…{layer.levels}" if layer.levels else "logits",
            f"{low}…{high}",
        )
    console = _console(json)
    console.print(table)
    console.print("provenance:", dict(model.provenance))
    if json:
        write_json(json, "show", {**_named(file, model), **header, "provenance": model.provenance})


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
    report = _rtl("verilog").write(model, out, pe=pe, simd=simd)
    table = _table("written", "latency (cycles)", "initiation interval (cycles)")
    table.add_row(str(out), f"{report.timing.latency:,}", f"{report.timing.interval:,}")
    _console(json).print(table)
    if json:
        figures = {"files": [str(p) for p in report.paths], **asdict(report.timing)}
        write_json(json, "verilog", {**_named(file, model), "pe": pe, "simd": simd, **figures})


def _rtl(module: str) -> Any:
    """A module of the RTL package, whose dependencies are an extra."""
    from importlib import import_module

    try:
        return import_module(f"rtl.{module}")
    except ModuleNotFoundError as error:
        raise QsimError(f"hardware needs the package {error.name}: pip install 'qsim[rtl]'") from None


@app.command()
def bench(
    files: Annotated[list[Path] | None, typer.Argument(help="Model files; else all in models/.")] = None,
    epsilon: Strengths = list(bench_module.EPSILONS),  # noqa: B006
    rtl: Annotated[bool, typer.Option("--rtl", help="Compare with the RTL, in process.")] = False,
    json: Json = None,
) -> None:
    """Run all models: accuracy clean and attacked, equality with spec and RTL, speed."""
    console = _console(json)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("loading", total=None)

        def report(file: Path, done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, description=file.stem)

        rows, remarks = bench_module.run(files or bench_module.model_files(), epsilon, rtl, report)
    console.print(_bench_table(rows, epsilon))
    for remark in remarks:
        console.print(remark, style="yellow", highlight=False)
    if json:
        write_json(json, "bench", bench_module.figures(rows, remarks))
    if wrong := bench_module.failures(rows):
        raise QsimError(f"not the integers of the spec or of the hardware: {', '.join(wrong)}")


def _bench_table(rows: Sequence[bench_module.Row], epsilons: Sequence[float]) -> Table:
    hardware = any(row.rtl for row in rows)
    headings = ["model", "shadow", "integers", *(f"ε={e:g}" for e in epsilons), "=spec"]
    headings += ["=RTL"] if hardware else []
    table = _table(*headings, "M/s", "×BLAS")
    table.caption = (
        "Test accuracy in %: float shadow, integers, integers under FGSM of strength ε. "
        + ("=RTL: images whose every hidden code and logit the hardware gave too. " if hardware else "")
        + f"M/s: million images a second on {kernel.threads()} threads, and × a float32 BLAS forward pass."
    )
    for row in rows:
        rtl = row.rtl and (f"{row.rtl['images']:,}" if not row.rtl["mismatches"] else "NO")
        accuracies = [row.clean.shadow, row.clean.integer, *(a.integer for a in row.attacked)]
        table.add_row(
            row.model,
            *("–" if a is None else f"{100 * a:.1f}" for a in accuracies),
            "yes" if row.matches_spec else "NO",
            *([rtl or "–"] if hardware else []),
            f"{row.images_per_second / 1e6:.2f}",
            f"{row.images_per_second / row.blas_images_per_second:.1f}",
        )
    return table


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption_justify="left")
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left", overflow="fold", no_wrap=True)
    return table
