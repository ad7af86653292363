"""`qsim cost`: what hardware a model needs, in both styles, before any tool has run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import QsimError
from ..model.file import load
from ..model.model import Model
from . import terminal
from .folding import TARGETS, part
from .results import named, write_json
from .terminal import Json

FOLDINGS = ((1, 1), (10, 1), (10, 4), (25, 4), (50, 8))
STYLES = ("folded", "unrolled")
COLUMNS = ("lut", "ff", "bram", "dsp", "interval", "latency")
Row = dict[str, Any]


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model file.")],
    target: Annotated[str, typer.Option(help=f"One of {TARGETS}.")] = "ecp5-85k",
    style: Annotated[str | None, typer.Option(help="folded or unrolled; both by default.")] = None,
    json: Json = None,
) -> None:
    """Predicted LUTs, registers, memories, interval and latency of several foldings and intervals."""
    if style is not None and style not in STYLES:
        raise QsimError(f"style is {style!r}; {' and '.join(STYLES)} are allowed")
    model, board = load(file), part("fpga.family").board(target)
    rows = [] if style == "unrolled" else _folded(model, target)
    rows += [] if style == "folded" else _unrolled(model, target)
    for row in rows:
        row["inferences_per_s"] = round(board.clock / row["interval"], 1)
    table = terminal.table(
        "style", "options", "LUT", "FF", "BRAM", "DSP", "cycles", "latency", "inferences/s", "fits"
    )
    for row in rows:
        figures = ("–" if row[column] is None else f"{row[column]:,}" for column in COLUMNS)
        fits = "yes" if row["fits"] else "no"
        table.add_row(row["style"], row["options"], *figures, f"{row['inferences_per_s']:,.0f}", fits)
    table.caption = (
        f"Predicted for {target}, {board.luts:,} LUTs, {board.clock / 1e6:g} MHz; cycles from image to image."
    )
    terminal.show(terminal.console(json), table)
    if json:
        write_json(json, "cost", {**named(file, model), "target": target, "rows": rows})


def _folded(model: Model, target: str) -> list[Row]:
    """Some foldings, narrow ones first."""
    price, shape = part("fpga.cost"), part("shape.loadable").Loadable
    rows = []
    for pe, simd in FOLDINGS:
        cost = price.predict(model, target, pe, simd)
        facts = {"lut": cost.lut, "ff": None, "bram": cost.bram, "dsp": cost.dsp, "interval": cost.interval}
        facts |= {"latency": shape.of(model, pe, simd).latency, "fits": price.fits(cost, target)}
        rows.append({"style": "folded", "options": f"--pe {pe} --simd {simd}", **facts})
    return rows


def _unrolled(model: Model, target: str) -> list[Row]:
    """Every interval that makes another engine."""
    price = part("fpga.unrolled_cost")
    rows = []
    for cost in price.every(model, target):
        facts = {"lut": cost.lut, "ff": cost.ff, "bram": cost.bram, "dsp": 0, "interval": cost.interval}
        facts |= {"latency": cost.latency, "fits": price.fits(cost, target)}
        rows.append({"style": "unrolled", "options": f"--interval {cost.asked}", **facts})
    return rows
