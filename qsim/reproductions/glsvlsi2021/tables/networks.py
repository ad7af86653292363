"""Tables that need the networks themselves: what each is, attacks from elsewhere, regions, digits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .... import data as data_sets
from ....attacks.fgsm import gradient_signs
from ....attacks.steps import Signs, lattice_step, move
from ....model.file import load
from ....model.model import Model
from ....robustness import sweep
from ....shadow.network import of_model
from ..run.tasks import UNROUNDED, Task
from . import columns as tables
from . import rows
from .columns import Columns
from .grid import cube

STRENGTHS = (0.0, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)  # of masking and examples
REACH, SPACING = 1280, 8  # of the spirals' grid, in codes: beyond every point
CONTROL_SEED = 20  # of random directions
OWN = {"plain": "base", "unsaturated": "unsaturated"}  # attacks by a network's own gradient, as variants

Rows = Iterator[dict[str, Any]]


@dataclass(frozen=True)
class Trained:
    """Base networks by activation, width and seed."""

    models: Mapping[tuple[str, int, int], Model]
    dataset: data_sets.Dataset

    @property
    def activations(self) -> list[str]:
        return sorted({activation for activation, _, _ in self.models})

    @property
    def widths(self) -> list[int]:
        return sorted({bits for _, bits, _ in self.models})


def write(folder: Path, files: Mapping[Task, Path]) -> list[Path]:
    """Write these tables beside `rows.parquet`.

    Parameters
    ----------
    folder : where `rows.parquet` is
    files : the model file of each task
    """
    found = rows.read(folder / "rows.parquet")
    trained = {name: _trained(name, files) for name in sorted({task.dataset for task in files})}
    made: dict[str, Rows] = {
        "networks": networks(found, files),
        "masking": (row for part in trained.values() for row in masking(found, part)),
    }
    if "spiral" in trained:
        made |= {"regions": regions(trained["spiral"]), "spirals": spirals()}
    if "mnist" in trained:
        made["examples"] = examples(trained["mnist"])
    paths = []
    for name, entries in made.items():
        tables.write(name, entries, folder / f"{name}.parquet")
        paths.append(folder / f"{name}.parquet")
    return paths


def _trained(dataset: str, files: Mapping[Task, Path]) -> Trained:
    own = {t: f for t, f in files.items() if t.dataset == dataset and t.variant == "base"}
    models = {(t.activation, t.bits, t.seed): load(f) for t, f in own.items()}
    return Trained(models, data_sets.load(dataset, "test"))


def networks(found: Columns, files: Mapping[Task, Path]) -> Rows:
    """One row a network: how it was trained and what it scores without attack."""
    clean = found["epsilon"] == 0
    keys = ("dataset", "activation", "bits", "seed", "variant", "path")
    places = zip(*(found[key][clean].tolist() for key in keys), strict=True)
    scores = zip(found["accuracy"][clean].tolist(), found["zero_gradients"][clean].tolist(), strict=True)
    at = dict(zip(places, scores, strict=True))
    for task, file in files.items():
        own = task.dataset, task.activation, task.bits, task.seed
        model = load(file)
        course = {name: model.provenance[name] for name in ("epochs", "best_epoch", "validation")}
        yield {
            **dict(zip(keys, (*own, task.variant), strict=False)),
            "digest": model.digest,
            "file": file.name,
            **course,
            **{f"clean_{path}": at[*own, task.variant, path][0] for path in ("integer", "shadow")},
            "zero_gradients": at[*own, task.variant, "integer"][1],
            "zero_unsaturated": at.get((*own, "unsaturated", "integer"), (0, math.nan))[1]
            if task.variant == "base"
            else math.nan,
            "recipe": json.dumps(asdict(task.recipe)),
        }


def masking(found: Columns, trained: Trained) -> Rows:
    """Accuracy of the integers under directions of their own shadow, plain and unsaturated, and of others.

    If masking protects a network, the unrounded one's gradients or mere chance hurt it as much as its own.
    The first two are taken from the rows.
    """
    dataset = trained.dataset
    codes, labels = dataset.codes, dataset.labels
    chance = np.random.default_rng(CONTROL_SEED).choice(np.array([-1, 1], np.int8), codes.shape)
    own = {a: cube(found, dataset.name, v, "integer") for a, v in OWN.items()}
    zeros = {a: cube(found, dataset.name, v, "integer", "zero_gradients") for a, v in OWN.items()}
    at = [k for k, epsilon in enumerate(own["plain"].epsilons) if epsilon in STRENGTHS]
    strengths = [float(own["plain"].epsilons[k]) for k in at]
    for i, activation in enumerate(trained.activations):
        directions = {"transfer": [_unrounded_signs(trained, activation, s) for s in own["plain"].seeds]}
        directions["random"] = [chance] * len(own["plain"].seeds)
        for j, bits in enumerate(trained.widths):
            scores = {attack: part.values[i, j][:, at].mean(axis=0) for attack, part in own.items()}
            idle = {attack: part.values[i, j, :, 0].mean() for attack, part in zeros.items()}
            for attack, by_seed in directions.items():
                models = [trained.models[activation, bits, seed] for seed in own["plain"].seeds]
                right = [
                    _right(model, codes, labels, signs, strengths)
                    for model, signs in zip(models, by_seed, strict=True)
                ]
                scores[attack] = np.mean(right, axis=0)
                idle[attack] = np.mean([~signs.any(axis=1) for signs in by_seed])
            for attack, accuracies in scores.items():
                for epsilon, accuracy in zip(strengths, accuracies, strict=True):
                    yield {
                        "dataset": dataset.name,
                        "activation": activation,
                        "bits": bits,
                        "attack": attack,
                        "path": "integer",
                        "epsilon": epsilon,
                        "accuracy": accuracy,
                        "zero_gradients": idle[attack],
                    }


def _unrounded_signs(trained: Trained, activation: str, seed: int) -> Signs:
    shadow = of_model(trained.models[activation, UNROUNDED, seed])
    return gradient_signs(shadow, trained.dataset.codes, trained.dataset.labels, "unsaturated")


def _right(model: Model, codes: Any, labels: Any, signs: Signs, strengths: list[float]) -> Any:
    """The share of images that are still right at each strength."""
    steps = [lattice_step(model, epsilon) for epsilon in strengths]
    return (sweep.integer(model, codes, signs, steps) == labels[:, None]).mean(axis=0)


def regions(trained: Trained) -> Rows:
    """What the hardware says of every point of a grid of input codes, by width."""
    axis = np.arange(-REACH, REACH + 1, SPACING, dtype=np.int16)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    for (activation, bits, seed), model in sorted(trained.models.items(), key=lambda item: item[0]):
        if seed == 0:
            yield {
                "activation": activation,
                "bits": bits,
                "digest": model.digest,
                "one": trained.dataset.codes_per_unit,
                "x0": -REACH,
                "y0": -REACH,
                "spacing": SPACING,
                "width": axis.size,
                "height": axis.size,
                "classes": np.packbits(model.predict(grid).astype(bool)).tobytes(),
            }


def spirals() -> Rows:
    """The points of both readings of equation 15."""
    for turns, name in (("short", "spiral"), ("literal", "spiral-literal")):
        for split in data_sets.SPLITS:
            points = data_sets.load(name, split)
            for (x, y), label in zip(points.codes.tolist(), points.labels.tolist(), strict=True):
                yield {
                    "split": split,
                    "spiral": turns,
                    "x_code": x,
                    "y_code": y,
                    "label": label,
                    "x": x / points.codes_per_unit,
                    "y": y / points.codes_per_unit,
                }


def examples(trained: Trained) -> Rows:
    """The first test image of each digit, attacked from each network of seed 0, as every width sees it."""
    codes, labels = trained.dataset.codes, trained.dataset.labels
    chosen = np.array([int(np.argmax(labels == digit)) for digit in range(trained.dataset.classes)])
    pixels, truth = codes[chosen], labels[chosen]
    for activation in trained.activations:
        judges = {bits: trained.models[activation, bits, 0] for bits in trained.widths}
        for bits, model in judges.items():
            signs = gradient_signs(of_model(model), pixels, truth)
            steps = [lattice_step(model, e) for e in STRENGTHS]
            says = np.array(
                [
                    [judge.predict(move(pixels, signs, step, model.input)) for judge in judges.values()]
                    for step in steps
                ]
            )
            for i, image in enumerate(chosen):
                yield {
                    "image": int(image),
                    "label": int(truth[i]),
                    "activation": activation,
                    "bits": bits,
                    "digest": model.digest,
                    "pixels": _bytes(pixels[i]),
                    "signs": _bytes(signs[i]),
                    "epsilons": list(STRENGTHS),
                    "steps": steps,
                    "says_bits": list(judges),
                    "says": says[:, :, i].tolist(),
                }


def _bytes(row: npt.NDArray[Any]) -> bytes:
    return row.tobytes()
