"""The second attack axis: what is left of a network when the attack is as strong as ours are.

On two inputs every code within reach is tried, so the figures are the truth. Elsewhere `strong`, or
`strongest` if asked for, looks for the smallest strength that breaks each of the first test images, and the
audit says what FGSM's own figure is worth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ....attacks import get
from ....attacks.audit import audit
from ....attacks.fgsm import FGSM
from ....attacks.steps import lattice_step
from ....data import Dataset
from ....model.model import Model
from ....robustness.breaking import smallest_breaking
from ....robustness.complete import true_distances
from .tasks import Sample, Task

AUDITED_AT = {"mnist": 0.05, "spiral": 0.1}  # strengths at which FGSM still leaves much
AUDITED_IMAGES = 100  # spread over the test set, whose classes may come in order

Rows = list[dict[str, Any]]


def strong_rows(
    task: Task, model: Model, dataset: Dataset, epsilons: tuple[float, ...], sample: Sample
) -> Rows:
    """A row for each strength: the test images that no attack of ours has broken up to there."""
    complete = model.inputs == 2
    strengths = epsilons if complete else sample.epsilons
    images = slice(None) if complete else slice(sample.images)
    codes, labels = dataset.codes[images], dataset.labels[images]
    if complete:
        steps = np.array([lattice_step(model, epsilon) for epsilon in strengths])
        first = np.searchsorted(steps, true_distances(model, codes, labels, int(steps[-1])))
    else:
        first = smallest_breaking(get(sample.attack), model, codes, labels, strengths, seed=task.seed)
    own = {
        **_named(task, model),
        "variant": task.variant,
        "path": "integer",
        "attack": "complete" if complete else sample.attack,
        "images": len(codes),
    }
    return [
        {**own, "epsilon": epsilon, "step": lattice_step(model, epsilon), **_standing(first, k)}
        for k, epsilon in enumerate(strengths)
    ]


def _standing(first: npt.NDArray[np.int64], k: int) -> dict[str, Any]:
    """How many images are broken at no strength up to the one of index k."""
    standing = int((first > k).sum())
    return {"correct": standing, "accuracy": standing / len(first)}


def audit_rows(task: Task, model: Model, dataset: Dataset) -> Rows:
    """A row for each check of the audit of FGSM, with what FGSM and `strongest` leave of the same images."""
    epsilon = AUDITED_AT[task.dataset]
    spread = slice(None, None, max(len(dataset.codes) // AUDITED_IMAGES, 1))
    codes, labels = dataset.codes[spread][:AUDITED_IMAGES], dataset.labels[spread][:AUDITED_IMAGES]
    found = audit(model, codes, labels, epsilon, attack=FGSM, seed=task.seed)
    own = {
        **_named(task, model),
        "images": len(codes),
        "epsilon": epsilon,
        "under_fgsm": found.under_attack,
        "under_strongest": found.under_strongest,
    }
    return [
        {
            **own,
            "check": finding.name,
            "figure": finding.figure,
            "threshold": finding.threshold,
            "flagged": finding.flagged,
        }
        for finding in found.findings
    ]


def _named(task: Task, model: Model) -> dict[str, Any]:
    own = {name: getattr(task, name) for name in ("dataset", "activation", "bits", "seed")}
    return {**own, "digest": model.digest}
