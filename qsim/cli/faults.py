"""`qsim faults`: what flipped bits, stuck cells and wrong converters do to a network."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ..attacks import ATTACKS
from ..data import Coding
from ..errors import QsimError
from ..faults import summary, tables
from ..faults.campaigns import Plan, campaign
from ..faults.draw import Space
from ..faults.figures import draw_singles, draw_trials
from ..faults.kinds import KINDS, kind_of
from ..faults.threat import Threat
from ..model.file import load
from ..model.model import Model
from ..robustness.evaluate import check_fit
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .results import write_json
from .terminal import Json, percent


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Models for one data set.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where rows and figure go.")],
    kind: Annotated[list[str], typer.Option(help=f"{', '.join(KINDS)}; repeatable.")] = ["weight-bit"],  # noqa: B006
    rate: Annotated[
        list[float] | None,
        typer.Option(help="Chance of each place to be wrong; repeatable. Without: single flipped bits."),
    ] = None,
    trials: Annotated[int, typer.Option(help="Lists drawn for each rate.")] = 20,
    sample: Annotated[
        int | None, typer.Option(help="Single bits drawn in each layer and bit position; all by default.")
    ] = None,
    epsilon: Annotated[
        float | None, typer.Option(help="With --rate: also attack the inputs, so strongly, in input units.")
    ] = None,
    attack: Annotated[str, typer.Option(help=f"With --epsilon: {', '.join(ATTACKS)}.")] = "strongest",
    certify: Annotated[
        bool, typer.Option("--certify", help="With --epsilon: certify what the attack leaves.")
    ] = False,
    clip_weights: Annotated[
        bool, typer.Option("--clip-weights", help="With --rate: clip weights to their layer's range on load.")
    ] = False,
    data: TestData = None,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    images: Annotated[int, typer.Option(help="The first so many test images.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler to use.")] = None,
    json: Json = None,
) -> None:
    """Flip bits, all one by one or each with a chance: accuracy, and classes silently changed.

    With --epsilon the inputs of each faulty network are attacked too: what is left, and what is certified.
    """
    if out.exists() and not out.is_dir():
        raise QsimError(f"{out} is a file; a folder is needed")
    if images < 1:
        raise QsimError(f"{images} images; 1 or more are needed")
    if certify and epsilon is None:
        raise QsimError("--certify needs --epsilon, the radius in input units")
    threat = None if epsilon is None else Threat(attack, epsilon, certify)
    kinds, rates = tuple(dict.fromkeys(kind)), tuple(dict.fromkeys(rate or ()))
    plan = Plan(kinds, rates, trials, sample, seed, threat, clip_weights)
    models = {file.stem: load(file) for file in files}
    coding = Coding(input_scale, input_bits, clip=input_clip)
    dataset = test_set(data, models[files[0].stem], files[0], coding)
    for model in models.values():
        check_fit(model, dataset)
    console = terminal.console(json)
    with terminal.progress(console) as progress:
        task = progress.add_task("faults", total=None)

        def report(done: int, total: int, name: str) -> None:
            progress.update(task, completed=done, total=total, description=name)

        chosen = dataset.codes[:images], dataset.labels[:images]
        path = campaign(models, *chosen, plan, out, report, scheduler)
    if plan.rates:
        found = summary.trials(tables.read([path]))
        draw_trials(found, out / "figure.png")
    else:
        rows, by_image = tables.read([path]), tables.read([out / "images.parquet"])
        found = summary.singles(rows, by_image, _places(models, plan))
        draw_singles(found, out / "figure.png")
    table = _trials_table(found) if plan.rates else _singles_table(found)
    table.title = f"{min(images, len(dataset.codes)):,} {dataset.name} test images"
    terminal.show(console, table)
    console.print(f"{path} and figure.png beside it", soft_wrap=True, highlight=False)
    if json:
        facts = {
            "data": dataset.name,
            "seed": seed,
            "attack": threat and asdict(threat),
            "clip": clip_weights,
        }
        write_json(json, "faults", {**facts, "rows": found})


def _places(models: dict[str, Model], plan: Plan) -> dict[tuple[str, str, int], int]:
    """How many places each layer has, by digest, kind and layer."""
    return {
        (model.digest, name, index): sites.places
        for model in models.values()
        for name in plan.kinds
        for index, sites, _ in Space(model, kind_of(name)).layers
    }


def _with_ends(row: summary.Row, name: str) -> str:
    """A share in percent with its interval."""
    ends = (100 * row[f"{name}{end}"] for end in ("", "_low", "_high"))
    return "{:.4g} ({:.3g} to {:.3g})".format(*ends)


def _trials_table(rows: list[summary.Row]) -> Any:
    names = {"accuracy": "accuracy", "corrupted": "class changed"} | {
        name: name for name in summary.WITHSTOOD
    }
    names = {name: f"{heading}, %" for name, heading in names.items() if name in rows[0]}
    table = terminal.table("model", "kind", "rate", "trials", "faults", *names.values())
    for row in rows:
        counts = f"{row['rate']:g}", str(row["trials"]), f"{row['faults']:,.1f}"
        shares = (_with_ends(row, name) for name in names)
        table.add_row(row["model"], row["kind"], *counts, *shares)
    return table


def _singles_table(rows: list[summary.Row]) -> Any:
    table = terminal.table(
        "model", "kind", "layer", "bit", "faults", "class changed, %", "harmless", "worst accuracy"
    )
    for row in rows:
        where = ("all", "all") if row["layer"] < 0 else (str(row["layer"]), str(row["bit"]))
        shares = _with_ends(row, "corrupted"), percent(row["harmless"]), percent(row["worst"])
        table.add_row(row["model"], row["kind"], *where, f"{row['faults']:,}", *shares)
    return table
