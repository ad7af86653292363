"""What the paper says, and whether these rows say the same.

A claim is judged on each path under FGSM, and on the integers once more under the second attack axis, for
each activation where the paper speaks of all three. A figure comes with a bootstrap interval over seeds, and
the verdict is read off the interval.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from ....model.container import replacing
from ....robustness import geometry
from ....robustness.critical import critical_strength
from ..run.tasks import VARIANTS
from ..tables import columns as tables
from ..tables.columns import Columns
from ..tables.grid import Cube, Reals, bootstrap, cube
from ..tables.rows import read
from . import own_claims as further
from .verdict import Claim, above, below, each, near

PATHS = ("integer", "shadow")
INPUTS = {"mnist": 784, "spiral": 2}
LARGE = (0.05, 0.2)  # strengths called large on MNIST: beyond the critical one, before all is lost
WHERE_SOME_STAND = {"mnist": (0.01, 0.06), "spiral": (0.02, 0.2)}
CLEAN = {"clean-at-1-bit", "chance-at-low-bits", "relu-least-sensitive"}  # say nothing about attacks
NEAR_CHANCE = 0.1  # accuracy this close to 50 % is called near chance
LITTLE = 0.03  # as SAME, where another seed alone moves a curve by about as much
OPEN_CHOICES = {"unclipped": "Attacked inputs that may leave the range of pixels", **VARIANTS}
SAME = 0.01  # accuracies that differ by less, on average over strengths, are called equal


def write(folder: Path) -> Path:
    """Judge `rows.parquet` of a folder, and the tables beside it, and leave `claims.json` there."""
    path = folder / "claims.json"
    claims = [*judge(read(folder / "rows.parquet"))]
    if (folder / "strong.parquet").exists():
        claims += judge_strong(tables.read(folder / "strong.parquet"))
    claims += further.judge(folder)
    entries = [claim.entry() for claim in claims]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=1, allow_nan=False) + "\n")
    return path


def judge(rows: Columns) -> list[Claim]:
    """All claims that these rows can speak of."""
    found = set(rows["dataset"].tolist())
    claims = [claim for name in INPUTS if name in found for claim in further.integer_claims(rows, name)]
    for path in PATHS:
        base = {name: cube(rows, name, "base", path) for name in INPUTS if name in found}
        fooled = {name: fooled_share(rows, name, path) for name in base}
        claims += papers_claims(base, fooled, path)
        for dataset, accuracy in base.items():
            zero = cube(rows, dataset, "base", path, "zero_gradients")
            claims += masking_claims(accuracy, cube(rows, dataset, "unsaturated", path), zero, path)
            variants = set(rows["variant"][rows["dataset"] == dataset].tolist())
            for variant in sorted(variants - {"base", "unsaturated"}):
                claims.append(sensitivity_claim(accuracy, cube(rows, dataset, variant, path), variant, path))
    return claims


def judge_strong(strong: Columns) -> list[Claim]:
    """The paper's claims on attacks, and one of ours, under the second attack axis."""
    found = set(strong["dataset"].tolist())
    base = {name: cube(strong, name, "base", "integer") for name in INPUTS if name in found}
    broken = {name: replace(part, values=1 - part.values) for name, part in base.items()}
    claims = [c for c in papers_claims(base, broken, "integer") if c.id not in CLEAN]
    claims += [more_bits_claim(part) for part in base.values()]
    return [replace(c, attack="strong", claim=c.claim.replace(" to FGSM", "")) for c in claims]


def papers_claims(base: dict[str, Cube], fooled: dict[str, Cube], path: str) -> list[Claim]:
    """What the paper says, judged on accuracies and shares of images fooled, by data set."""
    claims = []
    for dataset, accuracy in base.items():
        claims += critical_claims(accuracy, path)
        claims += bound_claims(accuracy, fooled[dataset], path)
    if "mnist" in base:
        claims += mnist_claims(base["mnist"], path)
    if "spiral" in base:
        claims += spiral_claims(base["spiral"], path)
    if len(base) == 2:
        claims += comparing_claims(base["mnist"], base["spiral"], path)
    return claims


def more_bits_claim(accuracy: Cube) -> Claim:
    """Not the paper's: the opposite of what it found under FGSM."""
    low, high = WHERE_SOME_STAND[accuracy.dataset]
    return Claim(
        id=f"more-bits-more-robust-{accuracy.dataset}",
        dataset=accuracy.dataset,
        path="integer",
        own=True,
        claim="More bits leave more images standing.",
        how=f"rank correlation of bits with accuracy averaged over strengths {low} to {high}, where some "
        "images stand and some do not; holds above 0",
        parts=each(accuracy.rounded().between(low, high), lambda a, c: above(a, 0, rank_correlation, c)),
    )


