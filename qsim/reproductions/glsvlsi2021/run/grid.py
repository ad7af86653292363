"""Run tasks on this machine's cores or on a cluster, so that nothing done is lost or done twice.

A finished task leaves its model in `models/`, its distances in `steps/`, its second attack axis in `strong/`,
its audit in `audits/` and, last, its rows in `parts/`, each as one file NAME-KEY put in place whole. KEY is a
checksum of the task and of the code that computes it: a run that was killed goes on where it stopped, and a
part made by other code is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from ....cli.results import origin
from ....cluster import cluster
from ....errors import QsimError
from ....model.container import replacing
from ..tables import columns as tables
from ..tables import rows
from . import measure
from .tasks import Plan, Task

Report = Callable[[int, int, str], None]  # tasks done, tasks in all, the last one's name

PACKAGE = Path(__file__).parents[3]
# what decides a model, and in `ATTACKS` what decides its rows
TRAINING = ("data.py", "registry.py", "activations", "model", "shadow")
RUNNING = ("spec", "executors.py", "jit", "kernel", "attacks", "robustness")
MEASURING = tuple(
    f"reproductions/glsvlsi2021/{place}" for place in ("run/measure.py", "run/strong.py", "tables")
)
ATTACKS = (*TRAINING, *RUNNING, *MEASURING)
BESIDE = {  # tables of a task beside its rows: their folder, and the order of the merged table
    "distances": ("steps", ("dataset", "activation", "bits", "seed", "step")),
    "strong": ("strong", ("dataset", "activation", "bits", "seed", "epsilon")),
    "audits": ("audits", ("dataset", "activation", "bits", "seed", "check")),
}


def run(
    plan: Plan,
    out: Path,
    *,
    processes: int | None = None,
    scheduler: str | None = None,
    report: Report | None = None,
) -> Path:
    """Do what is left of a plan and merge all its rows.

    Parameters
    ----------
    plan : Plan
    out : folder for `rows.parquet`, the tables of `BESIDE`, `log.jsonl`, `models/` and the parts of tables
    processes : how many on this machine; by default one for each core that this process may use
    scheduler : address of a Dask scheduler whose workers do the tasks instead
    report : called after each task

    Returns
    -------
    Path of `rows.parquet`: the same bytes however the tasks were spread, interrupted or resumed

    Raises
    ------
    QsimError
        If a worker process died or the scheduler does not answer; what is done is kept.
    """
    _writable(out)
    parts = {task: out / "parts" / f"{task.name}-{_key(task, plan)}.parquet" for task in plan.tasks}
    left = [task for task in plan.tasks if not parts[task].exists()]
    done = len(plan.tasks) - len(left)
    for task, outcome in _outcomes(left, plan, out, processes, scheduler):
        _keep(model_file(out, task), outcome.model)
        for name, (folder, _) in BESIDE.items():
            tables.write(name, getattr(outcome, name), _beside(parts[task], folder))
        rows.write(outcome.rows, parts[task])
        _log(out, {"task": task.name, **outcome.seconds})
        done += 1
        if report:
            report(done, len(plan.tasks), task.name)
    for name, (folder, order) in BESIDE.items():
        own = (_beside(part, folder) for part in parts.values())
        tables.merge(name, own, out / f"{name}.parquet", order)
    rows.merge(parts.values(), out / "rows.parquet")
    return out / "rows.parquet"


def _writable(out: Path) -> None:
    """Refuse a folder that cannot be written before anything is trained for it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise QsimError(f"{out} cannot be written: {error.strerror}") from None


def _outcomes(
    left: list[Task], plan: Plan, out: Path, processes: int | None, scheduler: str | None
) -> Iterator[tuple[Task, measure.Outcome]]:
    """Each task with its outcome, in the order in which they finish."""
    count = min(processes or len(os.sched_getaffinity(0)), len(left))
    if count <= 1 and not scheduler:
        yield from (
            (task, measure.run(task, plan.epsilons, plan.sample, _stored(out, task))) for task in left
        )
        return
    with cluster(scheduler) if scheduler else _local(count) as executor:
        futures: dict[Future[measure.Outcome], Task] = {
            executor.submit(measure.run, task, plan.epsilons, plan.sample, _stored(out, task)): task
            for task in left
        }
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise QsimError("a worker process died; what is done is kept, run again to go on") from None
        finally:
            for future in futures:
                future.cancel()


@contextmanager
def _local(processes: int) -> Iterator[Executor]:
    with ProcessPoolExecutor(processes, get_context("spawn"), _start_worker) as executor:
        yield executor


def _start_worker() -> None:
    """One thread a process, and no process that outlives the one that started it."""
    os.environ["QSIM_THREADS"] = "1"
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _key(task: Task, plan: Plan | None = None) -> str:
    """Of a model if there is no plan, else of its rows."""
    facts = {
        "task": asdict(task),
        "epsilons": plan and plan.epsilons,
        "origin": origin(),
        "code": _code(ATTACKS if plan else TRAINING),
    }
    if plan:
        facts["sample"] = asdict(plan.sample)
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


@cache
def _code(places: tuple[str, ...]) -> str:
    """Checksum of the source files in some places of the package."""
    files = [f for p in places for f in sorted(PACKAGE.joinpath(p).rglob("*.py")) or [PACKAGE / p]]
    return hashlib.sha256(b"".join(hashlib.sha256(f.read_bytes()).digest() for f in files)).hexdigest()


def _beside(part: Path, folder: str) -> Path:
    """Where another table of a part's network is."""
    return part.parents[1] / folder / part.name


def model_file(out: Path, task: Task) -> Path:
    return out / "models" / f"{task.name}-{_key(task)}.safetensors"


def _stored(out: Path, task: Task) -> bytes | None:
    file = model_file(out, task)
    return file.read_bytes() if file.exists() else None


def _keep(file: Path, content: bytes) -> None:
    with replacing(file) as temporary:
        temporary.write_bytes(content)


def _log(out: Path, entry: dict[str, Any]) -> None:
    """Append what may differ from run to run."""
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")
