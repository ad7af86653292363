"""The geometric model beside what was measured: figure 2, the bound, and the smallest fooling step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ....robustness import geometry
from ..claims.claims import INPUTS
from ..run.tasks import ACTIVATIONS
from ..tables.columns import Columns
from ..tables.grid import Reals
from .saved import Saved, count, where, widths
from .style import (
    COLOURS,
    DATASETS,
    DISTANCE,
    INK,
    MARKS,
    NAMES,
    PALE,
    PATH_NAMES,
    PATHS,
    Drawing,
    bits_legend,
    decades,
    headed,
    of_bits,
    panels,
    until_zero,
)

CASES = ((2, 2), (3, 4), (1, 5))  # (q, n) of figure 2
SHOWN = (1, 4, 10)  # widths whose distances are shown
MODELS: dict[str, tuple[str, Any, str]] = {  # of the table of fits: colour, line, name
    "paper": ("#B3570A", ":", "(13) as it stands"),
    "s": ("#0072B2", "--", "edge s fitted"),
    "n": ("#007F5F", "-.", "dimension n fitted"),
}


def monte_carlo(saved: Saved) -> Iterator[Drawing]:
    """Figure 2: equation 12 against points drawn in regular simplices."""
    table = saved.table("simplices")
    if not count(table):
        return
    figure, axes = panels(1, 3, 2.4, share=False, gaps=(0.5, 0.5))
    for i, (panel, (q, n)) in enumerate(zip(axes, CASES, strict=True)):
        case = where(table, q=q, n=n)
        low, high = case["low"], case["high"]
        panel.bar(
            low, case["density"], high - low, align="edge", color="#b9d3e6", linewidth=0, label="points"
        )
        fine = np.linspace(0, float(case["h"][0]), 200)
        model = geometry.density(fine, float(case["h"][0]), n)
        panel.plot(fine, model, color=INK, label="equation 12")
        headed(panel, i, f"q = {q}, n = {n}")
        panel.set_xlabel(DISTANCE)
        panel.set_ylim(bottom=0)
        panel.margins(x=0.01)
        fit = f"KS {float(case['ks'][0]):.4f}\n1 % level {float(case['ks_critical'][0]):.4f}"
        panel.text(0.97, 0.62, fit, transform=panel.transAxes, ha="right", fontsize=6.5, color="#555555")
    axes[0].set_ylabel("density f")
    axes[0].legend(loc="upper right")
    points = int(table["points"][0])
    yield Drawing(
        "figure-2",
        None,
        "Distance to the nearest face of a simplex: Monte Carlo and model",
        f"Histogram of the distance of {points:,} uniform points to the nearest face of a regular simplex,"
        " and"
        " equation 12. KS: the largest gap between their distribution and equation 13, and the gap that one"
        " sample in a hundred of the model itself exceeds.",
        figure,
    )


def bound(saved: Saved) -> Iterator[Drawing]:
    """Equation 14 and measured relative accuracy on one logarithmic axis of distance."""
    table = saved.table("bound")
    for path in PATHS:
        some = where(table, path=path)
        datasets = [d for d in DATASETS if count(where(some, dataset=d))]
        if not datasets:
            continue
        figure, axes = panels(len(datasets), 3, 0.35 + 2.1 * len(datasets), right=0.95, share=False)
        for i, panel in enumerate(axes):
            dataset, activation = datasets[i // 3], ACTIVATIONS[i % 3]
            _bound_panel(panel, where(some, dataset=dataset, activation=activation), INPUTS[dataset])
            headed(panel, i, f"{NAMES[activation]}, {DATASETS[dataset]}")
            if i % 3:
                panel.set_yticklabels([])
            else:
                panel.set_ylabel("relative accuracy")
            if i >= len(axes) - 3:
                panel.set_xlabel("attack length (ℓ2)")
        dotted = Line2D([], [], color=INK, linestyle=":", label="bound (14)")
        bits_legend(figure, widths(some), [dotted])
        broken, points = int(some["violated"].sum()), count(some)
        yield Drawing(
            "bound",
            path,
            f"The lower bound and the truth, {PATH_NAMES[path]}",
            "Relative accuracy by the ℓ2 length of the attack, ε√n, on a logarithmic axis; the band spans"
            " the seeds."
            f" Dotted: the bound of equation 14. It is violated at {broken} of {points:,} points; in 784"
            " dimensions it lies orders of magnitude to the left of the truth, in 2 dimensions close to it.",
            figure,
        )


def _bound_panel(panel: Axes, table: Columns, n: int) -> None:
    top = float(table["distance"].max())
    fine = np.geomspace(1e-7 if n > 2 else 1e-3, top, 250)
    for q in widths(table):
        measured, style = where(table, bits=q), of_bits(q)
        some = measured["distance"] > 0
        panel.plot(measured["distance"][some], measured["relative"][some], linewidth=0.9, **style)
        panel.fill_between(
            measured["distance"][some],
            measured["low"][some],
            measured["high"][some],
            color=style["color"],
            alpha=0.12,
            linewidth=0,
        )
        curve = until_zero(fine, geometry.accuracy_bound(fine, q, n))
        panel.plot(*curve.T, linestyle=":", color=style["color"])
    decades(panel, float(fine[0]), 1.25 * top)
    panel.set_ylim(-0.02, 1.05)


def distances(saved: Saved) -> Iterator[Drawing]:
    """The smallest fooling step of each image against equations 12 and 13."""
    measured, fits = saved.table("distances"), saved.table("fits")
    for dataset in DATASETS:
        some = where(measured, dataset=dataset)
        found = widths(some)
        shown = [q for q in SHOWN if q in found] or found[:3]
        if not found:
            continue
        figure, axes = panels(len(shown), 3, 0.7 + 1.5 * len(shown), top=0.55, share=False, gaps=(0.2, 0.5))
        for i, panel in enumerate(axes):
            q, activation = shown[i // 3], ACTIVATIONS[i % 3]
            one = where(some, bits=q, activation=activation, seed=int(some["seed"].min()))
            models = where(fits, dataset=dataset, bits=q, activation=activation, seed=int(some["seed"].min()))
            _distance_panel(panel, one, models)
            headed(panel, i, f"{NAMES[activation]}, {q} bit{'s' if q > 1 else ''}")
            if i % 3:
                panel.set_yticklabels([])
            else:
                panel.set_ylabel("share fooled")
            if i >= len(axes) - 3:
                panel.set_xlabel("distance to the boundary (ℓ2)")
        lines = [Line2D([], [], color=INK, linewidth=1.6, label="measured")]
        lines += [Line2D([], [], color=c, linestyle=k, label=name) for c, k, name in MODELS.values()]
        figure.legend(handles=lines, loc="upper center", ncols=4, borderaxespad=0.2)
        yield Drawing(
            f"distances-{dataset}",
            None,
            f"Smallest fooling step, {DATASETS[dataset]}, against the model",
            "Of the images that are right when clean, the share fooled within a distance: the smallest step"
            " on the"
            " lattice of input codes that changes the class, times √n; hardware integers, seed"
            f" {int(some['seed'].min())}. Dotted: equation 13 with the paper's edge; dashed and dash-dotted:"
            " with"
            " one parameter fitted so that the largest gap is least. The distance is logarithmic.",
            figure,
        )


def _distance_panel(panel: Axes, table: Columns, fits: Columns) -> None:
    order = np.argsort(table["distance"])  # nan, never fooled, comes last
    distance, images, step = (table[name][order] for name in ("distance", "images", "step"))
    right, fooled = images[step != 0].sum(), step > 0
    share = images[fooled].cumsum() / right
    top = float(distance[fooled].max())
    low = min(float(distance[fooled].min()) / 4, *(f / 300 for f in fits["h"]), top)
    panel.step(distance[fooled], share, where="post", color=INK, linewidth=1.6)
    fine = np.geomspace(low, top, 500)
    for model, h, n in zip(fits["model"], fits["h"], fits["n"], strict=True):
        colour, line, _ = MODELS[str(model)]
        panel.plot(fine, geometry.distribution(fine, float(h), float(n)), color=colour, linestyle=line)
    decades(panel, low, top)
    panel.set_ylim(-0.02, 1.05)


def fits(saved: Saved) -> Iterator[Drawing]:
    """How far the theory is off: the fitted edge over the paper's, and the fitted dimension."""
    table = saved.table("fits")
    datasets = [d for d in DATASETS if count(where(table, dataset=d))]
    if not datasets:
        return
    figure, axes = panels(1, 2 * len(datasets), 2.3, share=False, gaps=(0.42, 0.5), left=0.4)
    for i, panel in enumerate(axes):
        dataset, fitted = datasets[i // 2], "sn"[i % 2]
        for activation in ACTIVATIONS:
            some = where(table, dataset=dataset, activation=activation)
            bits = widths(some)
            if fitted == "s":
                paper, own = (_by_width(where(some, model=m), "s", bits) for m in ("paper", "s"))
                values = own / paper
            else:
                values = _by_width(where(some, model="n"), "n", bits)
            style: dict[str, Any] = {
                "color": COLOURS[activation],
                "marker": MARKS[activation],
                "markersize": 3.5,
            }
            panel.plot(range(len(bits)), values, label=NAMES[activation], **style)
        panel.set_yscale("log")
        panel.set_xticks(range(len(bits)), [str(q) for q in bits])
        panel.axhline(1 if fitted == "s" else INPUTS[dataset], color=PALE, linestyle=":", linewidth=0.9)
        panel.set_xlabel("weight bits")
        panel.minorticks_off()
        short = {"mnist": "MNIST", "spiral": "spirals"}[dataset]
        headed(panel, i, f"{short}, " + ("s / paper's" if fitted == "s" else "n"))
    axes[0].legend(loc="best", handlelength=1.4)
    yield Drawing(
        "fits",
        None,
        "How far the geometric model is off",
        "One parameter of equation 13 fitted to the smallest fooling step so that the largest gap is least,"
        " geometric"
        " mean over seeds: (left of each pair) the edge s of the simplices over the paper's, (right) the"
        " dimension"
        " n, at least 1. Dotted: what the paper assumes.",
        figure,
    )


def _by_width(table: Columns, field: str, bits: list[int]) -> Reals:
    """The geometric mean over seeds at each width; nan where nothing could be fitted."""
    values = []
    for q in bits:
        some = where(table, bits=q)[field].astype(float)
        some = some[np.isfinite(some) & (some > 0)]
        values.append(float(np.exp(np.log(some).mean())) if len(some) else np.nan)
    return np.array(values)
