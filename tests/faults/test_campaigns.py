"""Campaigns: every fault once, the same rows however they were come by, and intervals that hold."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import random_codes, random_model

from qsim import Mapping, QsimError
from qsim.crossbar.mapping import map_to_crossbar
from qsim.faults import campaigns, summary, tables
from qsim.faults.campaigns import Plan, campaign
from qsim.faults.clipping import clipped
from qsim.faults.difference import Baseline
from qsim.faults.draw import Space, draw
from qsim.faults.kinds import KINDS
from qsim.faults.lists import apply_faults

MODEL = random_model(10, (9, 6, 4), 4, 5, per_neuron=True)
CODES = random_codes(7, MODEL, 40)
LABELS = np.random.default_rng(8).integers(0, MODEL.classes, 40)
PLACES = {
    (MODEL.digest, name, index): sites.places
    for name in ("weight-bit", "bias-bit", "threshold-bit")
    for index, sites, _ in Space(MODEL, KINDS[name]).layers
}


def run(out: Path, plan: Plan) -> tables.Columns:
    return tables.read([campaign({"small": MODEL}, CODES, LABELS, plan, out)])


def test_every_single_fault_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "BATCH", 37)
    rows = run(tmp_path, Plan(tuple(name for _, name, i in PLACES if i == 0)))
    baseline, start = Baseline.of(MODEL, CODES, LABELS), 0
    for name in ("weight-bit", "bias-bit", "threshold-bit"):
        space = Space(MODEL, KINDS[name])
        table = space.table(np.arange(len(space)))
        effects = baseline.effects(name, table)
        own = slice(start, start + len(space))
        start += len(space)
        for column, wanted in {
            "layer": table[:, 0],
            "place": table[:, 1],
            "bit": table[:, -1],
            "correct": effects.correct,
            "changed": effects.changed,
            "masked": effects.masked,
        }.items():
            assert np.array_equal(rows[column][own], wanted), (name, column)
        assert set(rows["kind"][own]) == {name}
    assert len(rows["kind"]) == start


def test_the_summary_counts_pairs_of_faults_and_images(tmp_path: Path) -> None:
    rows = run(tmp_path, Plan(("weight-bit",)))
    found = summary.singles(rows, tables.read([tmp_path / "images.parquet"]), PLACES)
    *strata, total = found
    assert [(r["layer"], r["bit"]) for r in strata] == [(layer, bit) for layer in (0, 1) for bit in range(4)]
    assert total["faults"] == total["sites"] == len(rows["kind"]) == (54 + 24) * 4
    assert total["corrupted"] == pytest.approx((rows["changed"] / 40).mean())
    assert total["accuracy"] == pytest.approx((rows["correct"] / 40).mean())
    for row in strata:
        own = (rows["layer"] == row["layer"]) & (rows["bit"] == row["bit"])
        assert row["corrupted"] == pytest.approx((rows["changed"][own] / 40).mean())
        assert row["worst"] == rows["correct"][own].min() / 40
        assert row["corrupted_low"] <= row["corrupted"] <= row["corrupted_high"]


def test_samples_hold_what_all_faults_give(tmp_path: Path) -> None:
    rows = run(tmp_path / "all", Plan(("weight-bit",)))
    true = (rows["changed"] / 40).mean()
    inside = 0
    for seed in range(40):
        out = tmp_path / str(seed)
        sampled = run(out, Plan(("weight-bit",), sample=12, seed=seed))
        assert len(sampled["kind"]) == 2 * 4 * 12
        total = summary.singles(sampled, tables.read([out / "images.parquet"]), PLACES)[-1]
        inside += total["corrupted_low"] <= true <= total["corrupted_high"]
    assert inside >= 32  # of 40 intervals of 95 %, with few and skewed values in each


def test_trials_are_the_drawn_lists(tmp_path: Path) -> None:
    rows = run(tmp_path, Plan(("bias-bit",), (0.0, 0.05), trials=11, seed=5))
    assert rows["seed"].tolist() == [*range(5, 16)] * 2
    usual = MODEL.predict(CODES)
    for k in (11, 14, 21):
        faults = draw(MODEL, ["bias-bit"], 0.05, int(rows["seed"][k]))
        classes = apply_faults(MODEL, faults).predict(CODES)
        assert rows["faults"][k] == len(faults)
        assert rows["correct"][k] == (classes == LABELS).sum()
        assert rows["changed"][k] == (classes != usual).sum()
    found = summary.trials(rows)
    assert found[0]["corrupted"] == found[0]["faults"] == 0
    assert found[1]["trials"] == 11
    assert found[1]["accuracy_low"] < found[1]["accuracy"] < found[1]["accuracy_high"]


def test_clipped_weights_are_those_in_range(tmp_path: Path) -> None:
    """Of a layer that uses half its range: what leaves it comes back to its end, all else stays."""
    first, last = MODEL.layers
    narrow = replace(MODEL, layers=(replace(first, weights=first.weights.clip(-5, 7)), last))
    low, high = int(narrow.layers[0].weights.min()), int(narrow.layers[0].weights.max())
    broken = apply_faults(narrow, draw(narrow, ["weight-bit"], 0.2, 1))
    found, wrong = clipped(broken, narrow).layers[0].weights, broken.layers[0].weights
    outside = (wrong < low) | (wrong > high)
    assert outside.any()
    assert np.array_equal(found[~outside], wrong[~outside])
    assert np.array_equal(found[outside], np.where(wrong < low, low, high)[outside])
    plan = Plan(("weight-bit",), (0.2,), trials=2, seed=1, clip=True)
    rows = tables.read([campaign({"narrow": narrow}, CODES, LABELS, plan, tmp_path)])
    assert rows["correct"][0] == (clipped(broken, narrow).predict(CODES) == LABELS).sum()
    with pytest.raises(QsimError, match="weights are clipped in ideal layers alone"):
        clipped(map_to_crossbar(MODEL, Mapping()), map_to_crossbar(MODEL, Mapping()))


def test_threads_and_interruptions_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "BATCH", 50)
    plan = Plan(("weight-bit", "bias-bit"))
    files = {}
    for workers in ("1", "3"):
        monkeypatch.setenv("QSIM_THREADS", workers)
        out = tmp_path / workers
        run(out, plan)
        files[workers] = [(out / name).read_bytes() for name in ("singles.parquet", "images.parquet")]
    assert files["1"] == files["3"]
    done: list[str] = []

    def stop(number: int, total: int, name: str) -> None:
        done.append(name)
        if number == 3:
            raise KeyboardInterrupt

    monkeypatch.setenv("QSIM_THREADS", "1")
    out = tmp_path / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        campaign({"small": MODEL}, CODES, LABELS, plan, out, stop)
    kept = {path: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}
    assert not (out / "singles.parquet").exists()
    run(out, plan)
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items())
    assert [(out / name).read_bytes() for name in ("singles.parquet", "images.parquet")] == files["1"]


@pytest.mark.slow
def test_kill_loses_at_most_the_batches_under_way(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "qsim", "faults", "models/digits-relu-q8.safetensors", "--kind"]
    command += ["weight-bit", "--rate", "0.01", "--trials", "400", "--out", str(tmp_path / "killed")]
    root = Path(__file__).parents[2]
    started = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
    parts = tmp_path / "killed" / "parts"
    while started.poll() is None and len(list(parts.glob("weight*"))) < 5:
        time.sleep(0.05)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("weight*")}
    assert len(kept) >= 5
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items())
    assert len(tables.read([tmp_path / "killed" / "trials.parquet"])["seed"]) == 400


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"kinds": ("moon",)}, "fault kind is 'moon'; one of weight-bit, "),
        ({"kinds": ("weight-bit",), "rates": (1.5,)}, r"^fault rate is 1.5; 0 to 1 is allowed$"),
        ({"kinds": ("weight-bit",), "trials": 0}, "number of trials is 0; an integer from 1"),
        ({"kinds": ("weight-bit",), "sample": 1}, "sample of single faults is 1; an integer from 2"),
        ({"kinds": ("weight-bit",), "seed": -1}, "seed is -1; an integer from 0"),
    ],
)
def test_plans_that_cannot_be_are_refused(plan: dict[str, object], message: str) -> None:
    with pytest.raises(QsimError, match=message):
        Plan(**plan)  # type: ignore[arg-type]


def test_what_a_model_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QsimError, match="cell: no layer of this model has any"):
        run(tmp_path, Plan(("cell",), (0.1,)))
    with pytest.raises(QsimError, match="a campaign on no images; at least one is needed"):
        campaign({"small": MODEL}, CODES[:0], LABELS[:0], Plan(("weight-bit",)), tmp_path)
