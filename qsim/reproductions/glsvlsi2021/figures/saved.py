"""The tables that a run left in its folder, and parts of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..run.tasks import UNROUNDED
from ..tables import columns as tables
from ..tables.columns import Columns
from ..tables.grid import Cube, cube


@dataclass(frozen=True)
class Saved:
    """What is in a run's folder; a table that the run did not leave has no rows."""

    folder: Path

    @cached_property
    def rows(self) -> Columns:
        return tables.read(self.folder / "rows.parquet")

    def table(self, name: str, **values: object) -> Columns:
        """The rows of a table whose columns have these values."""
        file = self.folder / f"{name}.parquet"
        return where(tables.read(file), **values) if file.exists() else {}

    @cached_property
    def datasets(self) -> list[str]:
        return sorted(set(self.rows["dataset"].tolist()))

    def cube(self, dataset: str, path: str, variant: str = "base", field: str = "accuracy") -> Cube:
        return cube(self.rows, dataset, variant, path, field)

    def strong(self, dataset: str) -> Cube | None:
        """The second attack axis, if the run has it."""
        table = self.table("strong")
        return cube(table, dataset, "base", "integer") if table else None


def where(columns: Columns, **values: object) -> Columns:
    """The rows in which each of these columns has this value."""
    if not columns:
        return columns
    chosen = np.ones(len(next(iter(columns.values()))), bool)
    for name, value in values.items():
        chosen &= columns[name] == value
    return {name: column[chosen] for name, column in columns.items()}


def count(columns: Columns) -> int:
    """How many rows there are."""
    return len(next(iter(columns.values()))) if columns else 0


def widths(columns: Columns) -> list[int]:
    """The rounded widths that occur, ascending."""
    return sorted({int(q) for q in columns["bits"]} - {UNROUNDED}) if columns else []


def matrix(
    columns: Columns, down: str, across: str, field: str
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Labels down, labels across, and the field at each pair; nan where there is no row."""
    rows, i = np.unique(columns[down], return_inverse=True)
    cells, j = np.unique(columns[across], return_inverse=True)
    values = np.full((len(rows), len(cells)), np.nan)
    values[i, j] = columns[field]
    return rows, cells, values
