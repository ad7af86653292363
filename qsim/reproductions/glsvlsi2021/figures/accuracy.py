"""Figures 3, 4, 6 and 7: accuracy by weight bits, and relative accuracy by strength, for each activation.

Figures 3 and 6 have a twin each under the second attack axis.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ....robustness import geometry
from ..claims.claims import INPUTS
from ..run.tasks import ACTIVATIONS
from ..tables.grid import Cube, mean_of
from .saved import Saved, where
from .style import (
    DATASETS,
    INK,
    NAMES,
    PALE,
    PATH_NAMES,
    PATHS,
    STRENGTH,
    Drawing,
    bits_legend,
    headed,
    of_bits,
    of_strength,
    panels,
    strengths_bar,
    until_zero,
)

CHANCE = {"mnist": 10, "spiral": 50}  # per cent
BY_BITS = {"mnist": "figure-3", "spiral": "figure-6"}
BY_STRENGTH = {"mnist": "figure-4", "spiral": "figure-7"}


def by_bits(saved: Saved) -> Iterator[Drawing]:
    """Figures 3 and 6: a line for each strength; the critical one with asterisks. FGSM, then the twins."""
    for dataset in saved.datasets:
        for path in PATHS:
            cube = saved.cube(dataset, path).rounded()
            figure, stars = _lines_by_bits(saved, cube, path, "fgsm")
            rise = (
                " Coloured lines: up to the strength with the least accuracy; dash-dotted black ones: beyond"
                " it, where accuracy rises again."
                if dataset == "spiral"
                else ""
            )
            yield Drawing(
                BY_BITS[dataset],
                path,
                f"Accuracy by weight bits, {DATASETS[dataset]}, {PATH_NAMES[path]}",
                f"Test accuracy on {DATASETS[dataset]} by weight bits, a line for each of"
                f" {len(cube.epsilons)} strengths of FGSM, mean of {_seeds(cube)}.{rise}{stars} Dotted:"
                " chance.",
                figure,
            )
        if (strong := saved.strong(dataset)) is not None:
            yield _twin(saved, strong.rounded())


def _twin(saved: Saved, cube: Cube) -> Drawing:
    """The same under the second attack axis."""
    figure, stars = _lines_by_bits(saved, cube, "integer", "strong")
    first = {name: column[0] for name, column in saved.table("strong", dataset=cube.dataset).items()}
    images = int(first["images"])
    how = (
        f"that no input code within reach fools, all codes tried, of {images}"
        if cube.dataset == "spiral"
        else f"that the attack `{first['attack']}` does not fool, of the first {images}"
    )
    return Drawing(
        f"{BY_BITS[cube.dataset]}-strong",
        None,
        f"Accuracy by weight bits under the strong attack, {DATASETS[cube.dataset]}, hardware integers",
        f"As the figure above, under an attack that tries: test points {how}, a line for each of"
        f" {len(cube.epsilons)} strengths, mean of {_seeds(cube)}.{stars} Dotted: chance.",
        figure,
    )


def _lines_by_bits(saved: Saved, cube: Cube, path: str, attack: str) -> tuple[Figure, str]:
    """The lines, and what the caption says about asterisks."""
    figure, axes = panels(1, 3, 2.6, right=0.62)
    means = 100 * mean_of(cube.values)
    strengths, places = cube.epsilons, np.arange(len(cube.bits))
    chosen = []
    for i, (panel, activation) in enumerate(zip(axes, ACTIVATIONS, strict=True)):
        curves = means[cube.activations.index(activation)].T  # (strengths, bits)
        rises = cube.dataset == "spiral" and attack == "fgsm"
        turn = int(curves.mean(axis=1).argmin()) if rises else len(strengths) - 1
        for k in range(len(strengths) - 1, -1, -1):
            rising = k > turn
            panel.plot(
                places,
                curves[k],
                color=INK if rising else of_strength(strengths[k], strengths[-1]),
                linestyle=(0, (5, 2, 1, 2)) if rising else "-",
                linewidth=0.45 if rising else 0.75,
                alpha=0.55 if rising else 1,
            )
        panel.axhline(CHANCE[cube.dataset], color=PALE, linestyle=":", linewidth=0.8, zorder=0)
        critical = _critical(saved, cube.dataset, path, activation, attack)
        if critical is not None:
            chosen.append(f"{NAMES[activation]} {critical:g}")
            k = int(np.abs(strengths - critical).argmin())
            panel.plot(places, curves[k], color="white", linewidth=2.8)
            panel.plot(places, curves[k], color=INK, marker="*", markersize=6, markeredgewidth=0)
            panel.set_title(f"critical ε = {critical:g}", loc="right", pad=5, fontsize=7)
        headed(panel, i, NAMES[activation])
        panel.set_xlabel("weight bits")
        panel.set_xticks(places, [str(q) for q in cube.bits])
        panel.set_ylim(-2, 102)
    axes[0].set_ylabel("test accuracy (%)")
    strengths_bar(figure, axes, float(strengths[-1]))
    return figure, f" Asterisks: the critical strength ({', '.join(chosen)})." if chosen else ""


def _critical(saved: Saved, dataset: str, path: str, activation: str, attack: str) -> float | None:
    table = saved.table("critical", dataset=dataset, path=path, activation=activation, attack=attack)
    chosen = where(table, critical=True)
    return float(chosen["epsilon"][0]) if chosen and len(chosen["epsilon"]) else None


def by_strength(saved: Saved) -> Iterator[Drawing]:
    """Figures 4 and 7: relative accuracy, and the bound (14) below it."""
    for dataset in saved.datasets:
        for path in PATHS:
            yield _by_strength(saved.cube(dataset, path), path)


def _by_strength(cube: Cube, path: str) -> Drawing:
    figure, axes = panels(1, 3, 2.6, right=0.95)
    means, n = mean_of(cube.values), INPUTS[cube.dataset]
    fine = np.linspace(0, cube.epsilons[-1], 1001)
    rounded = cube.rounded().bits
    for i, (panel, activation) in enumerate(zip(axes, ACTIVATIONS, strict=True)):
        curves = means[cube.activations.index(activation)]
        for bits, curve in zip(cube.bits, curves, strict=True):
            panel.plot(cube.epsilons, curve / curve[0], linewidth=0.9, **{**of_bits(bits), "zorder": 3})
        bounds = [
            until_zero(fine, geometry.accuracy_bound(geometry.l2_of_linf(fine, n), q, n)) for q in rounded
        ]
        colours = [of_bits(q)["color"] for q in rounded]
        panel.add_collection(LineCollection(bounds, colors=colours, linestyles=":", linewidths=1.0))
        headed(panel, i, NAMES[activation])
        panel.set_xlabel(STRENGTH)
        panel.set_xlim(-0.01, cube.epsilons[-1])
        panel.set_ylim(-0.02, 1.04)
    axes[0].set_ylabel("relative accuracy")
    bits_legend(
        figure, cube.bits, [Line2D([], [], color=INK, linestyle=":", label="bound (14)\nof the width")]
    )
    zero = (
        " On MNIST the bound is a drop at ε = 0: it is 0 from less than half an LSB on."
        if cube.dataset == "mnist"
        else ""
    )
    return Drawing(
        BY_STRENGTH[cube.dataset],
        path,
        f"Relative accuracy by strength, {DATASETS[cube.dataset]}, {PATH_NAMES[path]}",
        f"Accuracy under FGSM over clean accuracy, mean of {_seeds(cube)}, and the lower bound of equation"
        " 14,"
        f" dotted in the same colour.{zero}",
        figure,
    )


def _seeds(cube: Cube) -> str:
    return f"{len(cube.seeds)} seeds" if len(cube.seeds) > 1 else "one seed"
