"""What else must be asked: do the twins agree, which strength is critical, is it masking, does it depend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from ..run.tasks import ACTIVATIONS
from ..tables.grid import mean_of
from .saved import Saved, count, matrix, where, widths
from .style import (
    COLOURS,
    DATASETS,
    INK,
    MARKS,
    NAMES,
    PALE,
    PATH_NAMES,
    PATHS,
    STRENGTH,
    Drawing,
    headed,
    panels,
)

ONE = {"mnist": 255, "spiral": 1024}  # the input code of 1.0
ALLOWED = 0.3  # points between integers and shadow, from 2 bits on
ATTACKS: dict[str, tuple[Any, str]] = {  # the table of masking: line and name
    "plain": ("-", "plain FGSM"),
    "unsaturated": ("--", "loss gradient without saturation"),
    "transfer": (":", "directions of the unrounded network"),
    "random": ((0, (1, 4)), "random directions"),
}
CHOICES = {  # the table of sensitivity
    "unclipped": "attack not clipped",
    "twos_complement": "two's complement grid",
    "patience": "stopping later",
    "first_maximum": "stopping at first maximum",
    "initialisation": "wider initial weights",
    "literal": "literal spirals",
}


def twins(saved: Saved) -> Iterator[Drawing]:
    """The largest difference of accuracy between integers and shadow, with and without rounded steps."""
    figure, axes = panels(1, len(saved.datasets), 2.4, share=False, gaps=(0.6, 0.5))
    for i, (panel, dataset) in enumerate(zip(axes, saved.datasets, strict=True)):
        integer, shadow = (saved.cube(dataset, path).rounded() for path in PATHS)
        apart = 100 * np.abs(mean_of(integer.values) - mean_of(shadow.values))
        exact = integer.epsilons * ONE[dataset]
        whole = np.abs(exact - np.round(exact)) < 1e-6
        for k, activation in enumerate(ACTIVATIONS):
            some, colour = apart[integer.activations.index(activation)], COLOURS[activation]
            places = np.arange(len(integer.bits)) + 0.22 * (k - 1)
            all_of_them, exact_ones = some.max(axis=1), some[:, whole].max(axis=1)
            panel.vlines(places, exact_ones, all_of_them, color=colour, linewidth=0.7, alpha=0.5)
            own: dict[str, Any] = {
                "color": colour,
                "marker": MARKS[activation],
                "linestyle": "",
                "markersize": 4,
            }
            panel.plot(places, all_of_them, **own, markerfacecolor="white")
            panel.plot(places, exact_ones, **own, label=NAMES[activation])
        panel.axhline(ALLOWED, color=PALE, linestyle=":", linewidth=0.9)
        panel.set_xticks(range(len(integer.bits)), [str(q) for q in integer.bits])
        panel.set_xlabel("weight bits")
        panel.set_ylabel("largest difference (points)")
        panel.set_ylim(bottom=0)
        headed(panel, i, DATASETS[dataset])
    axes[-1].legend(loc="best", handletextpad=0.1)
    yield Drawing(
        "twins",
        None,
        "Hardware integers beside the float shadow",
        "The largest difference between the accuracy of the integers and that of the float shadow, means over"
        " seeds, in percentage points. Filled: strengths that are whole steps of the input code, 0 included;"
        " hollow: all strengths, where the integers' step is rounded to whole LSBs and so is another attack."
        f" Dotted: {ALLOWED} points.",
        figure,
    )


def critical(saved: Saved) -> Iterator[Drawing]:
    """The variance over bits by strength, and what the search for the smallest one may use."""
    table = saved.table("critical")
    for attack, path in (("fgsm", "integer"), ("fgsm", "shadow"), ("strong", "integer")):
        some = where(table, path=path, attack=attack)
        datasets = [d for d in DATASETS if count(where(some, dataset=d))]
        if not datasets:
            continue
        figure, axes = panels(1, len(datasets), 2.7, share=False, gaps=(0.6, 0.5))
        for i, (panel, dataset) in enumerate(zip(axes, datasets, strict=True)):
            for activation in (*ACTIVATIONS, "all"):
                one = where(some, dataset=dataset, activation=activation)
                order = np.argsort(one["epsilon"])
                x, spread = one["epsilon"][order], 100 * np.sqrt(one["variance"][order].astype(float))
                usable, chosen = one["eligible"][order], one["critical"][order]
                colour = COLOURS[activation]
                panel.plot(x, spread, color=colour, linewidth=0.7, alpha=0.45)
                panel.plot(np.where(usable, x, np.nan), spread, color=colour, linewidth=1.4)
                for k in np.flatnonzero(chosen):
                    panel.plot(x[k], spread[k], MARKS[activation], color=colour, markersize=5, zorder=4)
                    low, high = float(one["low"][order][k]), float(one["high"][order][k])
                    if low < high:
                        panel.hlines(spread[k], low, high, color=colour, linewidth=2.5, alpha=0.35)
            panel.set_xlim(-0.005, min(0.3, float(some["epsilon"].max())))
            panel.set_ylim(bottom=0)
            panel.set_xlabel(STRENGTH)
            panel.set_ylabel("spread over bits (points)")
            headed(panel, i, DATASETS[dataset])
        lines = [
            Line2D([], [], color=COLOURS[a], marker=MARKS[a], markersize=4, label=NAMES[a])
            for a in (*ACTIVATIONS, "all")
        ]
        axes[-1].legend(handles=lines, loc="best", handlelength=1.6)
        second = attack == "strong"
        yield Drawing(
            "critical-strong" if second else "critical",
            None if second else path,
            "Where the number of bits makes no difference, "
            f"{'strong attack' if second else PATH_NAMES[path]}",
            "Standard deviation over weight bits of the accuracy at each strength. Mark: the critical"
            " strength, where"
            " it is smallest; bar: 95 % bootstrap interval over seeds. Faint: strengths that do not count,"
            " for"
            " the mean accuracy has fallen below half the clean one and all curves meet near zero.",
            figure,
        )


def masking(saved: Saved) -> Iterator[Drawing]:
    """Zero gradients by width, and three attacks on the smallest width."""
    table = saved.table("masking")
    for dataset in saved.datasets:
        for path in PATHS:
            some = where(table, dataset=dataset, path=path)
            bits = widths(some)
            if not bits:
                continue
            figure, axes = panels(1, 4, 2.5, share=False, gaps=(0.42, 0.5), top=0.5)
            plain = where(some, attack="plain", epsilon=float(some["epsilon"].min()))
            for activation in ACTIVATIONS:
                one = where(plain, activation=activation)
                values = [100 * float(where(one, bits=q)["zero_gradients"][0]) for q in bits]
                style: dict[str, Any] = {
                    "color": COLOURS[activation],
                    "marker": MARKS[activation],
                    "markersize": 3.5,
                }
                axes[0].plot(range(len(bits)), values, label=NAMES[activation], **style)
            axes[0].set_xticks(range(len(bits)), [str(q) for q in bits])
            axes[0].set(xlabel="weight bits", ylabel="zero gradients (% of images)")
            axes[0].set_ylim(bottom=0)
            axes[0].legend(loc="upper right", handlelength=1.4)
            headed(axes[0], 0, "no gradient")
            for i, (panel, activation) in enumerate(zip(axes[1:], ACTIVATIONS, strict=True), 1):
                one = where(some, activation=activation, bits=bits[0])
                for attack, (line, _) in ATTACKS.items():
                    found = where(one, attack=attack)
                    if not count(found):
                        continue
                    order = np.argsort(found["epsilon"])
                    panel.plot(
                        found["epsilon"][order],
                        100 * found["accuracy"][order],
                        color=COLOURS[activation],
                        linestyle=line,
                    )
                panel.set_ylim(-2, 102)
                panel.set_xlabel(STRENGTH)
                headed(panel, i, f"{NAMES[activation]}, {bits[0]} bit")
                panel.tick_params(labelleft=i == 1)
            axes[1].set_ylabel("accuracy (%)", labelpad=1)
            lines = [
                Line2D([], [], color=INK, linestyle=line, label=name)
                for attack, (line, name) in ATTACKS.items()
                if count(where(some, attack=attack))
            ]
            figure.legend(handles=lines, loc="upper right", ncols=4, borderaxespad=0.2, columnspacing=1.2)
            yield Drawing(
                f"masking-{dataset}",
                path,
                f"Gradient masking, {DATASETS[dataset]}, {PATH_NAMES[path]}",
                "(a) share of test images whose loss gradient is exactly zero in float32, so that FGSM"
                " leaves them"
                f" alone. (b) to (d) accuracy at {bits[0]} bit under the plain attack and under the same"
                " strengths along"
                " other directions: of a loss gradient that does not saturate, of the network that was"
                " trained without"
                " rounding, and drawn at random.",
                figure,
            )


def sensitivity(saved: Saved) -> Iterator[Drawing]:
    """What each choice that the paper leaves open changes."""
    table = saved.table("sensitivity")
    for dataset in saved.datasets:
        for path in PATHS:
            some = where(table, dataset=dataset, path=path)
            if not count(some):
                continue
            choices = [c for c in CHOICES if count(where(some, variant=c))]
            figure, axes = panels(1, 3, 0.95 + 0.27 * len(choices), share=False, left=1.75)
            fields = {
                "clean": "clean accuracy",
                "attacked": "attacked, ε 0.05 to 0.2",
                "gap": "mean distance",
            }
            for i, (panel, (field, name)) in enumerate(zip(axes, fields.items(), strict=True)):
                labels, kinds, values = matrix(some, "variant", "activation", field)
                for k, activation in enumerate(ACTIVATIONS):
                    if activation not in kinds:
                        continue
                    column = values[:, list(kinds).index(activation)]
                    x = [100 * column[list(labels).index(c)] for c in choices]
                    y = np.arange(len(choices)) + 0.2 * (k - 1)
                    panel.plot(x, y, MARKS[activation], color=COLOURS[activation], markersize=4)
                panel.axvline(0, color=PALE, linewidth=0.8)
                panel.set_yticks(range(len(choices)), [CHOICES[c] for c in choices] if i == 0 else [])
                panel.set_ylim(len(choices) - 0.5, -0.5)
                panel.set_xlabel("points")
                headed(panel, i, name)
            lines = [
                Line2D([], [], color=COLOURS[a], marker=MARKS[a], linestyle="", markersize=4, label=NAMES[a])
                for a in ACTIVATIONS
            ]
            figure.legend(handles=lines, loc="lower left", handletextpad=0.1, borderaxespad=0.3)
            yield Drawing(
                f"sensitivity-{dataset}",
                path,
                f"What the paper leaves open, {DATASETS[dataset]}, {PATH_NAMES[path]}",
                "Change of accuracy, in percentage points, when one thing is done otherwise: (a) clean, (b)"
                " averaged over"
                " strengths from 0.05 to 0.2, (c) mean absolute change up to 0.2. Seed 0; means over the"
                " widths"
                " that were trained so.",
                figure,
            )
