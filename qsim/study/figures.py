"""The figure of a study, and its verdict, from its rows alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from ..errors import QsimError
from ..model.container import replacing
from .defects import PROPERTIES

Rows = list[dict[str, Any]]
STYLES = {"none": ("clean", "#4477aa", "-"), "ideal": ("attack, ideal gradient", "#cc6677", "-")}
STYLES["aware"] = ("attack, gradient of the defective model", "#222222", "--")


def summary(rows: Rows) -> dict[tuple[str, str, float, str], tuple[float, float]]:
    """(model, property, value, attack) -> mean accuracy and half its 95 % interval over seeds."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["model"], row["property"], row["value"], row["attack"]].append(row["accuracy"])
    return {key: (float(np.mean(a)), _half_interval(a)) for key, a in groups.items()}


def _half_interval(values: list[float]) -> float:
    """Student's t for the mean of normal deviates: half of what holds it 95 times in a hundred."""
    n = len(values)
    return 0.0 if n < 2 else float(stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / np.sqrt(n))


def gains(rows: Rows) -> Rows:
    """Where a defect gains accuracy under the ideal attack, and what is left of it under the aware one.

    Each value is compared seed by seed with the mildest value of its property. A gain counts if it is
    above half its 95 % interval, over seeds and over the choice of test images. `verdict` is `defence`
    where a gain is left under the aware attack, else `no defence`.
    """
    found = []
    table = {(r["model"], r["property"], r["value"], r["seed"], r["attack"]): r["accuracy"] for r in rows}
    images = min(row["images"] for row in rows)
    for kind in PROPERTIES:
        for model in sorted({r["model"] for r in rows}):
            for value in kind.values:
                seeds = sorted({k[3] for k in table if k[:3] == (model, kind.name, float(value))})
                if value == kind.mildest or not seeds:
                    continue

                def change(attack: str, model=model, kind=kind, value=value, seeds=seeds):  # type: ignore[no-untyped-def]
                    pairs = [
                        [table[model, kind.name, float(v), s, attack] for v in (value, kind.mildest)]
                        for s in seeds
                    ]
                    return _change(np.array(pairs), images)

                gain, half = change("ideal")
                left, spread = change("aware")
                if gain > half:
                    found.append(
                        {
                            "model": model,
                            "property": kind.name,
                            "value": float(value),
                            "clean": change("none")[0],
                            "ideal": gain,
                            "aware": left,
                            "verdict": "defence" if left > spread else "no defence",
                        }
                    )
    return found


def _change(pairs: npt.NDArray[np.float64], images: int) -> tuple[float, float]:
    """Mean difference of pairs (seeds, 2) of accuracies, and half its 95 % interval."""
    differences = pairs[:, 0] - pairs[:, 1]
    share = pairs.mean(0)
    luck = 1.96 * np.sqrt((share * (1 - share)).sum() / images)  # as if the images were drawn twice
    return float(differences.mean()), float(np.hypot(_half_interval(differences.tolist()), luck))


def draw(rows: Rows, path: Path) -> None:
    """One column of panels a model, one row a property; bars are 95 % intervals over seeds."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise QsimError("figures need the package matplotlib: pip install 'qsim[paper]'") from None
    models, table = sorted({r["model"] for r in rows}), summary(rows)
    kinds = [k for k in PROPERTIES if any(r["property"] == k.name for r in rows)]
    figure = Figure((3.2 * len(models), 1.9 * len(kinds)), layout="constrained")
    panels = figure.subplots(len(kinds), len(models), squeeze=False, sharey=True)
    for line, kind in zip(panels, kinds, strict=True):
        for panel, model in zip(line, models, strict=True):
            for attack, (label, colour, dash) in STYLES.items():
                points = [table[model, kind.name, float(v), attack] for v in kind.values]
                means, halves = 100 * np.array(points).T
                where = range(len(kind.values))
                panel.errorbar(
                    where, means, halves, color=colour, ls=dash, marker=".", capsize=2, label=label
                )
            panel.set_xticks(where, [f"{v:g}" for v in kind.values])
            panel.set_ylim(0, 102)
            panel.grid(alpha=0.3)
            panel.set_xlabel(kind.label, fontsize=7)
            panel.tick_params(labelsize=7)
        line[0].set_ylabel("accuracy, %", fontsize=8)
    for panel, model in zip(panels[0], models, strict=True):
        panel.set_title(model, fontsize=9)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(3, len(models)), fontsize=7)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
