"""Figures of a campaign, drawn from its summary alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import QsimError
from ..model.container import replacing
from .summary import Row

LINES = ("-", "--", ":", "-.")


def figure(width: float, height: float) -> Any:
    """An empty figure of so many inches.

    Raises
    ------
    QsimError
        If matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise QsimError("figures need the package matplotlib: pip install 'qsim[paper]'") from None
    return Figure((width, height), layout="constrained")


def colours(names: Sequence[str]) -> dict[str, Any]:
    """A colour for each name, as far apart as so many can be."""
    from matplotlib import colormaps

    return dict(zip(names, colormaps["turbo"](np.linspace(0.05, 0.95, len(names))), strict=True))


def save(drawn: Any, path: Path) -> None:
    """Write a figure as PNG, completely or not at all."""
    with replacing(path) as temporary:
        drawn.savefig(temporary, format="png", dpi=110)


def draw_singles(rows: Sequence[Row], path: Path) -> None:
    """Silent corruption rate over the bit that is flipped: a panel a kind, a line a model and layer.

    Bits that change no image's class have no place on the logarithmic axis and are left out.
    """
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    drawn = figure(4.2 * len(kinds) + 1.5, 3.2)
    panels = drawn.subplots(1, len(kinds), squeeze=False)[0]
    palette = colours(list(dict.fromkeys(row["model"] for row in rows)))
    for panel, kind in zip(panels, kinds, strict=True):
        lines = dict.fromkeys((r["model"], r["layer"]) for r in rows if r["kind"] == kind and r["bit"] >= 0)
        for model, layer in lines:
            own = [r for r in rows if (r["model"], r["layer"], r["kind"]) == (model, layer, kind)]
            own = [r for r in own if r["corrupted"] > 0]
            mean, low, high = (np.array([r[f"corrupted{end}"] for r in own]) for end in ("", "_low", "_high"))
            bits, style = [r["bit"] for r in own], {"color": palette[model], "ls": LINES[layer % len(LINES)]}
            panel.plot(bits, mean, marker=".", label=f"{model}, layer {layer}", **style)
            panel.fill_between(bits, low, high, color=palette[model], alpha=0.15, lw=0)
        panel.set_yscale("log")
        panel.set_xlabel(f"{kind}: bit, the highest is the sign", fontsize=8)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("class changed, share of faults × images", fontsize=8)
    drawn.legend(loc="outside right upper", fontsize=7)
    save(drawn, path)


def draw_trials(rows: Sequence[Row], path: Path) -> None:
    """Accuracy over the chance of a fault: a panel a kind, a line a model.

    Where inputs were attacked, also what was left, and the certified share: dashed, and dotted.
    """
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    drawn = figure(4.2 * len(kinds) + 1.5, 3.2)
    panels = drawn.subplots(1, len(kinds), squeeze=False)[0]
    palette = colours(list(dict.fromkeys(row["model"] for row in rows)))
    for panel, kind in zip(panels, kinds, strict=True):
        for model in dict.fromkeys(r["model"] for r in rows if r["kind"] == kind):
            own = sorted(
                (r for r in rows if (r["model"], r["kind"]) == (model, kind)), key=lambda r: r["rate"]
            )
            rates, colour = [r["rate"] for r in own], palette[model]
            for name, line in (("accuracy", "-"), ("unbroken", "--"), ("certified", ":")):
                if name not in own[0]:
                    continue
                mean, low, high = (
                    np.array([100 * r[f"{name}{end}"] for r in own]) for end in ("", "_low", "_high")
                )
                label = model if name == "accuracy" else f"{model}, {name}"
                panel.plot(rates, mean, line, marker=".", color=colour, label=label)
                panel.fill_between(rates, low, high, color=colour, alpha=0.15, lw=0)
        panel.set_xscale("symlog", linthresh=min((r["rate"] for r in rows if r["rate"] > 0), default=1))
        panel.set_xlim(left=min(r["rate"] for r in rows))
        panel.set_ylim(0, 102)
        panel.set_xlabel(f"{kind}: chance of each place", fontsize=8)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("images, %" if "unbroken" in rows[0] else "accuracy, %", fontsize=8)
    drawn.legend(loc="outside right upper", fontsize=7, handlelength=3.5)
    save(drawn, path)


def draw_flips(rows: Sequence[Row], chance: float, path: Path) -> None:
    """Accuracy over the number of flips: a panel a kind, a line a model; dashed where flips are random."""
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    drawn = figure(4.2 * len(kinds) + 1.5, 3.4)
    panels = drawn.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    palette = colours(list(dict.fromkeys(row["model"] for row in rows)))
    for panel, kind in zip(panels, kinds, strict=True):
        for model, colour in palette.items():
            own = [r for r in rows if (r["model"], r["kind"]) == (model, kind)]
            for order in dict.fromkeys(r["order"] for r in own):
                points = [(r["flips"], 100 * r["accuracy"]) for r in own if r["order"] == order]
                attack = order == "attack"
                style = {"ls": "-" if attack else ":", "lw": 1.5 if attack else 0.8}
                panel.plot(*zip(*points, strict=True), color=colour, label=model if attack else None, **style)
        panel.axhline(100 * chance, color="#888888", lw=0.8)
        panel.set_xscale("symlog", linthresh=1)
        panel.set_xlim(left=0)
        panel.set_ylim(0, 102)
        panel.set_xlabel(f"{kind}s flipped: attack, and random (dotted)", fontsize=8)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("accuracy, %", fontsize=8)
    handles, labels = panels[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside right upper", fontsize=7)
    save(drawn, path)
