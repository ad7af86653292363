"""A run's folder made from formulas in a second: every table that figures and report read."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np

from qsim.reproductions.glsvlsi2021 import figures, report
from qsim.reproductions.glsvlsi2021.run.tasks import UNROUNDED
from qsim.reproductions.glsvlsi2021.tables import columns as tables
from qsim.reproductions.glsvlsi2021.tables import rows
from qsim.robustness import geometry

ACTIVATIONS = ("relu", "sigmoid", "step")
BITS = (1, 4, 10)
SEEDS = (0, 1)
PATHS = ("integer", "shadow")
EPSILONS = (0.0, 0.005, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
ONE = {"mnist": 255, "spiral": 1024}
INPUTS = {"mnist": 784, "spiral": 2}
IMAGES = {"mnist": 10_000, "spiral": 400}


def digest(*facts: object) -> str:
    return "".join(f"{sum(map(ord, str(f))) % 256:02x}" for f in facts).ljust(64, "0")


def step(dataset: str, epsilon: float) -> int:
    return int(epsilon * ONE[dataset] + 0.5)


def correct(dataset: str, activation: str, bits: int, seed: int, path: str, epsilon: float) -> int:
    """More bits start higher and fall faster; the spirals rise again; every network has its own figures."""
    q = min(bits, 11)
    start = 0.9 + 0.007 * q if dataset == "mnist" else 0.5 + 0.045 * q
    fall = (3 + 0.8 * q) * epsilon
    share = start * np.exp(-fall) + (0.6 * max(epsilon - 0.2, 0) if dataset == "spiral" else 0)
    share += 0.01 * ACTIVATIONS.index(activation) * np.exp(-5 * epsilon) + 0.002 * seed
    exact = int(IMAGES[dataset] * min(share, 1.0))
    return exact - (1 if path == "shadow" and epsilon > 0 else 0)


def made_rows(datasets: tuple[str, ...]) -> list[dict[str, Any]]:
    made = []
    for dataset, activation, bits, seed in product(datasets, ACTIVATIONS, (*BITS, UNROUNDED), SEEDS):
        variants = ["base", "unsaturated"]
        if seed == 0 and bits in (1, 4):
            variants += ["patience", "twos_complement"]
        for variant, path, epsilon in product(variants, PATHS, EPSILONS):
            right = correct(dataset, activation, bits, seed, path, epsilon)
            images = IMAGES[dataset]
            made.append(
                {
                    "dataset": dataset,
                    "activation": activation,
                    "bits": bits,
                    "seed": seed,
                    "variant": variant,
                    "path": path,
                    "clip": True,
                    "epsilon": epsilon,
                    "step": step(dataset, epsilon),
                    "images": images,
                    "correct": right,
                    "accuracy": right / images,
                    "fooled": images - right,
                    "zero_gradients": 0.1 / bits,
                    "digest": digest(dataset, activation, bits, seed, variant),
                    "spec": 1,
                    "qsim": "0",
                }
            )
    return made


def strong(datasets: tuple[str, ...]) -> list[dict[str, Any]]:
    """The second attack axis: half of what FGSM leaves, on all strengths."""
    made = []
    for dataset, activation, bits, seed, epsilon in product(
        datasets, ACTIVATIONS, (*BITS, UNROUNDED), SEEDS, EPSILONS
    ):
        images = min(IMAGES[dataset], 500)
        right = images * correct(dataset, activation, bits, seed, "integer", epsilon) // IMAGES[dataset]
        right //= 2 if epsilon else 1
        made.append(
            {
                "dataset": dataset,
                "activation": activation,
                "bits": bits,
                "seed": seed,
                "variant": "base",
                "path": "integer",
                "attack": "complete" if dataset == "spiral" else "strong",
                "epsilon": epsilon,
                "step": step(dataset, epsilon),
                "images": images,
                "correct": right,
                "accuracy": right / images,
                "digest": digest(dataset, activation, bits, seed, "base"),
            }
        )
    return made


def audits(datasets: tuple[str, ...]) -> list[dict[str, Any]]:
    """Two checks a network; one bit is flagged."""
    return [
        {
            "dataset": d,
            "activation": a,
            "bits": q,
            "seed": 0,
            "images": 100,
            "epsilon": 0.05,
            "check": check,
            "figure": 0.3 / q,
            "threshold": 0.1,
            "flagged": 0.3 / q > 0.1,
            "under_fgsm": 0.5,
            "under_strongest": 0.5 - 0.3 / q,
            "digest": digest(d, a, q, 0, "base"),
        }
        for d, a, q, check in product(datasets, ACTIVATIONS, BITS, ("zero gradient", "strongest wins"))
    ]


def distances(datasets: tuple[str, ...]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Smallest fooling steps and fits, drawn from equation 13 with an edge ten times the paper's."""
    measured, fits = [], []
    for dataset, activation, bits, seed in product(datasets, ACTIVATIONS, BITS, SEEDS):
        n, one, images = INPUTS[dataset], ONE[dataset], IMAGES[dataset]
        own = {"dataset": dataset, "activation": activation, "bits": bits, "seed": seed}
        own["digest"] = digest(dataset, activation, bits, seed, "base")
        s = geometry.edge(bits, n)
        for model, edge, dimension in (("paper", s, n), ("s", 10 * s, n), ("n", s, max(n // 10, 1))):
            fits.append(
                {
                    **own,
                    "model": model,
                    "s": edge,
                    "n": float(dimension),
                    "h": geometry.inradius(edge, dimension),
                    "ks": 0.3,
                    "ks_critical": 0.01,
                    "images": images,
                    "mean_measured": 1.0,
                    "mean_modelled": geometry.mean_distance(edge, dimension),
                    "fooled_share": 0.9,
                }
            )
        for k in (-1, 0, 1, 2, 4, 8, 16, 32):
            reached = k / one if k >= 0 else float("nan")
            measured.append(
                {
                    **own,
                    "step": k,
                    "images": images // 10,
                    "epsilon": reached,
                    "distance": reached * n**0.5,
                    "length": reached * n**0.5,
                }
            )
    return measured, fits


def bounds(datasets: tuple[str, ...]) -> list[dict[str, Any]]:
    made = []
    for dataset, activation, bits, path, epsilon in product(datasets, ACTIVATIONS, BITS, PATHS, EPSILONS):
        relative = correct(dataset, activation, bits, 0, path, epsilon) / correct(
            dataset, activation, bits, 0, path, 0.0
        )
        length = epsilon * INPUTS[dataset] ** 0.5
        made.append(
            {
                "dataset": dataset,
                "activation": activation,
                "bits": bits,
                "path": path,
                "epsilon": epsilon,
                "distance": length,
                "relative": relative,
                "low": relative - 0.02,
                "high": relative + 0.02,
                "bound": float(geometry.accuracy_bound(length, bits, INPUTS[dataset])),
                "log10_bound": float("nan"),
                "violated": False,
            }
        )
    return made


def critical(datasets: tuple[str, ...]) -> list[dict[str, Any]]:
    made = []
    axes = (("fgsm", "integer"), ("fgsm", "shadow"), ("strong", "integer"))
    grid = product(datasets, (*ACTIVATIONS, "all"), axes, EPSILONS[1:])
    for dataset, activation, (attack, path), epsilon in grid:
        at = (0.01 if dataset == "mnist" else 0.1) / (2 if attack == "strong" else 1)
        made.append(
            {
                "dataset": dataset,
                "activation": activation,
                "path": path,
                "attack": attack,
                "epsilon": epsilon,
                "mean": 1 - epsilon,
                "variance": abs(epsilon - at) / 10,
                "eligible": epsilon < 0.3,
                "critical": epsilon == at,
                "low": at / 2,
                "high": at * 2,
                "naive": epsilon == 0.5,
            }
        )
    return made


def changes(datasets: tuple[str, ...]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The tables of sensitivity and of masking."""
    sensitive = [
        {
            "dataset": d,
            "variant": v,
            "activation": a,
            "path": p,
            "clean": 0.01,
            "attacked": -0.02,
            "gap": 0.03,
            "critical_base": 0.01,
            "critical_variant": 0.02,
            "widths": [1, 4],
        }
        for d, v, a, p in product(datasets, ("patience", "twos_complement"), ACTIVATIONS, PATHS)
    ]
    masked = [
        {
            "dataset": d,
            "activation": a,
            "bits": q,
            "attack": k,
            "path": p,
            "epsilon": e,
            "accuracy": correct(d, a, q, 0, p, e) / IMAGES[d],
            "zero_gradients": 0.1 / q,
        }
        for d, a, q, k, p, e in product(
            datasets, ACTIVATIONS, BITS, ("plain", "unsaturated", "transfer"), PATHS, EPSILONS
        )
    ]
    return sensitive, masked


def simplices() -> list[dict[str, Any]]:
    made = []
    for q, n in ((2, 2), (3, 4), (1, 5)):
        s = geometry.edge(q, n)
        h = geometry.inradius(s, n)
        ends = np.linspace(0, h, 41)
        for low, high in pairwise(ends):
            density = float(np.diff(geometry.distribution([low, high], h, n))[0] / (high - low))
            own = {"q": q, "n": n, "s": s, "h": h, "points": 1000, "seed": 0, "low": low, "high": high}
            made.append(
                {
                    **own,
                    "count": 25,
                    "density": density,
                    "model_density": density,
                    "ks": 0.01,
                    "ks_critical": 0.05,
                }
            )
    return made


def spirals() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Points on two lines, and regions that part them at a height that differs by width."""
    points = [
        {"split": k, "spiral": s, "x_code": 100 * i, "y_code": 512 * (1 - 2 * c), "label": c}
        | {"x": 100 * i / 1024, "y": 0.5 - c}
        for k, s, i, c in product(("train", "test"), ("short", "literal"), range(-8, 9), (0, 1))
    ]
    regions = []
    for activation, bits in product(ACTIVATIONS, (*BITS, UNROUNDED)):
        classes = np.arange(12)[:, None] < bits + np.zeros((1, 16), int)
        regions.append(
            {
                "activation": activation,
                "bits": bits,
                "digest": digest("spiral", activation, bits, 0, "base"),
                "one": 1024,
                "x0": -1200,
                "y0": -1000,
                "spacing": 160,
                "width": 16,
                "height": 12,
                "classes": np.packbits(classes).tobytes(),
            }
        )
    return points, regions


def examples() -> list[dict[str, Any]]:
    """Two digits, attacked through each network; what a width says depends on all of it."""
    rng = np.random.default_rng(0)
    made = []
    for image, label in ((3, 7), (5, 2)):
        pixels = rng.integers(0, 256, 784).astype(np.uint8)
        for activation, bits in product(ACTIVATIONS, BITS):
            signs = rng.integers(-1, 2, 784).astype(np.int8)
            made.append(
                {
                    "image": image,
                    "label": label,
                    "activation": activation,
                    "bits": bits,
                    "digest": digest("mnist", activation, bits, 0, "base"),
                    "pixels": pixels.tobytes(),
                    "signs": signs.tobytes(),
                    "epsilons": list(EPSILONS),
                    "steps": [step("mnist", e) for e in EPSILONS],
                    "says_bits": list(BITS),
                    "says": rng.integers(0, 10, (len(EPSILONS), len(BITS))).tolist(),
                }
            )
    return made


def networks(datasets: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "dataset": d,
            "variant": "base",
            "activation": a,
            "bits": q,
            "seed": s,
            "digest": digest(d, a, q, s, "base"),
            "file": f"{d}-{a}-q{q}-s{s}-base-0.safetensors",
            "epochs": 20,
            "best_epoch": 12,
            "validation": 0.97,
            "clean_integer": 0.96,
            "clean_shadow": 0.96,
            "zero_gradients": 0.0,
            "zero_unsaturated": 0.0,
            "recipe": "{}",
        }
        for d, a, q, s in product(datasets, ACTIVATIONS, (*BITS, UNROUNDED), SEEDS)
    ]


def claims(datasets: tuple[str, ...]) -> list[dict[str, Any]]:
    """One of each verdict on each path, and one without a figure; the strong attack turns the first round."""
    kinds = (
        ("holds", 0.02, [0.01, 0.03]),
        ("does not hold", -0.02, [-0.03, -0.01]),
        ("depends", 0.0, None),
        ("depends", None, None),
    )
    made = []
    for dataset, path in product(datasets, PATHS):
        for verdict, figure, interval in kinds:
            name = f"{verdict.replace(' ', '-')}-{figure is None}-{dataset}"
            made.append(_claim(name, verdict, (dataset, path, "fgsm"), verdict, figure, interval))
    for dataset in datasets:
        for (verdict, *_), found in zip(kinds[:2], (kinds[1], kinds[1]), strict=True):
            name = f"{verdict.replace(' ', '-')}-False-{dataset}"
            made.append(_claim(name, verdict, (dataset, "integer", "strong"), *found))
    return made


def _claim(name: str, says: str, of: tuple[str, str, str], verdict: str, figure: Any, interval: Any) -> Any:
    part = {"where": "relu", "figure": figure, "interval": interval, "verdict": verdict}
    return {
        "id": name,
        **dict(zip(("dataset", "path", "attack"), of, strict=True)),
        "claim": f"It {says} <on> {of[0]}.",
        "how": "a figure & its limit",
        "verdict": verdict,
        "figure": figure,
        "interval": interval,
        "parts": [part, {**part, "where": "step"}],
    }


@cache
def drawn(folder: Path) -> Path:
    """A made run with figures and report, once a session; not to be changed."""
    write(folder)
    figures.draw(folder)
    report.write(folder)
    return folder


def write(folder: Path, datasets: tuple[str, ...] = ("mnist", "spiral")) -> Path:
    """Fill a folder as `qsim paper --out` does, without figures and report."""
    folder.mkdir(parents=True, exist_ok=True)
    rows.write(
        sorted(made_rows(datasets), key=lambda row: [row[name] for name in rows.ORDER]),
        folder / "rows.parquet",
    )
    (folder / "claims.json").write_text(json.dumps(claims(datasets)))
    made: dict[str, list[dict[str, Any]]] = {"simplices": simplices(), "networks": networks(datasets)}
    made["distances"], made["fits"] = distances(datasets)
    made["sensitivity"], made["masking"] = changes(datasets)
    made |= {"bound": bounds(datasets), "critical": critical(datasets)}
    made |= {"strong": strong(datasets), "audits": audits(datasets)}
    if "spiral" in datasets:
        made["spirals"], made["regions"] = spirals()
    if "mnist" in datasets:
        made["examples"] = examples()
    for name, table in made.items():
        tables.write(name, table, folder / f"{name}.parquet")
    about = {"versions": {"qsim": "0", "python": "3"}, "plan": {"datasets": datasets, "seeds": 2}}
    (folder / "about.json").write_text(json.dumps(about))
    return folder
