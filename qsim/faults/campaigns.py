"""Campaigns: many faults on many images, batch by batch, so that a run that was killed goes on.

`singles.parquet` has a row for each single fault, all of them or a stratified sample; `images.parquet` how
many of a layer's faults in a bit change the class of each image; `trials.parquet` a row for each list that
was drawn with a chance for every place. A finished batch is one file in `parts/`, put in place whole, and
named by a checksum of all that it depends on.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..attacks.steps import checked_labels
from ..cli.results import origin
from ..cluster import cluster
from ..errors import QsimError
from ..jit.parallel import threads
from ..model.checks import checked_int
from ..model.model import Model
from . import tables
from .clipping import clipped
from .difference import Baseline
from .draw import Space, draw
from .kinds import kind_of
from .lists import FaultList, apply_faults
from .memory import Integers
from .threat import Threat, Withstood

BATCH = 16_384  # single faults
TRIALS = 8  # random lists in a batch, where no attack follows
Rows = dict[str, Any]  # columns of equal length
Report = Callable[[int, int, str], None]  # batches done, batches in all, the last one's name


@dataclass(frozen=True)
class Plan:
    """What a campaign does to each model.

    Parameters
    ----------
    kinds : tuple of str
        Of `kinds.KINDS`; single faults are flipped bits of ideal layers.
    rates : tuple of float
        Chances with which every place is wrong, 0 to 1. Empty: single faults.
    trials : int
        Lists drawn for each rate, numbered from `seed`.
    sample : int or None
        Single faults drawn in each layer and bit; None for all.
    seed : int
    threat : Threat or None
        What is done to the inputs of every drawn network.
    clip : bool
        Whether the weights of every drawn network are clipped as they are loaded; see `clipping`.
    """

    kinds: tuple[str, ...]
    rates: tuple[float, ...] = ()
    trials: int = 20
    sample: int | None = None
    seed: int = 0
    threat: Threat | None = None
    clip: bool = False

    def __post_init__(self) -> None:
        for name in self.kinds:
            kind_of(name)
        for rate in self.rates:
            if not 0 <= rate <= 1:
                raise QsimError(f"fault rate is {rate!r}; 0 to 1 is allowed")
        checked_int(self.trials, 1, 1 << 20, "number of trials")
        checked_int(self.seed, 0, 1 << 62, "seed")
        if self.sample is not None:
            checked_int(self.sample, 2, 1 << 40, "sample of single faults")
        if (self.threat or self.clip) and not self.rates:
            raise QsimError("attacked inputs and clipped weights go with drawn faults; a rate is needed")


@dataclass(frozen=True, eq=False)
class Subject:
    """A model under its name, and labelled images (N, inputs) for it."""

    name: str
    model: Model
    codes: npt.NDArray[Any]
    labels: npt.NDArray[Any]


@dataclass(frozen=True)
class Batch:
    """A part of a campaign: faults or trials `start` to `stop` of a kind in a subject."""

    subject: int
    kind: str
    layer: int
    rate: float
    start: int
    stop: int

    @property
    def name(self) -> str:
        if self.layer < 0:
            return f"{self.kind}-{self.rate:g}-{self.start}"
        return f"{self.kind}-layer{self.layer}-{self.start}"


def campaign(
    models: Mapping[str, Model],
    codes: npt.ArrayLike,
    labels: npt.NDArray[Any],
    plan: Plan,
    out: Path,
    report: Report | None = None,
    scheduler: str | None = None,
) -> Path:
    """Do what is left of a campaign and gather its rows.

    Parameters
    ----------
    models : mapping from a name to a model
    codes : int array (N, inputs)
    labels : int array (N,)
    plan : Plan
    out : folder for the rows and for `parts/`
    report : called after each batch
    scheduler : str, optional
        Address of a Dask scheduler whose workers do the batches instead of this process's threads.

    Returns
    -------
    Path of `trials.parquet`, or of `singles.parquet` with `images.parquet` beside it. The same bytes for
    every number of threads or workers, interrupted or not.

    Raises
    ------
    QsimError
        If models, images and plan do not fit together, a file cannot be written, or no scheduler answers.
    """
    tables.arrow()  # if it is missing, say so before the work
    subjects = [_subject(name, model, codes, labels) for name, model in models.items()]
    batches = list(_batches(subjects, plan))
    parts = [out / "parts" / _file_name(batch, subjects[batch.subject], plan) for batch in batches]
    left = [i for i, part in enumerate(parts) if not part.exists()]
    run = _Run(subjects, plan)
    with cluster(scheduler) if scheduler else ThreadPoolExecutor(threads()) as pool:
        futures = {pool.submit(run.rows, batches[i]): i for i in left}
        try:
            for done, future in enumerate(as_completed(futures), len(parts) - len(left) + 1):
                _keep(parts[futures[future]], *future.result())
                if report:
                    batch = batches[futures[future]]
                    report(done, len(parts), f"{subjects[batch.subject].name} {batch.name}")
        finally:
            for future in futures:
                future.cancel()
    if plan.rates:
        tables.write(tables.read(parts), out / "trials.parquet")
        return out / "trials.parquet"
    tables.write(tables.read(map(_images, parts)), out / "images.parquet")
    tables.write(tables.read(parts), out / "singles.parquet")
    return out / "singles.parquet"


def _subject(name: str, model: Model, codes: npt.ArrayLike, labels: npt.NDArray[Any]) -> Subject:
    checked = model.checked(codes)
    if not len(checked):
        raise QsimError("a campaign on no images; at least one is needed")
    return Subject(name, model, checked, checked_labels(model, checked, labels))


def _batches(subjects: Sequence[Subject], plan: Plan) -> Iterator[Batch]:
    for i, subject in enumerate(subjects):
        for name in plan.kinds:
            space, trials = Space(subject.model, kind_of(name)), 1 if plan.threat else TRIALS
            for rate in plan.rates:
                for start in range(0, plan.trials, trials):
                    yield Batch(i, name, -1, rate, start, min(start + trials, plan.trials))
            if plan.rates:
                continue
            for index, sites, values in space.layers:
                each = sites.places if plan.sample is None else min(plan.sample, sites.places)
                for start in range(0, each * values, BATCH):
                    yield Batch(i, name, index, 0.0, start, min(start + BATCH, each * values))


def _file_name(batch: Batch, subject: Subject, plan: Plan) -> str:
    """A batch's name and a checksum of all that it depends on."""
    facts = [batch.name, batch.stop, batch.rate, subject.name, subject.model.digest, plan.sample, plan.seed]
    facts += [plan.threat] if plan.threat else []
    facts += ["clip"] if plan.clip else []
    digest = hashlib.sha256(repr([*facts, BATCH, origin()["qsim"], origin()["spec"]]).encode())
    for array in (subject.codes, subject.labels):
        digest.update(np.ascontiguousarray(array, "<i8").tobytes())
    return f"{batch.name}-{digest.hexdigest()[:16]}.parquet"


