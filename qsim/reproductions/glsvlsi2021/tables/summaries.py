"""Tables that follow from rows and distances: bound, critical strength, fits, sensitivity, simplices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ....robustness import geometry
from ....robustness.critical import critical_strength, eligible
from . import columns as tables
from . import distances, rows
from .columns import Columns
from .grid import Cube, bootstrap, cube

PATHS = ("integer", "shadow")
INPUTS = {"mnist": 784, "spiral": 2}
LARGE = (0.05, 0.2)  # strengths called large on MNIST: beyond the critical one, before all is lost
SIMPLICES = ((2, 2), (3, 4), (1, 5))  # (q, n) of the paper's figure 2
POINTS, BINS = 100_000, 40

Rows = Iterator[dict[str, Any]]


def write(folder: Path) -> list[Path]:
    """Write these tables beside `rows.parquet`, `strong.parquet` and `distances.parquet`."""
    found = rows.read(folder / "rows.parquet")
    measured = tables.read(folder / "distances.parquet")
    strong = tables.read(folder / "strong.parquet")
    made = {
        "bound": bound(found),
        "critical": critical(found, strong),
        "fits": distances.fits(measured, INPUTS),
        "sensitivity": sensitivity(found),
        "simplices": simplices(),
    }
    paths = []
    for name, entries in made.items():
        tables.write(name, entries, folder / f"{name}.parquet")
        paths.append(folder / f"{name}.parquet")
    return paths


def base_cubes(found: Columns, path: str) -> dict[str, Cube]:
    """The rounded base networks of each data set that these rows have."""
    names = set(found["dataset"].tolist())
    return {name: cube(found, name, "base", path).rounded() for name in INPUTS if name in names}


def bound(found: Columns) -> Rows:
    """Equation 14 beside relative accuracy, each network's own, averaged over seeds."""
    for path in PATHS:
        for dataset, accuracy in base_cubes(found, path).items():
            n = INPUTS[dataset]
            lengths = geometry.l2_of_linf(accuracy.epsilons, n)
            relative = accuracy.values / accuracy.values[..., :1]
            for i, activation in enumerate(accuracy.activations):
                for j, q in enumerate(accuracy.bits):
                    survival = geometry.accuracy_bound(lengths, q, n)
                    logs = geometry.log_survival(lengths, geometry.inradius(geometry.edge(q, n), n), n)
                    for k, epsilon in enumerate(accuracy.epsilons):
                        own = relative[i, j, :, k]
                        yield {
                            "dataset": dataset,
                            "activation": activation,
                            "bits": q,
                            "path": path,
                            "epsilon": float(epsilon),
                            "distance": float(lengths[k]),
                            "relative": own.mean(),
                            "low": own.min(),
                            "high": own.max(),
                            "bound": survival[k],
                            "log10_bound": logs[k] / math.log(10) if np.isfinite(logs[k]) else math.nan,
                            "violated": bool(own.mean() < survival[k] - 1e-9),
                        }


def critical(found: Columns, strong: Columns) -> Rows:
    """How much accuracy varies with bits at each strength, and which strength is the critical one."""
    axes = [("fgsm", path, base_cubes(found, path)) for path in PATHS]
    axes.append(("strong", "integer", base_cubes(strong, "integer")))
    for attack, path, cubes in axes:
        for dataset, whole in cubes.items():
            parts = {"all": whole, **{a: whole.of(a) for a in whole.activations}}
            for name, part in parts.items():
                strengths = part.epsilons

                def statistic(means: Any, strengths: Any = strengths) -> float:
                    return critical_strength(strengths, means.mean(axis=0))

                figure, interval = bootstrap(statistic, part)
                low, high = interval or (math.nan, math.nan)
                curves = part.values.mean(axis=(0, 2))
                variance, counts = curves.var(axis=0), eligible(curves)
                naive = 1 + int(variance[1:].argmin())
                for k, epsilon in enumerate(strengths):
                    yield {
                        "dataset": dataset,
                        "activation": name,
                        "path": path,
                        "attack": attack,
                        "epsilon": float(epsilon),
                        "distance": float(geometry.l2_of_linf(epsilon, INPUTS[dataset])),
                        "mean": curves[:, k].mean(),
                        "variance": variance[k],
                        "eligible": bool(counts[k]),
                        "critical": bool(epsilon == figure),
                        "naive": k == naive,
                        "low": low,
                        "high": high,
                    }


def sensitivity(found: Columns) -> Rows:
    """Each variant beside the base networks of the same widths and seeds."""
    for path in PATHS:
        for dataset in base_cubes(found, path):
            names = set(found["variant"][found["dataset"] == dataset].tolist())
            for variant in sorted(names - {"base", "unsaturated"}):
                other = cube(found, dataset, variant, path)
                base = cube(found, dataset, "base", path).like(other)
                for activation in ("all", *other.activations):
                    pair = (
                        (base, other) if activation == "all" else (base.of(activation), other.of(activation))
                    )
                    change = pair[1].values - pair[0].values
                    large = (other.epsilons >= LARGE[0]) & (other.epsilons <= LARGE[1])
                    crossings = [critical_strength(c.epsilons, c.values.mean(axis=(0, 2))) for c in pair]
                    yield {
                        "dataset": dataset,
                        "variant": variant,
                        "activation": activation,
                        "path": path,
                        "widths": list(other.bits),
                        "clean": change[..., 0].mean(),
                        "attacked": change[..., large].mean(),
                        "gap": np.abs(change[..., other.epsilons <= LARGE[1]]).mean(),
                        "critical_base": crossings[0],
                        "critical_variant": crossings[1],
                    }


def simplices() -> Rows:
    """Figure 2: distances of random points to the faces of regular simplices, beside equation 12."""
    for q, n in SIMPLICES:
        s = geometry.edge(q, n)
        h = geometry.inradius(s, n)
        found = geometry.sampled_distances(s, n, POINTS, seed=q)
        ks = geometry.ks_statistic(found, h, n)
        counts, edges = np.histogram(found, BINS, (0.0, h))
        shares = np.diff(geometry.distribution(edges, h, n))
        width = h / BINS
        for i, count in enumerate(counts):
            yield {
                "q": q,
                "n": float(n),
                "s": s,
                "h": h,
                "points": POINTS,
                "seed": q,
                "low": edges[i],
                "high": edges[i + 1],
                "count": int(count),
                "density": count / POINTS / width,
                "model_density": shares[i] / width,
                "ks": ks,
                "ks_critical": geometry.ks_critical(POINTS),
            }
