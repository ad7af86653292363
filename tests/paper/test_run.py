"""The same rows for one process and two, for one run and many killed ones."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from plans import SAMPLE, tiny

from qsim import QsimError
from qsim.reproductions.glsvlsi2021.run import tasks

run = pytest.importorskip("qsim.reproductions.glsvlsi2021.run.grid", exc_type=QsimError)
from qsim.reproductions.glsvlsi2021.tables import rows  # noqa: E402

KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from plans import tiny
from qsim.reproductions.glsvlsi2021.run import grid as run

out, kills, chance, plan = Path(sys.argv[1]), int(sys.argv[2]), random.Random(3), tiny(8)

def parts():
    return len(list((out / "killed").glob("parts/[!.]*")))

run.run(tiny(2), out / "warm", processes=1)
second = time.perf_counter()
run.run(tiny(4), out / "time", processes=1)
whole = 2 * (time.perf_counter() - second)
for kill in range(kills):
    child = os.fork()
    if child == 0:
        run.run(plan, out / "killed", processes=1)
        os._exit(0)
    before, patience = parts(), time.perf_counter() + 60
    while kill % 5 == 0 and parts() in (before, 0) and time.perf_counter() < patience and parts() < 8:
        time.sleep(0.001)
    time.sleep(chance.uniform(0, whole / 8))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(parts())
run.run(plan, out / "killed", processes=1)
run.run(plan, out / "whole", processes=1)
"""


def test_processes_change_nothing(tmp_path: Path) -> None:
    names: list[str] = []
    plan = replace(tiny(), sample=replace(SAMPLE, audited=(1,)))
    one = run.run(plan, tmp_path / "one", processes=1)
    two = run.run(plan, tmp_path / "two", processes=2, report=lambda d, n, name: names.append(name))
    assert one.read_bytes() == two.read_bytes()
    for table in run.BESIDE:
        beside = [(tmp_path / f / f"{table}.parquet").read_bytes() for f in ("one", "two")]
        assert beside[0] == beside[1], table
    assert sorted(names) == sorted(task.name for task in tiny().tasks)
    models = [
        sorted((p.name, p.read_bytes()) for p in (tmp_path / f / "models").iterdir()) for f in ("one", "two")
    ]
    assert models[0] == models[1]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_runs_lose_and_double_nothing(tmp_path: Path, kills: int) -> None:
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {here!r})\n{KILLED}",
            str(tmp_path),
            str(kills),
        ],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    kept = [int(line) for line in done.stdout.split()]
    assert kept == sorted(kept)  # what was done is never lost
    assert any(0 < n < 8 for n in kept)  # some kills came in the middle, every fifth waits for that
    for table in ("rows", *run.BESIDE):
        killed, whole = (tmp_path / f / f"{table}.parquet" for f in ("killed", "whole"))
        assert killed.read_bytes() == whole.read_bytes()
    found = rows.read(tmp_path / "killed/rows.parquet")
    keys = list(zip(*(found[name] for name in ("digest", "variant", "path", "epsilon")), strict=True))
    assert len(set(keys)) == len(keys) == 8 * 2 * 2 * 3  # networks, attacks, paths, strengths


def test_a_second_run_does_nothing_again(tmp_path: Path) -> None:
    names: list[str] = []
    first = run.run(tiny(), tmp_path, processes=1).read_bytes()
    again = run.run(tiny(), tmp_path, processes=1, report=lambda d, n, name: names.append(name))
    assert (again.read_bytes(), names) == (first, [])


def test_other_strengths_need_new_parts_but_no_new_models(tmp_path: Path) -> None:
    run.run(tiny(2), tmp_path, processes=1)
    models = {p: p.stat().st_mtime_ns for p in (tmp_path / "models").iterdir()}
    run.run(replace(tiny(2), epsilons=(0.0, 0.2)), tmp_path, processes=1)
    run.run(replace(tiny(2), sample=replace(SAMPLE, images=7)), tmp_path, processes=1)
    assert len(list((tmp_path / "parts").iterdir())) == 6
    assert set(models) == set((tmp_path / "models").iterdir())


def test_a_failed_task_is_told_and_what_is_done_is_kept(tmp_path: Path) -> None:
    plan = tiny(2)
    bad = replace(plan, tasks=(*plan.tasks, replace(plan.tasks[0], activation="gelu")))
    with pytest.raises(QsimError, match="activation is 'gelu'"):
        run.run(bad, tmp_path, processes=1)
    assert len(list((tmp_path / "parts").iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(QsimError, match="file cannot be written: File exists"):
        run.run(tiny(2), tmp_path / "file", processes=1)


def test_plans() -> None:
    full = tasks.full()
    base = [t for t in full.tasks if t.variant == "base"]
    assert len({t.name for t in full.tasks}) == len(full.tasks)
    assert len(base) == 2 * 3 * 11 * 5
    assert (full.epsilons[0], full.epsilons[1], full.epsilons[-1], len(full.epsilons)) == (0, 0.005, 0.5, 101)
    assert set(tasks.quick().epsilons) <= set(full.epsilons)
    with pytest.raises(QsimError, match="'cifar' is not the paper's"):
        tasks.full(["cifar"])
    with pytest.raises(QsimError, match="0 seeds; at least 1 is needed"):
        tasks.quick(seeds=0)
    with pytest.raises(QsimError, match="'fgsm' is not for the second axis; strong or strongest is needed"):
        tasks.attacked_by(full, "fgsm")
