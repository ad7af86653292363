"""`qsim study`: what crossbars and their defects do to accuracy, clean and attacked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..attacks import ATTACKS, get
from ..data import Coding
from ..errors import QsimError
from ..model.container import replacing
from ..model.file import load
from ..robustness.evaluate import check_fit
from ..study.defects import PROPERTIES, rows
from ..study.figures import draw, gains, summary
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .results import write_json
from .terminal import Json


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Models of ideal layers.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where rows and figure go.")],
    data: TestData = None,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    epsilon: Annotated[float, typer.Option(help="Strength of the attack, in input units.")] = 0.05,
    images: Annotated[int, typer.Option(help="The first so many test images.")] = 500,
    seeds: Annotated[int, typer.Option(help="How often cells are drawn.")] = 3,
    attack: Annotated[
        str | None, typer.Option(help=f"{', '.join(ATTACKS)}; else one step without saturation.")
    ] = None,
    json: Json = None,
) -> None:
    """Vary one property of the tiles at a time: rows.parquet, figure.png, and what acts like a defence."""
    if images < 1 or seeds < 1:
        raise QsimError(f"{images} images and {seeds} seeds; 1 or more of both are needed")
    if out.exists() and not out.is_dir():
        raise QsimError(f"{out} is a file; a folder is needed")
    chosen = None if attack is None else get(attack)
    arrow()  # if it is missing, say so before the work
    models = [load(file) for file in files]
    dataset = test_set(data, models[0], files[0], Coding(input_scale, input_bits, clip=input_clip))
    for file, model in zip(files, models, strict=True):
        if model.mapped:
            raise QsimError(f"{file}: already on crossbar tiles; a model of ideal layers is needed")
        check_fit(model, dataset)
    codes, labels = dataset.codes[:images], dataset.labels[:images]
    found: list[dict[str, Any]] = []
    each = 3 * sum(len(k.values) * (seeds if k.random else 1) for k in PROPERTIES)
    console = terminal.console(json)
    with terminal.progress(console) as progress:
        task = progress.add_task("crossbars", total=each * len(models))
        for file, model in zip(files, models, strict=True):
            for row in rows(file.stem, model, codes, labels, epsilon, seeds, chosen):
                found.append(row)
                progress.update(task, advance=1, description=f"{file.stem} {row['property']}")
    write(found, out / "rows.parquet")
    draw(read(out / "rows.parquet"), out / "figure.png")
    table = terminal.table("model", "property", "value", "clean", "ideal", "aware", "verdict")
    table.title = "Gains over the mildest value, in points: clean, and under both attacks"
    told = gains(found)
    for gain in told:
        changes = [f"{100 * gain[k]:+.1f}" for k in ("clean", "ideal", "aware")]
        table.add_row(gain["model"], gain["property"], f"{gain['value']:g}", *changes, gain["verdict"])
    terminal.show(console, table)
    console.print(f"{out / 'rows.parquet'} and figure.png beside it", soft_wrap=True, highlight=False)
    if json:
        names = ("model", "property", "value", "attack", "accuracy", "half_interval")
        means = [dict(zip(names, (*key, *mean), strict=True)) for key, mean in summary(found).items()]
        facts = {
            "data": dataset.name,
            "epsilon": epsilon,
            "images": len(codes),
            "seeds": seeds,
            "attack": attack,
        }
        write_json(json, "study", {**facts, "attack": attack, "accuracies": means, "gains": told})


def write(found: list[dict[str, Any]], path: Path) -> None:
    """Write rows as Parquet."""
    pa, pq = arrow()
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(found), temporary)


def read(path: Path) -> list[dict[str, Any]]:
    """Rows that `write` wrote."""
    _, pq = arrow()
    return pq.read_table(path).to_pylist()


def arrow() -> tuple[Any, Any]:
    """pyarrow and its Parquet module."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise QsimError("rows need the package pyarrow: pip install 'qsim[paper]'") from None
    return pyarrow, pyarrow.parquet
