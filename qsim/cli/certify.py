"""`qsim certify`: which images are robust, with proofs; and the judge of such proofs."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from ..certification import run as runs
from ..certification.branch import Effort
from ..certification.figure import bracket, draw
from ..data import Coding
from ..errors import QsimError
from ..model.file import load
from ..robustness.evaluate import check_fit
from . import study, terminal
from .datasets import InputBits, InputClip, InputScale, TestData, data_name, test_set
from .results import write_json
from .terminal import Json, percent


def command(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Models; on tiles without read noise.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where certificates and rows go.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="DIR", help="Judge the certificates of a folder.")
    ] = None,
    data: TestData = None,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    radius: Annotated[list[int] | None, typer.Option(help="In LSBs of the input code; repeatable.")] = None,
    images: Annotated[int, typer.Option(help="The first so many test images.")] = 1000,
    nodes: Annotated[int, typer.Option(help="Cells of branch and bound an image, at most.")] = Effort.nodes,
    budget: Annotated[
        float | None, typer.Option(help="Processor seconds an image, at most; else any.")
    ] = None,
    json: Json = None,
) -> None:
    """Prove or break each image within a radius; run again after an interruption to go on."""
    if check is not None:
        _check(check, json)
        return
    if not files or out is None or not radius:
        raise QsimError("FILE, --radius and --out are needed to certify, or --check DIR to judge")
    if images < 1 or nodes < 1 or (budget is not None and not budget > 0):
        raise QsimError(f"{images} images, {nodes} nodes, budget {budget}; all must be above 0")
    study.arrow()  # if it is missing, say so before the work
    models = {file.stem: load(file) for file in files}
    names = {data or data_name(model, file) for file, model in zip(files, models.values(), strict=True)}
    if len(names) > 1:
        raise QsimError(f"models for {', '.join(sorted(names))}; name one with --data")
    coding = Coding(input_scale, input_bits, clip=input_clip)
    dataset = test_set(data, models[files[0].stem], files[0], coding)
    for model in models.values():
        check_fit(model, dataset)
    plan = runs.Plan(models, dataset, tuple(sorted(set(radius))), images, Effort(nodes, budget))
    console = terminal.console(json)
    with terminal.progress(console) as progress:
        bar = progress.add_task("certifying", total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total, description=what)

        rows = runs.run(plan, out, report)
    study.write(rows, out / "rows.parquet")
    draw(rows, out / "figure.png")
    found = _timed(bracket(rows), rows, runs.seconds(out))
    _show(found, console, f"{len(dataset.codes[:images]):,} {dataset.name} test images")
    console.print(f"{out}: certificates, rows.parquet, figure.png", soft_wrap=True, highlight=False)
    if json:
        write_json(json, "certify", {**plan.settings(), "images": images, "bracket": found})


def _timed(
    found: list[dict[str, Any]], rows: list[dict[str, Any]], times: dict[tuple[str, int, int], float]
) -> list[dict[str, Any]]:
    """The bracket with median and largest seconds an image."""
    for point in found:
        wanted = [row for row in rows if (row["model"], row["radius"]) == (point["model"], point["radius"])]
        taken = [times.get((row["model"], row["radius"], row["image"]), 0.0) for row in wanted]
        point.update(median_seconds=median(taken), largest_seconds=max(taken))
    return found


def _show(found: list[dict[str, Any]], console: Any, title: str) -> None:
    table = terminal.table("model", "radius", "certified", "unbroken", "unknown", "median", "largest")
    table.title = f"{title}: certified <= truly robust <= unbroken"
    for point in found:
        shares = point["certified"], point["unbroken"], point["unbroken"] - point["certified"]
        times = f"{1e3 * point['median_seconds']:.1f} ms", f"{point['largest_seconds']:.2f} s"
        table.add_row(point["model"], str(point["radius"]), *map(percent, shares), *times)
    terminal.show(console, table)


def _check(folder: Path, json: str | None) -> None:
    """Judge every certificate; exit status 1 if one is refused."""
    console, counts, refused = terminal.console(json), {"accepted": 0, "refused": 0}, {}
    with terminal.progress(console) as progress:
        bar = progress.add_task("checking", total=sum(1 for _ in folder.rglob("*.json.gz")))
        for file, why in runs.judged(folder):
            counts["refused" if why else "accepted"] += 1
            if why:
                refused[str(file)] = why
                console.print(f"{file}: refused: {why}", soft_wrap=True, highlight=False)
            progress.update(bar, advance=1)
    console.print(f"{counts['accepted']} certificates accepted, {counts['refused']} refused")
    if json:
        write_json(json, "certify", {"folder": str(folder), **counts, "reasons": refused})
    if refused:
        raise typer.Exit(1)
