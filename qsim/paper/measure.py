"""One task: train and freeze a network, attack it at every strength, on the shadow and on the integers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from .. import data as data_sets
from ..machine import spec
from ..machine.model import Model, load
from ..robustness import sweep
from ..robustness.attacks import Signs, gradient_signs, lattice_step
from ..shadow.network import of_model
from ..shadow.quantize import quantize
from ..shadow.train import train
from .tasks import UNROUNDED, Task


@dataclass(frozen=True)
class Outcome:
    """A task's rows, its model file, and how long it took; the seconds are for the log only."""

    rows: list[dict[str, Any]]
    model: bytes
    seconds: dict[str, float]


def run(task: Task, epsilons: tuple[float, ...], stored: bytes | None = None) -> Outcome:
    """Do a task, from a stored model file if there is one. Needs no files, so that it may run anywhere."""
    started = time.perf_counter()
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model")
        if stored is None:
            train_model(task).save(file)
        else:
            file.write_bytes(stored)
        trained = time.perf_counter()
        rows = list(rows_of(task, load(file), epsilons))
        seconds = {"training": trained - started, "attacks": time.perf_counter() - trained}
        return Outcome(rows, file.read_bytes(), seconds)


def train_model(task: Task) -> Model:
    """The task's network, frozen."""
    network = train(
        _data(task.dataset, "train"),
        bits=None if task.bits == UNROUNDED else task.bits,
        activation=task.activation,
        hidden=task.hidden,
        seed=task.seed,
        grid=task.grid,
        recipe=task.recipe,
    )
    return quantize(replace(network, bits=task.bits), provenance={"data": task.dataset, **asdict(task)})


def rows_of(task: Task, model: Model, epsilons: tuple[float, ...]) -> Iterator[dict[str, Any]]:
    """The rows of one network: the plain attack and, of a base network, the unsaturated one.

    On seed 0 also the attack without clipping, if the strongest would leave the input format.
    """
    dataset = _data(task.dataset, "test")
    shadow = of_model(model)
    plain = gradient_signs(shadow, dataset.codes, dataset.labels)
    yield from _attack(task, model, epsilons, task.variant, plain)
    if task.variant == "base":
        unsaturated = gradient_signs(shadow, dataset.codes, dataset.labels, "unsaturated")
        yield from _attack(task, model, epsilons, "unsaturated", unsaturated)
        reach = lattice_step(model, epsilons[-1])
        low, high = int(dataset.codes.min()) - reach, int(dataset.codes.max()) + reach
        if task.seed == 0 and (low < model.input.low or high > model.input.high):
            yield from _attack(task, model, epsilons, "unclipped", plain, clip=False)


def _attack(
    task: Task, model: Model, epsilons: tuple[float, ...], variant: str, signs: Signs, clip: bool = True
) -> Iterator[dict[str, Any]]:
    codes, labels = _data(task.dataset, "test").codes, _data(task.dataset, "test").labels
    steps = [lattice_step(model, epsilon) for epsilon in epsilons]
    shadow = sweep.shadow(of_model(model), codes, signs, epsilons, clip) != labels[:, None]
    lattice = sweep.integer(model, codes, signs, range(steps[-1] + 1), clip) != labels[:, None]
    paths = {
        "shadow": (shadow, np.maximum.accumulate(shadow, axis=1)),
        "integer": (lattice[:, steps], np.maximum.accumulate(lattice, axis=1)[:, steps]),
    }
    for path, (wrong, fooled) in paths.items():
        counts = zip(epsilons, steps, _count(wrong), _count(fooled), strict=True)
        for epsilon, step, errors, fooled_count in counts:
            yield {
                "dataset": task.dataset,
                "activation": task.activation,
                "bits": task.bits,
                "seed": task.seed,
                "variant": variant,
                "path": path,
                "clip": clip,
                "epsilon": epsilon,
                "step": step,
                "images": len(labels),
                "correct": len(labels) - errors,
                "accuracy": (len(labels) - errors) / len(labels),
                "fooled": fooled_count,
                "zero_gradients": float((~signs.any(axis=1)).mean()),
                "digest": model.digest,
                "spec": spec.VERSION,
                "qsim": version("qsim"),
            }


def _count(found: npt.NDArray[np.bool_]) -> list[int]:
    return [int(n) for n in found.sum(axis=0)]


@cache
def _data(name: str, split: str) -> data_sets.Dataset:
    return data_sets.load(name, split)
