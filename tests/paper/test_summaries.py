"""Tables that follow from rows, on rows whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_rows import ROW

from qsim import QsimError, geometry

rows = pytest.importorskip("qsim.reproductions.glsvlsi2021.tables.rows", exc_type=QsimError)
from qsim.reproductions.glsvlsi2021.tables import summaries  # noqa: E402

EPSILONS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


def found(tmp_path: Path, accuracy: Any, **changes: Any) -> Any:
    made = [
        {**ROW, "bits": q, "seed": seed, "path": path, "epsilon": e, "accuracy": accuracy(q, e), **changes}
        for q in (1, 2, 3)
        for seed in (0, 1)
        for path in ("integer", "shadow")
        for e in EPSILONS
    ]
    rows.write(made, tmp_path / "rows.parquet")
    return rows.read(tmp_path / "rows.parquet")


def crossing(q: int, e: float) -> float:
    """Curves that cross at 0.2 and are all lost from 0.4 on."""
    return 0.0 if e >= 0.4 else 0.7 + q * (0.2 - e) * 0.3


def test_critical_strength_and_the_trap_beside_it(tmp_path: Path) -> None:
    rows_of_both = found(tmp_path, crossing), found(tmp_path, lambda q, e: crossing(q, e + 0.1))
    table = list(summaries.critical(*rows_of_both))
    strong = [r for r in table if r["attack"] == "strong" and r["activation"] == "all"]
    assert [r["epsilon"] for r in strong if r["critical"]] == [0.1]
    table = [r for r in table if r["attack"] == "fgsm"]
    own = [r for r in table if r["path"] == "integer" and r["activation"] == "all"]
    assert [r["epsilon"] for r in own] == EPSILONS
    assert [r["epsilon"] for r in own if r["critical"]] == [0.2]
    assert [r["epsilon"] for r in own if r["naive"]] == [0.4]  # where every curve is zero
    assert [r["eligible"] for r in own] == [True] * 4 + [False] * 2
    assert (own[0]["low"], own[0]["high"]) == (0.2, 0.2)
    assert own[1]["distance"] == pytest.approx(0.1 * 2**0.5)
    assert own[0]["variance"] == pytest.approx(np.var([crossing(q, 0.0) for q in (1, 2, 3)]))


def test_bound_is_equation_14_and_a_violation_is_seen(tmp_path: Path) -> None:
    table = list(summaries.bound(found(tmp_path, lambda q, e: 1.0 if e == 0 else 0.3)))
    for row in table:
        h = geometry.inradius(2.0 ** (1 - row["bits"]), 2)
        expected = max(0.0, 1 - row["epsilon"] * 2**0.5 / h) ** 2
        assert row["bound"] == pytest.approx(expected)
        assert row["relative"] == (1.0 if row["epsilon"] == 0 else 0.3)
        assert row["violated"] == (row["relative"] < expected - 1e-9)
    assert {(r["bits"], r["epsilon"]) for r in table if not r["violated"]} > {(3, 0.2), (1, 0.0)}
    violated = list(summaries.bound(found(tmp_path, lambda q, e: 1.0 if e == 0 else 0.1)))
    assert {r["bits"] for r in violated if r["violated"]} == {1}


def test_sensitivity_is_the_difference_to_base(tmp_path: Path) -> None:
    base = found(tmp_path, crossing)
    chosen = (base["bits"] == 2) & (base["seed"] == 0)
    other = {name: column[chosen] for name, column in base.items()}
    other["variant"] = np.full(chosen.sum(), "patience")
    other["accuracy"] = other["accuracy"] - np.where(other["epsilon"] > 0, 0.01, 0.002)
    both = {name: np.concatenate([base[name], other[name]]) for name in base}
    table = list(summaries.sensitivity(both))
    assert {(r["variant"], r["activation"], r["path"]) for r in table} == {
        ("patience", a, p) for a in ("all", "relu") for p in ("integer", "shadow")
    }
    for row in table:
        assert row["widths"] == [2]
        assert row["clean"] == pytest.approx(-0.002)
        assert row["attacked"] == pytest.approx(-0.01)
        assert row["gap"] == pytest.approx((0.002 + 0.01 + 0.01) / 3)


def test_simplices_are_counted_completely() -> None:
    table = list(summaries.simplices())
    assert len(table) == 3 * summaries.BINS
    for q, n in summaries.SIMPLICES:
        own = [r for r in table if (r["q"], r["n"]) == (q, n)]
        width = own[0]["high"] - own[0]["low"]
        assert sum(r["count"] for r in own) == summaries.POINTS
        assert sum(r["density"] for r in own) * width == pytest.approx(1)
        assert sum(r["model_density"] for r in own) * width == pytest.approx(1)
        assert own[0]["ks"] < own[0]["ks_critical"]
        errors = [
            (r["count"] - r["model_density"] * width * r["points"])
            / max(1.0, (r["model_density"] * width * r["points"]) ** 0.5)
            for r in own
        ]
        assert np.square(errors).sum() < 80  # chi-square of 40 bins: exceeded once in ten thousand
