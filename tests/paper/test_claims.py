"""Claims judged on rows whose truth is known, and on the same rows with that truth turned round."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import made_run
import numpy as np
import pytest
from test_rows import ROW

from qsim import QsimError

rows = pytest.importorskip("qsim.reproductions.glsvlsi2021.tables.rows", exc_type=QsimError)
from qsim.reproductions.glsvlsi2021.claims import claims  # noqa: E402
from qsim.reproductions.glsvlsi2021.run.tasks import UNROUNDED  # noqa: E402
from qsim.reproductions.glsvlsi2021.tables import columns as tables  # noqa: E402
from qsim.reproductions.glsvlsi2021.tables.grid import bootstrap, cube  # noqa: E402

EPSILONS = [0.0, 0.005, 0.01, 0.015, 0.02, 0.05, 0.1, 0.2, 0.5]
BITS = (1, 4, 10, UNROUNDED)
CROSSING = {"mnist": 0.01, "spiral": 0.125}


def scored(dataset: str, activation: str, bits: int, seed: int, epsilon: float, turned: bool) -> float:
    """Curves that cross at the critical strength, steeper the more bits there are."""
    gain = 1 + 0.1 * min(bits, 10) * (-1 if turned else 1)
    crossing = 0.1 if dataset == "spiral" else CROSSING[dataset]
    accuracy = 0.9 - gain * (epsilon - crossing) + (0.02 if activation == "relu" else 0) + 0.001 * seed
    return min(max(accuracy, 0.0), 1.0)


def made(datasets: tuple[str, ...] = ("mnist", "spiral"), turned: bool = False) -> list[dict[str, Any]]:
    grid = product(
        datasets,
        ("relu", "sigmoid", "step"),
        BITS,
        range(3),
        ("base", "unsaturated"),
        ("integer", "shadow"),
        EPSILONS,
    )
    made_rows = []
    for dataset, activation, bits, seed, variant, path, epsilon in grid:
        correct = round(10_000 * scored(dataset, activation, bits, seed, epsilon, turned))
        own = {"dataset": dataset, "activation": activation, "bits": bits, "seed": seed, "variant": variant}
        count = {
            "images": 10_000,
            "correct": correct,
            "accuracy": correct / 10_000,
            "fooled": 10_000 - correct,
        }
        made_rows.append({**ROW, **own, **count, "path": path, "epsilon": epsilon, "zero_gradients": 0.0})
    return made_rows


def judged(tmp_path: Path, made_rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    rows.write(made_rows, tmp_path / "rows.parquet")
    entries = json.loads(claims.write(tmp_path).read_text())
    return {(entry["id"], entry["path"]): entry for entry in entries}


def test_what_is_true_of_the_rows_holds(tmp_path: Path) -> None:
    found = judged(tmp_path, made())
    for path in ("integer", "shadow"):
        for name in ("smaller-widths-more-robust", "binary-best", "relu-best", "precision-helps-below-mnist"):
            assert found[name, path]["verdict"] == "holds", name
        assert found["critical-strength-mnist", path]["figure"] == 0.01
        assert found["critical-strength-mnist", path]["verdict"] == "holds"
        assert found["no-change-beyond-10-bits", path]["verdict"] == "holds"
        assert found["masking-adds-accuracy-mnist", path]["verdict"] == "does not hold"


def test_what_is_turned_round_does_not(tmp_path: Path) -> None:
    found = judged(tmp_path, made(turned=True))
    for name in ("smaller-widths-more-robust", "binary-best", "precision-helps-below-mnist"):
        assert found[name, "integer"]["verdict"] == "does not hold", name


def second_axis(found: list[dict[str, Any]], left: float) -> list[dict[str, Any]]:
    """What a strong attack leaves of the base rows: a share of each."""
    own = [r for r in found if r["variant"] == "base" and r["path"] == "integer"]
    names = [field.name for field in tables.SCHEMAS["strong"]]
    kept = dict.fromkeys(names, 0) | {"attack": "strong", "digest": ""}
    return [
        kept
        | {n: r[n] for n in names if n in r}
        | {"accuracy": r["accuracy"] * (left if r["epsilon"] else 1)}
        for r in found
        if r in own
    ]


def test_the_strong_attack_is_judged_beside_fgsm(tmp_path: Path) -> None:
    fgsm, turned = made(("mnist",)), second_axis(made(("mnist",), turned=True), 0.9)
    tables.write("strong", turned, tmp_path / "strong.parquet")
    rows.write(fgsm, tmp_path / "rows.parquet")
    entries = json.loads(claims.write(tmp_path).read_text())
    found = {(e["id"], e["path"], e["attack"]): e["verdict"] for e in entries}
    for name in ("smaller-widths-more-robust", "binary-best"):
        assert found[name, "integer", "fgsm"] == found[name, "shadow", "fgsm"] == "holds"
        assert found[name, "integer", "strong"] == "does not hold"
    assert found["more-bits-more-robust-mnist", "integer", "strong"] == "holds"
    assert ("clean-at-1-bit", "integer", "strong") not in found
    assert not any("FGSM" in e["claim"] for e in entries if e["attack"] == "strong")


@pytest.mark.parametrize("flagged", [True, False])
def test_the_audit_decides_whether_fgsm_is_trusted(tmp_path: Path, flagged: bool) -> None:
    audits = [r | ({} if flagged else {"flagged": False}) for r in made_run.audits(("mnist",))]
    tables.write("audits", audits, tmp_path / "audits.parquet")
    entry = judged(tmp_path, made(("mnist",)))["fgsm-can-be-trusted-mnist", "integer"]
    assert entry["verdict"] == ("does not hold" if flagged else "holds")
    assert entry["figure"] == pytest.approx(0.3)  # of one bit, not of the others


def test_activations_that_disagree_make_it_depend(tmp_path: Path) -> None:
    mixed = [r for r in made() if r["activation"] != "step"] + [
        r for r in made(turned=True) if r["activation"] == "step"
    ]
    entry = judged(tmp_path, mixed)["smaller-widths-more-robust", "integer"]
    assert entry["verdict"] == "depends"
    assert {p["where"]: p["verdict"] for p in entry["parts"]} == {
        "relu": "holds",
        "sigmoid": "holds",
        "step": "does not hold",
    }


@pytest.mark.parametrize("dataset", ["mnist", "spiral"])
def test_one_data_set_is_enough(tmp_path: Path, dataset: str) -> None:
    found = judged(tmp_path, made((dataset,)))
    assert {entry["dataset"] for entry in found.values()} == {dataset}


def test_one_seed_gives_no_interval(tmp_path: Path) -> None:
    found = judged(tmp_path, [r for r in made() if r["seed"] == 0])
    assert all(entry["interval"] is None for entry in found.values())


def test_entries(tmp_path: Path) -> None:
    keys = {
        "id",
        "dataset",
        "path",
        "attack",
        "claim",
        "how",
        "verdict",
        "figure",
        "interval",
        "parts",
        "own",
    }
    for entry in judged(tmp_path, made()).values():
        assert set(entry) == keys
        assert entry["verdict"] in ("holds", "does not hold", "depends")


def test_every_claim_says_whether_it_is_the_papers(tmp_path: Path) -> None:
    tables.write("simplices", made_run.simplices(), tmp_path / "simplices.parquet")
    base = [r for r in made(("mnist",)) if r["variant"] == "base" and r["bits"] < 10]
    entries = judged(tmp_path, made() + [{**r, "variant": "patience"} for r in base]).values()
    names = {
        own: {e["id"].removesuffix(f"-{e['dataset']}") for e in entries if e["own"] == own}
        for own in (False, True)
    }
    assert {"binary-best", "critical-strength", "bound-holds", "rises-again"} <= names[False]
    assert names[True] == {
        "attack-transfers-to-integers",
        "insensitive-to-patience",
        "integers-equal-shadow",
        "masking-adds-accuracy",
        "relu-best-without-masking",
        "simplices-follow-equation-12",
        "zero-gradients-at-1-bit",
    }


def test_variants_are_compared_with_their_own_base(tmp_path: Path) -> None:
    base = [r for r in made(("mnist",)) if r["variant"] == "base" and r["bits"] < 10 and r["seed"] == 0]
    near = [{**r, "variant": "patience", "accuracy": r["accuracy"] - 0.02} for r in base]
    far = [{**r, "variant": "unclipped", "accuracy": r["accuracy"] - 0.05} for r in base]
    found = judged(tmp_path, made() + near + far)
    assert found["insensitive-to-patience-mnist", "shadow"]["verdict"] == "holds"
    assert found["insensitive-to-unclipped-mnist", "shadow"]["verdict"] == "does not hold"
    assert found["insensitive-to-patience-mnist", "integer"]["figure"] == pytest.approx(0.02)


def test_a_missing_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QsimError, match="rows of mnist, base, integer: 323 found, 324 are needed"):
        judged(tmp_path, made()[1:])


def test_bootstrap_of_a_mean(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    many = [{**ROW, "seed": seed, "accuracy": float(rng.normal(0.5, 0.1))} for seed in range(40)]
    rows.write(many, tmp_path / "a")
    whole = cube(rows.read(tmp_path / "a"), "spiral", "base", "integer")
    figure, interval = bootstrap(lambda means: float(means.mean()), whole)
    values = whole.values.ravel()
    assert interval is not None
    assert figure == pytest.approx(values.mean())
    error = 1.96 * values.std() / 40**0.5
    assert interval == pytest.approx((figure - error, figure + error), abs=error / 3)
