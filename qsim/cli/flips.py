"""`qsim flips`: the fewest flipped bits that ruin a network, beside random ones."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer

from ..data import Coding
from ..errors import QsimError
from ..faults import lists, tables
from ..faults.figures import draw_flips
from ..faults.search import SEARCHED, Flips, Goal, chance, flip_attack, random_flips
from ..model.file import load
from ..model.model import Model
from ..robustness.evaluate import check_fit
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .results import write_json
from .terminal import Json, percent

Row = dict[str, Any]


def command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Models of ideal layers, or for cell-bit on tiles."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where rows, lists and figure go.")],
    kind: Annotated[list[str], typer.Option(help=f"{', '.join(SEARCHED)}; repeatable.")] = ["weight-bit"],  # noqa: B006
    budget: Annotated[int, typer.Option(help="Flips at most.")] = 100,
    target: Annotated[int | None, typer.Option(help="Class that all images shall get; else any.")] = None,
    data: TestData = None,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    crafting: Annotated[
        int, typer.Option(help="Test images that flips are chosen by, the first ones.")
    ] = 256,
    images: Annotated[
        int, typer.Option(help="Test images that the result is scored on, the next ones.")
    ] = 2000,
    seeds: Annotated[int, typer.Option(help="Orders of random flips; 0 for none.")] = 3,
    json: Json = None,
) -> None:
    """Bit-flip attack: gradients of the shadow propose, exact integers choose, until chance is left."""
    if out.exists() and not out.is_dir():
        raise QsimError(f"{out} is a file; a folder is needed")
    if crafting < 1 or images < 1 or seeds < 0:
        raise QsimError(f"{crafting} and {images} images, {seeds} seeds; 1 or more, and 0 or more are needed")
    tables.arrow()
    models = {file.stem: load(file) for file in files}
    coding = Coding(input_scale, input_bits, clip=input_clip)
    dataset = test_set(data, models[files[0].stem], files[0], coding)
    for model in models.values():
        check_fit(model, dataset)
    if crafting >= len(dataset.codes):
        raise QsimError(
            f"{crafting} images to choose by of {len(dataset.codes)}; some must be left to score on"
        )
    own = dataset.codes[:crafting], dataset.labels[:crafting]
    rest = slice(crafting, crafting + images)
    scored, goal = (dataset.codes[rest], dataset.labels[rest]), Goal(target)
    console, told, rows = terminal.console(json), [], []
    with terminal.progress(console) as progress:
        task = progress.add_task("flips", total=len(models) * len(kind))
        for name, model in models.items():
            for each in dict.fromkeys(kind):
                progress.update(task, description=f"{name} {each}")
                found = flip_attack(model, own, scored, each, budget, goal)
                orders = [random_flips(model, scored, each, seed, goal) for seed in range(seeds)]
                faults = lists.of_model(model, {each: found.table})
                lists.write(faults, out / f"{name}-{each}.csv")
                rows += _curves(name, model, found, orders)
                told.append(_row(name, model, found, orders))
                progress.advance(task)
    tables.write(
        {column: np.array([row[column] for row in rows]) for column in rows[0]}, out / "flips.parquet"
    )
    draw_flips(rows, chance(scored[1]), out / "figure.png")
    table = _table(told)
    table.title = f"chosen by {crafting:,} {dataset.name} test images, scored on {len(scored[1]):,} others"
    table.caption = f"A constant answer gets {percent(chance(scored[1]))} right."
    terminal.show(console, table)
    console.print(
        f"{out / 'flips.parquet'}, figure.png and fault lists beside it", soft_wrap=True, highlight=False
    )
    if json:
        facts = {"data": dataset.name, "crafting": crafting, "images": len(scored[1]), "target": target}
        write_json(json, "flips", {**facts, "seeds": seeds, "budget": budget, "rows": told})


def _curves(name: str, model: Model, found: Flips, orders: list[list[tuple[int, float, bool]]]) -> list[Row]:
    """Accuracy after so many flips, of the attack and of each random order."""
    first = model.layers[0]
    own = {"model": name, "digest": model.digest, "bits": first.bits, "activation": first.activation or ""}
    own["kind"] = found.kind
    attack = [(k, share) for k, share in enumerate(found.accuracy.tolist())]
    random = [[(0, found.accuracy[0].item()), *((k, share) for k, share, _ in order)] for order in orders]
    return [
        {**own, "order": order, "flips": k, "accuracy": share}
        for order, curve in (("attack", attack), *((f"random {i}", curve) for i, curve in enumerate(random)))
        for k, share in curve
    ]


def _row(name: str, model: Model, found: Flips, orders: list[list[tuple[int, float, bool]]]) -> Row:
    """How many flips it took; None where the budget was not enough."""
    ruined = [order[-1][0] for order in orders if order[-1][2]]
    return {
        "model": name,
        "digest": model.digest,
        "bits": model.layers[0].bits,
        "activation": model.layers[0].activation,
        "kind": found.kind,
        "flips": len(found.table) if found.done else None,
        "clean": found.accuracy[0].item(),
        "accuracy": found.accuracy[-1].item(),
        "hits": found.hits[-1].item(),
        "random": median(ruined) if orders and len(ruined) == len(orders) else None,
        "random_each": ruined,
        "sites": found.table.tolist(),
    }


def _table(rows: list[Row]) -> Any:
    table = terminal.table(
        "model", "kind", "clean", "attack: flips", "accuracy", "one class", "random: flips"
    )
    for row in rows:
        flips = "more" if row["flips"] is None else f"{row['flips']:,}"
        random = "–" if row["random"] is None else f"{row['random']:,.0f}"
        shares = percent(row["accuracy"]), percent(row["hits"])
        table.add_row(row["model"], row["kind"], percent(row["clean"]), flips, *shares, random)
    return table