def _images(part: Path) -> Path:
    """The file of the counts by image beside a part."""
    return part.with_name(f"images-{part.name}")


def _keep(part: Path, rows: Rows, images: Rows | None) -> None:
    """Write what a batch gave, the counts by image before the rows that say it is done."""
    if images is not None:
        tables.write(images, _images(part))
    tables.write(rows, part)


class _Run:
    """Batches of one campaign; what single faults start from is made once for each model.

    A copy in another process begins with nothing made.
    """

    def __init__(self, subjects: Sequence[Subject], plan: Plan) -> None:
        self.subjects, self.plan = subjects, plan
        self.baselines: dict[int, Baseline] = {}
        self.withstood: dict[tuple[int, str], Withstood] = {}
        self.lock = threading.Lock()

    def __reduce__(self) -> tuple[type[_Run], tuple[Sequence[Subject], Plan]]:
        return _Run, (self.subjects, self.plan)

    def rows(self, batch: Batch) -> tuple[Rows, Rows | None]:
        """The rows of a batch; of single faults also their counts by image."""
        subject = self.subjects[batch.subject]
        if batch.layer < 0:
            rows = _trials(subject, batch, self.plan)
            return rows | self._threatened(batch, rows["seed"]), None
        return _singles(subject, self._baseline(batch.subject), batch, self.plan)

    def _threatened(self, batch: Batch, seeds: Integers) -> Rows:
        """The columns of what the drawn networks withstand; equal networks are attacked once."""
        threat, subject = self.plan.threat, self.subjects[batch.subject]
        if threat is None:
            return {}
        found = []
        for seed in seeds.tolist():
            _, broken = _drawn(subject, batch, seed, self.plan)
            key = batch.subject, broken.digest
            if key not in self.withstood:
                self.withstood[key] = threat.withstood(broken, subject.codes, subject.labels, self.plan.seed)
            found.append(self.withstood[key])
        columns = {"unbroken": np.array([each.unbroken for each in found], np.int64)}
        if threat.certify:
            columns["certified"] = np.array([each.certified for each in found], np.int64)
        return columns

    def _baseline(self, index: int) -> Baseline:
        with self.lock:
            if index not in self.baselines:
                subject = self.subjects[index]
                self.baselines[index] = Baseline.of(subject.model, subject.codes, subject.labels)
            return self.baselines[index]


