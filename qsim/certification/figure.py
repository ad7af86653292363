"""The bracket: what is certified and what no attack has broken, the truth in between; from rows alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ..errors import QsimError
from ..model.container import replacing

Rows = list[dict[str, Any]]
COLOURS = ("#cc6677", "#ddaa33", "#4477aa", "#228833", "#222222", "#aa4499")


def bracket(rows: Rows) -> list[dict[str, Any]]:
    """For each model and radius: images, and the shares certified and not broken."""
    counts: dict[tuple[str, int], Counter[str]] = {}
    about = {row["model"]: (row["activation"], row["bits"]) for row in rows}
    for row in rows:
        counts.setdefault((row["model"], row["radius"]), Counter())[row["verdict"]] += 1
    return [
        {
            "model": model,
            "activation": about[model][0],
            "bits": about[model][1],
            "radius": radius,
            "images": count.total(),
            "certified": count["robust"] / count.total(),
            "unbroken": (count["robust"] + count["unknown"]) / count.total(),
        }
        for (model, radius), count in counts.items()
    ]


def draw(rows: Rows, path: Path) -> None:
    """One panel an activation, one band a model: from its certified to its unbroken share, over radii."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise QsimError("figures need the package matplotlib: pip install 'qsim[certify]'") from None
    found = sorted(bracket(rows), key=lambda point: (point["bits"], point["model"], point["radius"]))
    activations = sorted({str(point["activation"]) for point in found})
    figure = Figure((4.2 * len(activations), 3.4), layout="constrained")
    panels = figure.subplots(1, len(activations), squeeze=False, sharey=True)[0]
    for panel, activation in zip(panels, activations, strict=True):
        models = dict.fromkeys(p["model"] for p in found if str(p["activation"]) == activation)
        for i, model in enumerate(models):
            points = [point for point in found if point["model"] == model]
            radii = [point["radius"] for point in points]
            low, high = ([100 * point[key] for point in points] for key in ("certified", "unbroken"))
            colour = COLOURS[i % len(COLOURS)]
            panel.fill_between(radii, low, high, color=colour, alpha=0.3, lw=0)
            panel.plot(radii, low, color=colour, marker=".", label=model)
            panel.plot(radii, high, color=colour, ls=":", marker=".")
        panel.set_title(activation, fontsize=9)
        panel.set_xlabel("radius, LSB", fontsize=8)
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.legend(fontsize=7)
        panel.set_ylim(0, 102)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("images, %: certified (solid), unbroken (dotted)", fontsize=8)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