def fooled_share(rows: Columns, dataset: str, path: str) -> Cube:
    """The share of all images that some strength up to each one has fooled."""
    fooled, images = (cube(rows, dataset, "base", path, field) for field in ("fooled", "images"))
    return replace(fooled, values=fooled.values / images.values)


# The statistics: of means over seeds (activations, bits, strengths).


def rank_correlation(means: Reals) -> float:
    """Spearman's, of bits with accuracy averaged over the strengths; of all activations together."""
    curve = means.mean(axis=(0, 2))
    ranks = rankdata(curve)
    if ranks.std() == 0:
        return 0.0
    return float(np.corrcoef(np.arange(len(curve)), ranks)[0, 1])


def lead_of_first(means: Reals) -> float:
    """How far the smallest width is above the best other, accuracy averaged over the strengths."""
    curve = means.mean(axis=(0, 2))
    return float(curve[0] - curve[1:].max())


def lead_of(index: int, means: Reals) -> float:
    """How far one activation is above the best other, averaged over widths and strengths."""
    scores = means.mean(axis=(1, 2))
    return float(scores[index] - np.delete(scores, index).max())


def last_over_first(means: Reals) -> float:
    """Accuracy of the largest width minus that of the smallest, averaged over all else."""
    curve = means.mean(axis=(0, 2))
    return float(curve[-1] - curve[0])


def average(means: Reals) -> float:
    return float(means.mean())


def mnist_claims(accuracy: Cube, path: str) -> list[Claim]:
    claim = partial(Claim, dataset="mnist", path=path)
    rounded = accuracy.rounded()
    large = rounded.between(*LARGE)
    attacked = rounded.between(1e-6, 1.0)
    one_bit, finest = rounded.at(rounded.bits[0]), rounded.bits[-1]
    relu = rounded.activations.index("relu")
    pair = accuracy.at(finest, accuracy.bits[-1])
    at_large = f"accuracy averaged over strengths {LARGE[0]} to {LARGE[1]}"
    return [
        claim(
            id="smaller-widths-more-robust",
            claim="Smaller weight widths are more robust to FGSM.",
            how=f"rank correlation of bits with {at_large}; holds below 0",
            parts=each(large, lambda a, c: below(a, 0, rank_correlation, c)),
        ),
        claim(
            id="binary-best",
            claim="Binary weights resist best.",
            how=f"{at_large}: the smallest width minus the best other; holds above 0",
            parts=each(large, lambda a, c: above(a, 0, lead_of_first, c)),
        ),
        claim(
            id="relu-best",
            claim="ReLU protects best overall.",
            how="accuracy averaged over widths and strengths above 0: ReLU minus best other; holds above 0",
            parts=(above("all", 0, partial(lead_of, relu), attacked),),
        ),
        claim(
            id="relu-best-at-1-bit",
            claim="ReLU protects best especially at 1 bit.",
            how="the same at the smallest width; holds above 0",
            parts=(above("all", 0, partial(lead_of, relu), one_bit.between(1e-6, 1.0)),),
        ),
        claim(
            id="clean-at-1-bit",
            claim="Even 1-bit weights give clean accuracies above 90 %.",
            how="clean accuracy at the smallest width; holds above 0.9",
            parts=each(one_bit.between(0, 0), lambda a, c: above(a, 0.9, average, c)),
        ),
        claim(
            id="no-change-beyond-10-bits",
            claim="Beyond 10 bits not much changes.",
            how=f"mean over strengths of |accuracy at {finest} bits - trained without rounding|; "
            f"holds below {SAME}",
            parts=each(pair, lambda a, c: below(a, SAME, gap_of_pair, c)),
        ),
    ]


def gap_of_pair(means: Reals) -> float:
    """Between two widths, the mean distance of their accuracy over strengths."""
    return float(np.abs(means[:, 1] - means[:, 0]).mean())


