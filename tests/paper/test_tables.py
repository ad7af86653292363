"""Every table keeps its values and types, and a file that is not one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qsim import QsimError

tables = pytest.importorskip("qsim.reproductions.glsvlsi2021.tables.columns", exc_type=QsimError)

SAMPLES: dict[str, Any] = {
    "string": "ab",
    "int32": 7,
    "bool": True,
    "double": 0.25,
    "binary": b"\x00\xff",
    "list<element: int32>": [1, 2],
    "list<element: double>": [0.5],
    "list<element: list<element: int32>>": [[1], [2, 3]],
}


@pytest.mark.parametrize("name", tables.SCHEMAS)
def test_round_trip(tmp_path: Path, name: str) -> None:
    row = {f.name: SAMPLES[str(f.type).replace("item", "element")] for f in tables.SCHEMAS[name]}
    tables.write(name, [row, row], tmp_path / f"{name}.parquet")
    columns = tables.read(tmp_path / f"{name}.parquet")
    assert {column: values.tolist()[1] for column, values in columns.items()} == row
    assert name in tables.__doc__ or name == "rows"


def test_another_table_is_refused(tmp_path: Path) -> None:
    tables.write("spirals", [], tmp_path / "bound.parquet")
    with pytest.raises(QsimError, match=r"its columns are \['split'.*'relative'.*\] are needed"):
        tables.read(tmp_path / "bound.parquet")
    with pytest.raises(QsimError, match="no such file"):
        tables.read(tmp_path / "fits.parquet")
