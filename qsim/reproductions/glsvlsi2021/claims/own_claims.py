"""Claims that are ours: integers beside the shadow, masking by other directions, distances by equation 12."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..tables import columns as tables
from ..tables.columns import Columns
from ..tables.grid import Cube, Reals, cube, gathered
from .verdict import DEPENDS, FAILS, HOLDS, Claim, Part, below, each

CLOSE = 0.003  # accuracies of integers and shadow that differ by less are called equal

ONES = {"mnist": 255, "spiral": 1024}  # input codes of 1.0


def greatest(means: Reals) -> float:
    return float(np.abs(means).max())


def middle(means: Reals) -> float:
    return float(np.median(means))


def integer_claims(rows: Columns, dataset: str) -> list[Claim]:
    """How far the integers are from the float shadow, from 2 bits on.

    Two things part them: hidden codes of 8 bits, and logits that tie exactly, which float32 decides by its
    rounding noise. On the spirals one image of 400 is a quarter of a point.
    """
    pair = [cube(rows, dataset, "base", path) for path in ("integer", "shadow")]
    wide = [c.at(*(q for q in c.bits if q >= 2)) for c in pair]
    apart = replace(wide[0], values=wide[0].values - wide[1].values)
    one = ONES[dataset]
    whole = np.abs(apart.epsilons * one - np.round(apart.epsilons * one)) < 1e-6
    attacked = whole & (apart.epsilons > 0)
    claim = partial(Claim, dataset=dataset, path="integer", own=True)
    made = [
        claim(
            id=f"integers-equal-shadow-{dataset}",
            claim="From 2 bits on, the integers are as accurate as the float shadow.",
            how="greatest difference of clean accuracy, mean of seeds, over widths from 2 bits; holds below "
            f"{CLOSE}",
            parts=each(apart.between(0, 0), lambda a, c: below(a, CLOSE, greatest, c)),
        )
    ]
    if attacked.any():
        met = replace(apart, epsilons=apart.epsilons[attacked], values=apart.values[..., attacked])
        at = ", ".join(f"{e:g}" for e in met.epsilons)
        made.append(
            claim(
                id=f"attack-transfers-to-integers-{dataset}",
                claim="The attack crafted on the shadow does the same to the integers.",
                how=f"the same under attack, at strengths that are whole LSBs ({at}), where both are shown "
                f"the same input; holds below {CLOSE}",
                parts=each(met, lambda a, c: below(a, CLOSE, greatest, c)),
            )
        )
    return made


def judge(folder: Path) -> Iterator[Claim]:
    """What the tables beside the rows say, as far as they are there."""
    if (folder / "simplices.parquet").exists():
        yield simplices_claim(tables.read(folder / "simplices.parquet"))
    if (folder / "fits.parquet").exists():
        fits = tables.read(folder / "fits.parquet")
        for dataset in sorted(set(fits["dataset"].tolist())):
            yield fit_claim(fits, dataset)
    if (folder / "audits.parquet").exists():
        audits = tables.read(folder / "audits.parquet")
        for dataset in sorted(set(audits["dataset"].tolist())):
            yield audit_claim(audits, dataset)
    if (folder / "masking.parquet").exists():
        masking = tables.read(folder / "masking.parquet")
        for dataset in sorted(set(masking["dataset"].tolist())):
            yield transfer_claim(masking, dataset)


def simplices_claim(table: Columns) -> Claim:
    parts = []
    for q, n in dict.fromkeys(zip(table["q"].tolist(), table["n"].tolist(), strict=True)):
        own = (table["q"] == q) & (table["n"] == n)
        ratio = float(table["ks"][own][0] / table["ks_critical"][own][0])
        parts.append(Part(f"q = {q}, n = {n:g}", ratio, None, HOLDS if ratio < 1 else FAILS))
    return Claim(
        id="simplices-follow-equation-12",
        dataset="simplices",
        path="integer",
        own=True,
        claim="Distances of uniform points to the faces of a regular simplex follow equation 12.",
        how=f"Kolmogorov and Smirnov's statistic of {int(table['points'][0]):,} random points over what "
        "chance exceeds once in a hundred times; holds below 1",
        parts=tuple(parts),
    )


def fit_claim(table: Columns, dataset: str) -> Claim:
    own = (table["dataset"] == dataset) & (table["model"] == "s")
    chosen = {name: column[own] for name, column in table.items()}
    chosen["ratio"] = chosen["ks"] / chosen["ks_critical"]
    axes, values = gathered(chosen, ("activation", "bits", "seed"), "ratio")
    names, bits, seeds = ([x.item() for x in axis] for axis in axes)
    ratios = Cube(dataset, tuple(names), tuple(bits), tuple(seeds), np.zeros(1), values[..., None])
    return Claim(
        id=f"distances-follow-equation-12-{dataset}",
        dataset=dataset,
        path="integer",
        own=True,
        claim="With its edge s fitted, equation 12 describes the distances of real images.",
        how="Kolmogorov and Smirnov's statistic of the smallest fooling steps over what chance exceeds once "
        "in a hundred times, median over widths; holds below 1",
        parts=each(ratios, lambda a, c: below(a, 1, middle, c)),
    )


def transfer_claim(table: Columns, dataset: str) -> Claim:
    first = table["bits"].min()
    parts = []
    for activation in sorted(set(table["activation"].tolist())):
        here = (
            (table["dataset"] == dataset)
            & (table["activation"] == activation)
            & (table["bits"] == first)
            & (table["epsilon"] > 0)
        )
        by = {a: table["accuracy"][here & (table["attack"] == a)].mean() for a in ("unsaturated", "transfer")}
        lead = float(by["transfer"] - by["unsaturated"])
        verdict = HOLDS if lead > 0.01 else FAILS if lead < -0.01 else DEPENDS
        parts.append(Part(activation, lead, None, verdict))
    return Claim(
        id=f"own-gradient-is-the-stronger-attack-{dataset}",
        dataset=dataset,
        path="integer",
        own=True,
        claim="At the smallest width a network's own unsaturated gradient is a better attack than that of "
        "the unrounded network: it hides nothing.",
        how="accuracy under the unrounded network's directions minus that under its own, averaged over "
        "strengths above 0 and seeds; holds above 1 %, fails below -1 %",
        parts=tuple(parts),
    )


def audit_claim(table: Columns, dataset: str) -> Claim:
    """Masking, as the audit sees it, at the smallest width."""
    own = table["dataset"] == dataset
    here = {name: column[own & (table["bits"] == table["bits"][own].min())] for name, column in table.items()}
    parts = []
    for activation in sorted(set(here["activation"].tolist())):
        chosen = here["activation"] == activation
        hidden = float(here["under_fgsm"][chosen][0] - here["under_strongest"][chosen][0])
        parts.append(Part(activation, hidden, None, FAILS if here["flagged"][chosen].any() else HOLDS))
    return Claim(
        id=f"fgsm-can-be-trusted-{dataset}",
        dataset=dataset,
        path="integer",
        own=True,
        claim="What FGSM leaves at the smallest width is robustness, not a gradient that it cannot follow.",
        how=f"share of {int(here['images'][0])} images that FGSM leaves and all attacks together break at "
        f"strength {here['epsilon'][0]:g}; holds if the audit raises no flag",
        parts=tuple(parts),
    )