def _drawn(subject: Subject, batch: Batch, seed: int, plan: Plan) -> tuple[FaultList, Model]:
    """A list drawn with a chance for every place, and the network that has it."""
    faults = draw(subject.model, [batch.kind], batch.rate, seed)
    broken = apply_faults(subject.model, faults)
    return faults, clipped(broken, subject.model) if plan.clip else broken


def _trials(subject: Subject, batch: Batch, plan: Plan) -> Rows:
    """Rows of lists drawn with a chance for every place."""
    usual = subject.model.predict(subject.codes)
    found = []
    for seed in range(plan.seed + batch.start, plan.seed + batch.stop):
        faults, broken = _drawn(subject, batch, seed, plan)
        classes = broken.predict(subject.codes)
        right, changed = (classes == subject.labels).sum(), (classes != usual).sum()
        found.append((seed, len(faults), int(right), int(changed)))
    seeds, counts, correct, changed = np.array(found, np.int64).T
    own = {**_named(subject, batch.kind, len(found)), "rate": np.full(len(found), batch.rate)}
    return {**own, "seed": seeds, "faults": counts, "correct": correct, "changed": changed}


def _named(subject: Subject, kind: str, rows: int) -> Rows:
    """The columns that say what the rows are of."""
    first, images = subject.model.layers[0], len(subject.codes)
    words = {
        "model": subject.name,
        "digest": subject.model.digest,
        "grid": first.grid,
        "activation": first.activation or "",
        "kind": kind,
    }
    return {
        **{name: [word] * rows for name, word in words.items()},
        "bits": np.full(rows, first.bits),
        "images": np.full(rows, images),
    }


def _singles(subject: Subject, baseline: Baseline, batch: Batch, plan: Plan) -> tuple[Rows, Rows]:
    """Rows of single faults, and rows of their counts by image."""
    space = Space(subject.model, kind_of(batch.kind))
    table = space.table(_numbers(space, batch, plan))
    effects = baseline.effects(batch.kind, table)
    places = np.full((len(table), 2), -1, np.int64)
    places[:, : table.shape[1] - 2] = table[:, 1:-1]
    rows = {
        **_named(subject, batch.kind, len(table)),
        "layer": table[:, 0].astype(np.int32),
        "place": places[:, 0].astype(np.int32),
        "input": places[:, 1].astype(np.int32),
        "bit": table[:, -1].astype(np.int32),
        "correct": effects.correct.astype(np.int32),
        "changed": effects.changed.astype(np.int32),
        "masked": effects.masked.astype(np.int32),
    }
    used = np.unique(table[:, -1])
    images = {
        **_named(subject, batch.kind, len(used)),
        "layer": np.full(len(used), batch.layer),
        "bit": used,
        "faults": np.bincount(table[:, -1])[used],
        "changed": effects.by_image[used],
    }
    return rows, images


def _numbers(space: Space, batch: Batch, plan: Plan) -> Integers:
    """The numbers in their space of a batch's faults."""
    here = [index for index, _, _ in space.layers].index(batch.layer)
    start, (_, sites, values) = sum(space.sizes[:here]), space.layers[here]
    wanted = np.arange(batch.start, batch.stop)
    if plan.sample is None or plan.sample >= sites.places:
        return start + wanted
    sampled = []
    for value in range(values):
        random = np.random.default_rng([plan.seed, batch.layer, value])
        sampled.append(np.sort(random.choice(sites.places, plan.sample, replace=False)) * values + value)
    return start + np.sort(np.concatenate(sampled)[wanted])