def critical_claims(accuracy: Cube, path: str) -> list[Claim]:
    claim = partial(Claim, dataset=accuracy.dataset, path=path)
    rounded = accuracy.rounded()
    target, slack = {"mnist": (0.01, 0.005), "spiral": (0.125, 0.025)}[accuracy.dataset]
    root = math.sqrt(INPUTS[accuracy.dataset])

    def critical(means: Reals) -> float:
        return critical_strength(rounded.epsilons, means.mean(axis=0))

    middle, _ = bootstrap(critical, rounded)
    weak = rounded.between(0, middle / 2)
    strong = rounded.between(1.5 * middle, 2 * middle)
    how = (
        "smallest variance over bits, among strengths before the mean accuracy falls below half the clean one"
    )
    return [
        claim(
            id=f"critical-strength-{accuracy.dataset}",
            claim=f"The critical attack strength is {target:g}.",
            how=f"{how}; holds within {slack:g}",
            parts=(
                near("all", target, slack, critical, rounded),
                *each(rounded, lambda a, c: near(a, target, slack, critical, c)),
            ),
        ),
        claim(
            id=f"critical-distance-{accuracy.dataset}",
            claim=f"In l2 it is {target * root:.2f}.",
            how=f"the same times the square root of {INPUTS[accuracy.dataset]} inputs",
            parts=(near("all", target * root, slack * root, lambda m: critical(m) * root, rounded),),
        ),
        claim(
            id=f"precision-helps-below-{accuracy.dataset}",
            claim="Below the critical strength, more bits give more accuracy.",
            how=f"accuracy of the largest minus the smallest width up to {middle / 2:g}; holds above 0",
            parts=each(weak, lambda a, c: above(a, 0, last_over_first, c)),
        ),
        claim(
            id=f"precision-hurts-above-{accuracy.dataset}",
            claim="Above the critical strength, more bits cost accuracy.",
            how=f"the same from strength {1.5 * middle:g} to {2 * middle:g}; holds below 0",
            parts=each(strong, lambda a, c: below(a, 0, last_over_first, c)),
        ),
    ]


def bound_claims(accuracy: Cube, fooled: Cube, path: str) -> list[Claim]:
    claim = partial(Claim, dataset=accuracy.dataset, path=path)
    rounded, n = accuracy.rounded(), INPUTS[accuracy.dataset]
    lengths = geometry.l2_of_linf(rounded.epsilons, n)
    bounds = np.array([geometry.accuracy_bound(lengths, q, n) for q in rounded.bits])

    def margin(means: Reals) -> float:
        return float((means / means[:, :, :1] - bounds)[:, :, 1:].min())

    def pessimism(means: Reals) -> float:
        """Median over activations and widths of measured edge over the model's, in powers of ten."""
        ratios = []
        for curves in means:
            for q, curve in zip(rounded.bits, curves, strict=True):
                share = (curve - curve[0]) / (1 - curve[0])
                h = geometry.fitted_inradius(lengths, share, n)
                ratios.append(
                    math.log10(geometry.edge_of_inradius(h, n) / geometry.edge(q, n)) if h > 0 else np.nan
                )
        return float(np.nanmedian(ratios)) if not np.isnan(ratios).all() else math.nan

    return [
        claim(
            id=f"bound-holds-{accuracy.dataset}",
            claim="Relative accuracy never falls below 1 - F (equation 14).",
            how="least of relative accuracy minus bound over widths and strengths above 0; holds from 0 on; "
            f"the bound is not 0 at {int((bounds[:, 1:] > 0).sum())} of these {bounds[:, 1:].size} points",
            parts=each(rounded, lambda a, c: above(a, -1e-9, margin, c)),
        ),
        claim(
            id=f"edge-of-the-model-{accuracy.dataset}",
            claim="The bound is conservative: real decision regions are larger than the model's simplices.",
            how="log10 of measured over modelled edge s, where measured is the s with which equation 13 has "
            "the median of the smallest fooling step; median over widths; holds above 0",
            parts=each(fooled.rounded(), lambda a, c: above(a, 0, pessimism, c)),
        ),
    ]


def masking_claims(plain: Cube, unsaturated: Cube, zero: Cube, path: str) -> list[Claim]:
    claim = partial(Claim, dataset=plain.dataset, path=path, own=True)
    first = plain.bits[0]
    attacks = [c.at(first).between(1e-6, 1.0) for c in (plain, unsaturated)]
    relu = plain.activations.index("relu")
    return [
        claim(
            id=f"zero-gradients-at-1-bit-{plain.dataset}",
            claim="At the smallest width FGSM gets exactly zero gradients for some images.",
            how="share of test images without any gradient in float32; holds above 1 %",
            parts=each(zero.at(first).between(0, 0), lambda a, c: above(a, 0.01, average, c)),
        ),
        claim(
            id=f"masking-adds-accuracy-{plain.dataset}",
            claim="Gradient masking adds to the accuracy under attack at 1 bit.",
            how="accuracy under the plain attack minus that under the unsaturated one at the smallest width, "
            "averaged over strengths above 0; holds above 1 %",
            parts=tuple(
                above(a, 0.01, lambda p, u: average(p) - average(u), *(c.of(a) for c in attacks))
                for a in plain.activations
            ),
        ),
        claim(
            id=f"relu-best-without-masking-{plain.dataset}",
            claim="ReLU's lead at 1 bit is more than gradient masking.",
            how="ReLU minus the best other at the smallest width under the unsaturated attack; holds above 0",
            parts=(above("all", 0, partial(lead_of, relu), attacks[1]),),
        ),
    ]


