"""One task: train and freeze a network, attack it at every strength, on the shadow and on the integers.

The second attack axis of a base network, and the audit of FGSM, are `strong`'s.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from .... import data as data_sets
from ....attacks.fgsm import gradient_signs
from ....attacks.steps import Codes, Labels, Signs, lattice_step
from ....model.file import load
from ....model.model import Model
from ....robustness import sweep
from ....shadow.network import of_model
from ....shadow.quantize import quantize
from ....shadow.train import train
from ....spec import dense as spec
from ..tables.distances import NOT_FOOLED, histogram
from . import strong
from .tasks import UNROUNDED, Sample, Task

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """A task's rows, its model file, and the processor's time; the seconds are for the log only.

    `distances` is how many images are fooled first at each lattice step, `strong` the rows of the second
    attack axis: none if the network is a variant. `audits` are those of FGSM, of a few networks.
    """

    rows: Rows
    distances: Rows
    strong: Rows
    audits: Rows
    model: bytes
    seconds: dict[str, float]


def run(task: Task, epsilons: tuple[float, ...], sample: Sample, stored: bytes | None = None) -> Outcome:
    """Do a task, from a stored model file if there is one. Needs no files, so that it may run anywhere."""
    started = time.process_time()
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model")
        if stored is None:
            train_model(task).save(file)
        else:
            file.write_bytes(stored)
        trained = time.process_time()
        model = load(file)
        tables = rows_of(task, model, epsilons)
        attacked = time.process_time()
        second = strong_tables(task, model, epsilons, sample)
        seconds = {
            "training": trained - started,
            "attacks": attacked - trained,
            "strong": time.process_time() - attacked,
        }
        return Outcome(*tables, *second, file.read_bytes(), seconds)


def strong_tables(task: Task, model: Model, epsilons: tuple[float, ...], sample: Sample) -> tuple[Rows, Rows]:
    """The second attack axis of a base network, and the audit if it is one of the sample's."""
    if task.variant != "base":
        return [], []
    dataset = _data(task.source, "test")
    audited = task.seed == 0 and task.bits in sample.audited and task.dataset in strong.AUDITED_AT
    return (
        strong.strong_rows(task, model, dataset, epsilons, sample),
        strong.audit_rows(task, model, dataset) if audited else [],
    )


def train_model(task: Task) -> Model:
    """The task's network, frozen."""
    history: list[float] = []
    network = train(
        _data(task.source, "train"),
        bits=None if task.bits == UNROUNDED else task.bits,
        activation=task.activation,
        hidden=task.hidden,
        seed=task.seed,
        grid=task.grid,
        recipe=task.recipe,
        report=lambda epoch, epochs, accuracy: history.append(accuracy),
    )
    best = int(np.argmax(history))
    course = {"epochs": len(history), "best_epoch": best + 1, "validation": history[best]}
    return quantize(
        replace(network, bits=task.bits), provenance={"data": task.source, **asdict(task), **course}
    )


def rows_of(task: Task, model: Model, epsilons: tuple[float, ...]) -> tuple[Rows, Rows]:
    """The rows of one network, and its distances.

    The plain attack and, of a base network, the unsaturated one; on seed 0 also the attack without
    clipping, if the strongest would leave the input format.
    """
    dataset = _data(task.source, "test")
    codes, labels, shadow = dataset.codes, dataset.labels, of_model(model)
    plain = gradient_signs(shadow, codes, labels)
    wrong = _attack(model, codes, labels, epsilons, plain)
    rows = _scores(task, model, epsilons, task.variant, plain, wrong)
    if task.variant != "base":
        return rows, []
    lattice = wrong["integer"]
    first = np.where(lattice.any(axis=1), lattice.argmax(axis=1), NOT_FOOLED)
    own = {name: rows[0][name] for name in ("dataset", "activation", "bits", "seed", "digest")}
    one = model.layers[0].codes_per_unit
    distances = [{**own, **row} for row in histogram(first, codes, plain, model.input, one)]

    unsaturated = gradient_signs(shadow, codes, labels, "unsaturated")
    other = (unsaturated != plain).any(axis=1)  # the same directions need not be walked again
    again = _attack(model, codes[other], labels[other], epsilons, unsaturated[other])
    changed = {path: found.copy() for path, found in wrong.items()}
    for path, found in again.items():
        changed[path][other] = found
    rows += _scores(task, model, epsilons, "unsaturated", unsaturated, changed)

    reach = lattice_step(model, epsilons[-1])
    low, high = int(codes.min()) - reach, int(codes.max()) + reach
    if task.seed == 0 and (low < model.input.low or high > model.input.high):
        wrong = _attack(model, codes, labels, epsilons, plain, clip=False)
        rows += _scores(task, model, epsilons, "unclipped", plain, wrong, clip=False)
    return rows, distances


def _attack(
    model: Model, codes: Codes, labels: Labels, epsilons: tuple[float, ...], signs: Signs, clip: bool = True
) -> dict[str, npt.NDArray[np.bool_]]:
    """Which images are wrong: (N, strengths) on the shadow, (N, all lattice steps) on the integers."""
    last = lattice_step(model, epsilons[-1])
    return {
        "shadow": sweep.shadow(of_model(model), codes, signs, epsilons, clip) != labels[:, None],
        "integer": sweep.integer(model, codes, signs, range(last + 1), clip) != labels[:, None],
    }


def _scores(
    task: Task,
    model: Model,
    epsilons: tuple[float, ...],
    variant: str,
    signs: Signs,
    wrong: dict[str, npt.NDArray[np.bool_]],
    clip: bool = True,
) -> Rows:
    steps = [lattice_step(model, epsilon) for epsilon in epsilons]
    images = len(signs)
    own = {
        **{name: getattr(task, name) for name in ("dataset", "activation", "bits", "seed")},
        "variant": variant,
        "clip": clip,
        "images": images,
        "digest": model.digest,
        "spec": spec.VERSION,
        "qsim": version("qsim"),
        "zero_gradients": float((~signs.any(axis=1)).mean()),
    }
    rows = []
    for path, found in wrong.items():
        columns = steps if path == "integer" else slice(None)
        errors = _count(found[:, columns])
        fooled = _count(np.maximum.accumulate(found, axis=1)[:, columns])
        for epsilon, step, missed, ever in zip(epsilons, steps, errors, fooled, strict=True):
            scores = {"correct": images - missed, "accuracy": (images - missed) / images, "fooled": ever}
            rows.append({**own, "path": path, "epsilon": epsilon, "step": step, **scores})
    return rows


def _count(found: npt.NDArray[np.bool_]) -> list[int]:
    return [int(n) for n in found.sum(axis=0)]


@cache
def _data(name: str, split: str) -> data_sets.Dataset:
    return data_sets.load(name, split)
