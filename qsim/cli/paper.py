"""`qsim paper`: every quantitative figure of the paper, on the float shadow and on the integers."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from json import dumps, loads
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..data import MNIST_SHA256
from ..kernel import isa
from ..model.container import replacing
from ..reproductions.glsvlsi2021.run import tasks
from . import terminal
from .results import origin, write_json
from .terminal import Json


def command(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for rows, models and report.")],
    quick: Annotated[bool, typer.Option("--quick", help="A minute: few widths and strengths.")] = False,
    data: Annotated[list[str] | None, typer.Option("--data", help="mnist or spiral; else both.")] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", help="Networks a point; 5, or 2 if quick.")] = None,
    attack: Annotated[
        str, typer.Option(help="On MNIST beside FGSM: strong, or strongest at seven times its cost.")
    ] = "strong",
    processes: Annotated[int | None, typer.Option(help="On this machine; by default its cores.")] = None,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler to use.")] = None,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="Only figures and report, from the tables.")
    ] = False,
    json: Json = None,
) -> None:
    """Reproduce the paper; run again after an interruption to go on where it stopped."""
    from ..reproductions.glsvlsi2021.claims import claims
    from ..reproductions.glsvlsi2021.run import grid as run  # need the packages of the extra
    from ..reproductions.glsvlsi2021.tables import networks as exhibits
    from ..reproductions.glsvlsi2021.tables import summaries

    console = terminal.console(json)
    if redraw:
        _draw(out, console)
        _report(out, json)
        return
    datasets = tuple(data or tasks.DATASETS)
    plan = tasks.quick(datasets, seeds or 2) if quick else tasks.full(datasets, seeds or 5)
    plan = tasks.attacked_by(plan, attack)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("networks", total=len(plan.tasks))

        def report(done: int, total: int, name: str) -> None:
            progress.update(bar, completed=done, total=total, description=name)

        run.run(plan, out, processes=processes, scheduler=scheduler, report=report)
    with console.status("tables and claims"):
        exhibits.write(out, {task: run.model_file(out, task) for task in plan.tasks})
        summaries.write(out)
        write_about(plan, out)
        judged = loads(claims.write(out).read_text())
    console.print(f"{len(plan.tasks)} networks; claims on both paths: {_counted(judged, 'fgsm')}")
    console.print(f"on the integers under the strong attack: {_counted(judged, 'strong')}")
    _draw(out, console)
    _report(out, json)


def _verdicts(claims: list[dict[str, Any]], attack: str) -> Counter[str]:
    """How many claims have each verdict under an attack."""
    return Counter(entry["verdict"] for entry in claims if entry.get("attack", "fgsm") == attack)


def _counted(claims: list[dict[str, Any]], attack: str) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in _verdicts(claims, attack).most_common())


def _report(out: Path, json: str | None) -> None:
    """With --json: what is in the folder about claims and their origin."""
    if json is None:
        return
    claims = loads((out / "claims.json").read_text())
    about = out / "about.json"
    made = loads(about.read_text()) if about.exists() else {}
    counts = {"verdicts": _verdicts(claims, "fgsm"), "verdicts_strong": _verdicts(claims, "strong")}
    figures = {"folder": str(out), **counts, "claims": claims, "about": made}
    write_json(json, "paper", figures)


def _draw(out: Path, console: Console) -> None:
    """Figures and report, from what is in the folder."""
    from ..reproductions.glsvlsi2021 import figures, report

    with console.status("figures and report"):
        figures.draw(out)
        report.write(out)
    console.print(f"{out}: {', '.join(sorted(p.name for p in out.iterdir()))}")


def write_about(plan: tasks.Plan, out: Path) -> None:
    """How the tables were made: versions, recipes, strengths, data, time."""
    log = [loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    recipes = {f"{t.dataset} {t.variant}": asdict(t.recipe) for t in plan.tasks}
    facts = {
        **origin(),
        "isa": isa.choose(),
        "datasets": sorted({t.dataset for t in plan.tasks}),
        "seeds": sorted({t.seed for t in plan.tasks}),
        "networks": len(plan.tasks),
        "epsilons": plan.epsilons,
        "recipes": recipes,
        "mnist_sha256": MNIST_SHA256,
        "cpu_seconds": {name: sum(entry[name] for entry in log) for name in ("training", "attacks")},
    }
    with replacing(out / "about.json") as temporary:
        temporary.write_text(dumps(facts, indent=1) + "\n")
