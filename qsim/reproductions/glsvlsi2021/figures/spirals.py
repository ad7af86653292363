"""Figure 5, and the decision regions of the spirals as the hardware sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D

from ..run.tasks import ACTIVATIONS
from ..tables.columns import Columns
from .saved import Saved, count, where
from .style import NAMES, Drawing, bits_name, headed, panels

CLASSES = ("#0072B2", "#C44E00")  # of +, of -
FAINT = ListedColormap(["#c3dced", "#f7d3bd"])
LIMIT = {"short": 1.25, "literal": 11.0}


def points(saved: Saved) -> Iterator[Drawing]:
    """Figure 5: the training points, as they are used and as the paper's text has them."""
    table = where(saved.table("spirals"), split="train")
    if not count(table):
        return
    figure, axes = panels(1, 2, 3.6, share=False, gaps=(0.6, 0.5))
    titles = {"short": "as used: t to 10, σ = 0.03", "literal": "the paper's text: t to 100, σ² = 0.03"}
    for i, (panel, (spiral, title)) in enumerate(zip(axes, titles.items(), strict=True)):
        _scatter(panel, where(table, spiral=spiral), 9)
        _square(panel, LIMIT[spiral])
        panel.set_xlabel("x (input units)")
        panel.set_ylabel("y (input units)", labelpad=1)
        headed(panel, i, title)
    axes[0].legend(handles=_legend(), loc="upper left", handletextpad=0.1)
    yield Drawing(
        "figure-5",
        None,
        "The two spirals",
        "Equation 15, 200 training points an arm. Taken literally, (b), 400 points cannot fix sixteen turns;"
        " (a) shows"
        " what the paper describes and is used in every other figure.",
        figure,
    )


def regions(saved: Saved) -> Iterator[Drawing]:
    """The class that the integers give at each input code, by width."""
    table = saved.table("regions")
    test = where(saved.table("spirals"), split="test", spiral="short")
    for activation in ACTIVATIONS:
        some = where(table, activation=activation)
        found = sorted({int(q) for q in some["bits"]}) if count(some) else []
        if not found:
            continue
        columns = min(len(found), 6)
        rows = -(-len(found) // columns)
        figure, axes = panels(rows, columns, 0.75 + 1.3 * rows, share=False, gaps=(0.1, 0.3))
        for i, panel in enumerate(axes):
            if i >= len(found):
                panel.axis("off")
                panel.legend(handles=_legend(), loc="center", title="test points")
                continue
            one = where(some, bits=found[i])
            _region(panel, one)
            _scatter(panel, test, 1.2)
            panel.set_title(bits_name(found[i]), pad=3)
            panel.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= len(found), length=2)
        for panel in axes[::columns]:
            panel.set_ylabel("y", labelpad=0)
        for panel in axes[len(found) - columns : len(found)]:
            panel.set_xlabel("x", labelpad=1)
        yield Drawing(
            f"regions-{activation}",
            None,
            f"Decision regions as the hardware sees them, {NAMES[activation]}",
            "The class that the integers give at each point of a grid of input codes, and the test points,"
            " by weight bits;"
            f" {NAMES[activation]} hidden units, seed 0.",
            figure,
        )


def region_array(row: Columns) -> npt.NDArray[np.bool_]:
    """Class 1 or not at each grid point, (height, width), from a row of the table of regions."""
    height, width = int(row["height"][0]), int(row["width"][0])
    bits = np.unpackbits(np.frombuffer(row["classes"][0], np.uint8), count=height * width)
    return bits.reshape(height, width).astype(bool)


def _region(panel: Axes, row: Columns) -> None:
    classes = region_array(row)
    spacing, one = float(row["spacing"][0]), float(row["one"][0])
    low = [(float(row[name][0]) - spacing / 2) / one for name in ("x0", "y0")]
    height, width = classes.shape
    extent = (low[0], low[0] + width * spacing / one, low[1], low[1] + height * spacing / one)
    panel.imshow(
        classes,
        cmap=FAINT,
        vmin=0,
        vmax=1,
        extent=extent,
        origin="lower",
        interpolation="nearest",
        aspect="equal",
    )
    panel.grid(False)


def _scatter(panel: Axes, table: Columns, size: float) -> None:
    for label, (colour, mark) in enumerate(zip(CLASSES, "o^", strict=True)):
        some = where(table, label=label)
        panel.scatter(some["x"], some["y"], s=size, color=colour, marker=mark, linewidths=0)


def _square(panel: Axes, limit: float) -> None:
    panel.set_xlim(-limit, limit)
    panel.set_ylim(-limit, limit)
    panel.set_aspect("equal")


def _legend() -> list[Any]:
    facts = zip(CLASSES, "o^", ("spiral +", "spiral −"), strict=True)
    return [Line2D([], [], color=c, marker=m, linestyle="", markersize=4, label=name) for c, m, name in facts]
