"""`python -m benches [--only NAME] [--json FILE] [--plots DIR]`."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is loaded: the peers get one core too

from rich.console import Console
from rich.table import Table

from qsim.model.container import replacing

from . import harness, plots

NAMES = (
    "peak",
    "batch_size",
    "bits",
    "shapes",
    "scaling",
    "threads",
    "epsilon_sweep",
    "cold_start",
    "memory",
    "training",
)


REMARKS: dict[str, Callable[[Any], str]] = {
    "extra_bytes": lambda value: f"{value / 1e6:.1f} MB",
    "of_limits": lambda parts: ", ".join(f"{part:.0%} of the {name}" for name, part in parts.items()),
    "gain": lambda value: f"{value:.2f} x one thread",
}


def table(name: str, rows: list[harness.Row]) -> Table:
    """Medians, and each engine's rate as a multiple of the first engine's in its case."""
    title = (import_module(f"benches.{name}").__doc__ or "").splitlines()[0]
    shown = Table(title=title, title_justify="left")
    for column in ("case", "engine", "median", "best", "rate", "x first", "remarks"):
        shown.add_column(column, justify="left" if column in ("case", "engine", "remarks") else "right")
    first: dict[str, float] = {}
    for row in rows:
        base = first.setdefault(row.case, row.rate)
        remarks = [show(row.parameters[name]) for name, show in REMARKS.items() if name in row.parameters]
        shown.add_row(
            row.case,
            row.engine,
            _seconds(row.median),
            _seconds(row.best),
            _rate(row.rate),
            f"{row.rate / base:.2f}",
            ", ".join(remarks),
        )
    return shown


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def _rate(value: float) -> str:
    for unit, size in (("G/s", 1e9), ("M/s", 1e6), ("k/s", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} /s"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("--only", choices=NAMES, action="append", help="one bench; may be repeated")
    parser.add_argument("--json", type=Path, help="save the rows and a description of the machine")
    parser.add_argument("--plots", type=Path, help="draw figures into this folder")
    given = parser.parse_args()
    console, rows = Console(width=120), []
    for name in given.only or NAMES:
        found = import_module(f"benches.{name}").rows()
        console.print(table(name, found))
        rows += found
    saved = {"machine": harness.machine(), "rows": [asdict(row) for row in rows]}
    console.print(saved["machine"])
    if given.json:
        with replacing(given.json) as temporary:
            temporary.write_text(json.dumps(saved, indent=1))
    if given.plots:
        for file in plots.draw(rows, given.plots):
            console.print(f"{file}")


if __name__ == "__main__":
    main()
