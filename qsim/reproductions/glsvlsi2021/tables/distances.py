"""How far each image is from being fooled, on the integer lattice, and what equation 13 makes of it.

The distance of an image is the smallest step along its attack's direction at which its class is wrong. The
paper takes a step of epsilon as epsilon * sqrt(n) in l2, as if every input moved; inputs without gradient
and those at the end of their range do not, so the length really moved stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ....attacks.steps import Codes, Signs
from ....model.input_format import InputFormat
from ....robustness import geometry
from .columns import Columns

NOT_FOOLED = -1
DECADES = 3  # above and below its start, in which a fit looks for its parameter

Reals = npt.NDArray[np.float64]


def histogram(
    first: npt.NDArray[np.int64], codes: Codes, signs: Signs, form: InputFormat, one: float
) -> Iterator[dict[str, Any]]:
    """How many images are first fooled at each step, and how far they moved.

    Parameters
    ----------
    first : int64 array (N,), the smallest fooling step, or NOT_FOOLED
    codes : int array (N, inputs), clean
    signs : int8 array (N, inputs)
    form : InputFormat that clips them
    one : input code of 1.0
    """
    n = codes.shape[1]
    for step in np.unique(first):
        images = first == step
        row = {"step": int(step), "images": int(images.sum())}
        if step == NOT_FOOLED:
            yield {**row, "epsilon": math.nan, "distance": math.nan, "length": math.nan}
            continue
        start = codes[images].astype(np.int64)
        moved = (start + step * signs[images].astype(np.int64)).clip(form.low, form.high) - start
        length = float(np.sqrt((moved**2).sum(axis=1)).mean() / one)
        yield {
            **row,
            "epsilon": step / one,
            "distance": float(geometry.l2_of_linf(step / one, n)),
            "length": length,
        }


def fits(distances: Columns, inputs: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Each network's distances beside equation 13: nothing fitted, the edge, the dimension."""
    keys = ("dataset", "activation", "bits", "seed", "digest")
    places: dict[tuple[Any, ...], list[int]] = {}
    for row, place in enumerate(zip(*(distances[key].tolist() for key in keys), strict=True)):
        places.setdefault(place, []).append(row)
    for place, rows in sorted(places.items()):
        own = dict(zip(keys, place, strict=True))
        steps, images = distances["step"][rows], distances["images"][rows]
        right = int(images[steps != 0].sum())
        fooled = steps > 0
        if not right or not fooled.any():
            continue
        lengths = distances["distance"][rows][fooled]
        share = np.cumsum(images[fooled]) / right
        mean = float((lengths * images[fooled]).sum() / images[fooled].sum())
        n, q = inputs[own["dataset"]], own["bits"]
        for model, (s, used) in _models(lengths, share, mean, q, n).items():
            h = geometry.inradius(s, used)
            yield {
                **own,
                "model": model,
                "s": s,
                "n": float(used),
                "h": h,
                "ks": gap(lengths, share, h, used),
                "ks_critical": geometry.ks_critical(right),
                "images": right,
                "mean_measured": mean,
                "mean_modelled": h / (used + 1),
                "fooled_share": float(share[-1]),
            }


def _models(lengths: Reals, share: Reals, mean: float, q: int, n: int) -> dict[str, tuple[float, float]]:
    """Edge and dimension: the paper's, the edge fitted, the dimension fitted (1 or more)."""
    s, start = geometry.edge(q, n), geometry.edge_of_inradius(mean * (n + 1), n)
    edge = least(lambda x: gap(lengths, share, geometry.inradius(x, n), n), start)
    dimension = least(lambda x: gap(lengths, share, geometry.inradius(s, x), x) if x >= 1 else 1.0, n)
    return {"paper": (s, n), "s": (edge, n), "n": (s, dimension)}


def gap(lengths: Reals, share: Reals, h: float, n: float) -> float:
    """The largest distance of equation 13 to the measured distribution, at the lattice's own points.

    An image whose distance lies between two steps is found at the upper one, so between them nothing is
    known and nothing compared.
    """
    return float(np.abs(geometry.distribution(lengths, h, n) - share).max())


def least(score: Callable[[float], float], start: float) -> float:
    """The argument of the least score: a coarse look over decades around `start`, then three fine ones."""
    centre, span = math.log10(start), float(DECADES)
    for _ in range(4):
        candidates = 10 ** np.linspace(centre - span, centre + span, 161)
        centre = math.log10(candidates[int(np.argmin([score(float(x)) for x in candidates]))])
        span /= 40
    return float(10**centre)
