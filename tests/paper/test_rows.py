"""Rows keep their values and types, merge in one order, and are written whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qsim import QsimError

rows = pytest.importorskip("qsim.reproductions.glsvlsi2021.tables.rows", exc_type=QsimError)

ROW: dict[str, Any] = {
    "dataset": "spiral",
    "activation": "relu",
    "bits": 3,
    "seed": 0,
    "variant": "base",
    "path": "integer",
    "clip": True,
    "epsilon": 0.005,
    "step": 5,
    "images": 400,
    "correct": 399,
    "accuracy": 399 / 400,
    "fooled": 1,
    "zero_gradients": 0.25,
    "digest": "ab",
    "spec": 1,
    "qsim": "0",
}


def test_round_trip(tmp_path: Path) -> None:
    rows.write([ROW, {**ROW, "epsilon": 0.01}], tmp_path / "a")
    columns = rows.read(tmp_path / "a")
    assert list(columns) == list(ROW)
    assert {name: column[0] for name, column in columns.items()} == ROW
    assert columns["epsilon"].tolist() == [0.005, 0.01]


def test_merging_sorts_and_does_not_depend_on_the_parts(tmp_path: Path) -> None:
    many = [
        {**ROW, "bits": q, "path": p, "epsilon": e}
        for q in (10, 2)
        for p in ("shadow", "integer")
        for e in (0.1, 0.0)
    ]
    rows.write(many[:3], tmp_path / "a")
    rows.write(many[3:], tmp_path / "b")
    rows.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "x")
    rows.merge([tmp_path / "b", tmp_path / "a"], tmp_path / "y")
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    merged = rows.read(tmp_path / "x")
    keys = list(zip(merged["bits"], merged["path"], merged["epsilon"], strict=True))
    assert keys == sorted((row["bits"], row["path"], row["epsilon"]) for row in many)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(QsimError, match="no such file"):
        rows.read(tmp_path / "a")
    rows.write([ROW], tmp_path / "a")
    (tmp_path / "b").write_bytes((tmp_path / "a").read_bytes()[:-9])
    with pytest.raises(QsimError, match="b: not a Parquet file, or a damaged one"):
        rows.read(tmp_path / "b")


def test_a_row_that_lacks_a_type_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="'many'"):
        rows.write([{**ROW, "bits": "many"}], tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
