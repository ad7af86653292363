"""What a campaign's rows say, with 95 % intervals.

The silent corruption rate is the share of (fault, image) pairs whose class is not that without the fault:
nothing in the network notices. Where all single faults were tried, the images alone are a sample, and the
interval is over them; where faults were drawn, it is over the faults, or over the trials.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .tables import Columns

Row = dict[str, Any]
CONFIDENCE = 0.95
WITHSTOOD = ("unbroken", "certified")  # shares of images, where inputs were attacked
NAMES = ("model", "digest", "grid", "activation", "bits", "kind")


def trials(rows: Columns) -> list[Row]:
    """One row for each model, kind and rate: accuracy and silent corruption over the trials.

    So for what was withstood, where inputs were attacked: shares `unbroken` and `certified`.
    """
    found = []
    for key, own in _groups(rows, (*NAMES, "rate")):
        images = own["images"][0]
        accuracy, corrupted = own["correct"] / images, own["changed"] / images
        withstood = [_interval(name, own[name] / images) for name in WITHSTOOD if name in own]
        found.append(
            {
                **key,
                "trials": len(accuracy),
                "faults": float(own["faults"].mean()),
                **_interval("accuracy", accuracy),
                **_interval("corrupted", corrupted),
                **{key: value for part in withstood for key, value in part.items()},
            }
        )
    return found


def singles(rows: Columns, images: Columns, spaces: dict[tuple[str, str, int], int]) -> list[Row]:
    """One row for each model, kind, layer and bit, and one over all bits of a kind (layer and bit -1).

    Parameters
    ----------
    rows, images : columns of `singles.parquet` and `images.parquet`
    spaces : mapping from a model's digest, a kind and a layer to how many places the layer has

    Returns
    -------
    list of dict
        `faults` tried out of `sites`; `corrupted` with its ends; `accuracy`, the mean; `worst`, the lowest;
        `harmless`, the share of faults that change no image's class.
    """
    found = []
    for key, own in _groups(rows, NAMES):
        strata = []
        for part, layer in _groups(own, ("layer", "bit")):
            sites = spaces[key["digest"], key["kind"], part["layer"]]
            counts = _counts(images, {**key, **part})
            strata.append(({**key, **part}, layer, sites, counts))
        found += [_stratum(*stratum) for stratum in strata]
        found.append(_total(key, strata))
    return found


def _counts(images: Columns, key: Row) -> npt.NDArray[np.int64]:
    """How many faults of a stratum change the class of each image."""
    chosen = np.ones(len(images["bit"]), bool)
    for name, value in key.items():
        chosen &= images[name] == value
    return images["changed"][chosen].sum(0)


def _stratum(key: Row, own: Columns, sites: int, counts: npt.NDArray[np.int64]) -> Row:
    shares, faults = own["changed"] / own["images"], len(own["changed"])
    by_image = counts / faults
    interval = _interval("corrupted", by_image) if faults == sites else _sampled(shares, sites)
    return {**key, "sites": sites, "faults": faults, **interval, **_accuracy(own)}


def _total(key: Row, strata: list[tuple[Row, Columns, int, npt.NDArray[np.int64]]]) -> Row:
    """All strata together, each with the weight of its sites."""
    sites = np.array([s for _, _, s, _ in strata])
    weights = sites / sites.sum()
    every = {name: np.concatenate([own[name] for _, own, _, _ in strata]) for name in strata[0][1]}
    if len(every["changed"]) == sites.sum():
        interval = _interval("corrupted", np.sum([c for _, _, _, c in strata], 0) / sites.sum())
    else:
        parts = [_sampled(own["changed"] / own["images"], s) for _, own, s, _ in strata]
        mean = float(weights @ [p["corrupted"] for p in parts])
        half = float(np.sqrt(weights**2 @ [(p["corrupted_high"] - p["corrupted"]) ** 2 for p in parts]))
        interval = _ends("corrupted", mean, half)
    right = float(weights @ [(own["correct"] / own["images"]).mean() for _, own, _, _ in strata])
    harmless = float(weights @ [(own["changed"] == 0).mean() for _, own, _, _ in strata])
    total = {"sites": int(sites.sum()), "faults": len(every["changed"]), **interval, **_accuracy(every)}
    return {**key, "layer": -1, "bit": -1, **total, "accuracy": right, "harmless": harmless}


def _accuracy(own: Columns) -> Row:
    right = own["correct"] / own["images"]
    return {
        "accuracy": float(right.mean()),
        "worst": float(right.min()),
        "harmless": float((own["changed"] == 0).mean()),
    }


def _sampled(shares: npt.NDArray[np.float64], sites: int) -> Row:
    """Mean and ends of a sample of faults out of so many."""
    return _interval("corrupted", shares, 1 - len(shares) / sites)


def _interval(name: str, values: npt.NDArray[np.float64], left: float = 1.0) -> Row:
    """Mean and ends by Student's t, 0 and 1 for a single value.

    `left` is the share of a finite population that was not drawn.
    """
    if len(values) < 2:
        return _ends(name, float(values.mean()), 1.0)
    from scipy import stats  # slow to import

    error = float(values.std(ddof=1) * np.sqrt(left / len(values)))
    times = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    return _ends(name, float(values.mean()), times * error)


def _ends(name: str, mean: float, half: float) -> Row:
    return {name: mean, f"{name}_low": max(mean - half, 0.0), f"{name}_high": min(mean + half, 1.0)}


def _groups(rows: Columns, names: tuple[str, ...]) -> list[tuple[Row, Columns]]:
    """The rows of each combination of values, in the order of their first rows."""
    if not len(rows[names[0]]):
        return []
    group = np.zeros(len(rows[names[0]]), np.int64)
    for name in names:
        known: dict[Any, int] = {}
        numbers = [known.setdefault(value, len(known)) for value in rows[name].tolist()]
        group = group * len(known) + numbers
    _, first, group = np.unique(group, return_index=True, return_inverse=True)
    found = []
    for index in np.argsort(first):
        own = {name: values[group == index] for name, values in rows.items()}
        key = {name: own[name][:1].tolist()[0] for name in names}
        found.append((key, own))
    return found