def sensitivity_claim(base: Cube, other: Cube, variant: str, path: str) -> Claim:
    """Not the paper's: whether one choice that it leaves open moves its curves."""
    weak = [c.between(0, LARGE[1]) for c in (base.like(other), other)]
    return Claim(
        id=f"insensitive-to-{variant}-{base.dataset}",
        dataset=base.dataset,
        path=path,
        own=True,
        claim=f"{OPEN_CHOICES[variant]} makes little difference.",
        how=f"mean over widths {', '.join(map(str, other.bits))} and strengths up to {LARGE[1]} of the "
        f"distance of accuracy from that of the base network of the same seed; holds below {LITTLE}",
        parts=tuple(below(a, LITTLE, distance, *(c.of(a) for c in weak)) for a in other.activations),
    )


def distance(base: Reals, other: Reals) -> float:
    return float(np.abs(other - base).mean())


def spiral_claims(accuracy: Cube, path: str) -> list[Claim]:
    claim = partial(Claim, dataset="spiral", path=path)
    rounded = accuracy.rounded()
    clean = rounded.between(0, 0)
    few = rounded.at(*(q for q in rounded.bits if q <= 4)).between(0, 0)
    relu, finest = rounded.activations.index("relu"), rounded.at(rounded.bits[-1])

    def spread_over_relu(means: Reals) -> float:
        spread = means[:, :, 0].max(axis=1) - means[:, :, 0].min(axis=1)
        return float(np.delete(spread, relu).min() - spread[relu])

    return [
        claim(
            id="chance-at-low-bits",
            claim="With few bits clean accuracy is close to chance.",
            how=f"clean accuracy at the smallest width minus 0.5; holds below {NEAR_CHANCE}",
            parts=each(clean.at(clean.bits[0]), lambda a, c: below(a, 0.5 + NEAR_CHANCE, average, c)),
        ),
        claim(
            id="relu-least-sensitive",
            claim="At low widths ReLU is least sensitive to the number of bits.",
            how="range of clean accuracy over 1 to 4 bits: the smallest other minus ReLU's; holds above 0",
            parts=(above("all", 0, spread_over_relu, few),),
        ),
        claim(
            id="falls-to-zero",
            claim="Accuracy falls to about 0.",
            how="least accuracy over strengths at the largest width; holds below 0.05",
            parts=each(finest, lambda a, c: below(a, 0.05, lambda m: float(m.min()), c)),
        ),
        claim(
            id="rises-again",
            claim="Stronger attacks raise accuracy again.",
            how="accuracy at the greatest strength minus the least, at the largest width; holds above 0.1",
            parts=each(finest, lambda a, c: above(a, 0.1, lambda m: float(m[0, 0, -1] - m.min()), c)),
        ),
    ]


def comparing_claims(mnist: Cube, spiral: Cube, path: str) -> list[Claim]:
    claim = partial(Claim, dataset="mnist and spiral", path=path)
    cubes = mnist.rounded(), spiral.rounded()

    def length(means: Reals, which: Cube) -> float:
        return critical_strength(which.epsilons, means.mean(axis=0)) * math.sqrt(INPUTS[which.dataset])

    def looseness(means: Reals, which: Cube) -> float:
        """Mean over strengths and widths of relative accuracy minus bound."""
        n = INPUTS[which.dataset]
        lengths = geometry.l2_of_linf(which.epsilons, n)
        bounds = np.array([geometry.accuracy_bound(lengths, q, n) for q in which.bits])
        early = which.epsilons <= 0.05 + 1e-9
        return float((means / means[:, :, :1] - bounds)[..., early].mean())

    def difference(of: Callable[[Reals, Cube], float], a: Reals, b: Reals) -> float:
        return of(a, cubes[0]) - of(b, cubes[1])

    return [
        claim(
            id="critical-distance-smaller-on-spirals",
            claim="The critical l2 distance of the spirals is smaller than MNIST's.",
            how="MNIST's minus the spirals'; holds above 0",
            parts=(above("all", 0, partial(difference, length), *cubes),),
        ),
        claim(
            id="bound-looser-in-high-dimension",
            claim="The bound is much closer to the truth in 2 dimensions than in 784.",
            how="mean over widths and strengths up to 0.05 of relative accuracy minus bound: MNIST minus "
            "spirals; holds above 0",
            parts=(above("all", 0, partial(difference, looseness), *cubes),),
        ),
    ]
