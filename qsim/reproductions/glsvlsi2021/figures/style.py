"""How every figure looks: sized for a printed page, told apart by all eyes, the same bytes every time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from ....activations import activation
from ....model.container import replacing
from ..run.tasks import ACTIVATIONS, UNROUNDED
from ..tables.grid import Reals

WIDTH = 7.0  # inches, the text of a page in two columns
DPI = 200
NAMES = {**{name: activation(name).label for name in ACTIVATIONS}, "all": "all together"}
PATHS = ("integer", "shadow")
PATH_NAMES = {"integer": "hardware integers", "shadow": "float shadow"}
DATASETS = {"mnist": "MNIST", "spiral": "two spirals"}
COLOURS = {"step": "#0072B2", "sigmoid": "#B3570A", "relu": "#007F5F", "all": "#222222"}
MARKS = {"step": "s", "sigmoid": "o", "relu": "^", "all": "D"}
STRENGTH = "attack strength ε (ℓ∞)"  # in input units: 1 is the range of a pixel
DISTANCE = "distance (ℓ2, input units)"
INK, PALE = "#222222", "#8a8a8a"

SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine draws the same
    "font.size": 7.5,
    "lines.markersize": 4,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "text.color": INK,
    "figure.dpi": DPI,
    "svg.fonttype": "path",
}


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure with what to say of it; `path` is None where it does not differ by path."""

    name: str
    path: str | None
    title: str
    caption: str
    figure: Figure

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.path}" if self.path else self.name

    def write(self, folder: Path) -> list[Path]:
        """Leave it as SVG and as PNG, equal bytes for an equal drawing."""
        FigureCanvasAgg(self.figure)
        files = [folder / f"{self.stem}.{form}" for form in ("svg", "png")]
        for file, metadata in zip(files, ({"Date": None, "Creator": None}, {"Software": None}), strict=True):
            with replacing(file) as temporary, mpl.rc_context({"svg.hashsalt": self.stem}):
                self.figure.savefig(temporary, format=file.suffix[1:], metadata=metadata, dpi=DPI)
        return files


@contextmanager
def shared() -> Iterator[None]:
    """Draw in the shared style, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


def panels(
    rows: int,
    columns: int,
    height: float,
    *,
    left: float = 0.52,
    right: float = 0.0,
    top: float = 0.3,
    share: bool = True,
    gaps: tuple[float, float] = (0.2, 0.5),
) -> tuple[Figure, list[Axes]]:
    """A figure of the page's width and its axes; margins and `gaps` (across, down) are in inches."""
    figure = Figure(figsize=(WIDTH, height))
    bottom, edge = 0.42, 0.12
    across = (WIDTH - left - right - edge - gaps[0] * (columns - 1)) / columns
    down = (height - bottom - top - gaps[1] * (rows - 1)) / rows
    grid = figure.subplots(
        rows,
        columns,
        squeeze=False,
        sharex=share,
        sharey=share,
        gridspec_kw={
            "left": left / WIDTH,
            "right": 1 - (right + edge) / WIDTH,
            "bottom": bottom / height,
            "top": 1 - top / height,
            "wspace": gaps[0] / across,
            "hspace": gaps[1] / down,
        },
    )
    return figure, list(grid.flat)


def headed(axes: Axes, index: int, text: str) -> None:
    """(a) text, above the panel's left edge."""
    axes.set_title(f"({'abcdefghijkl'[index]}) {text}", loc="left", pad=5)


def decades(panel: Axes, low: float, high: float) -> None:
    """A logarithmic axis across, with few enough numbers below it."""
    panel.set_xscale("log")
    panel.set_xlim(low, high)
    panel.xaxis.set_major_locator(LogLocator(numticks=5))
    panel.xaxis.set_minor_locator(NullLocator())


def until_zero(across: Reals, bound: Reals) -> Reals:
    """The points (K, 2) of a falling curve up to the first 0."""
    end = int((bound > 0).sum()) + 1
    return np.column_stack([across, bound])[:end]


def cut(name: str, low: float, high: float) -> Colormap:
    """A part of a colour map, without the end that is lost on white."""
    whole = mpl.colormaps[name]
    return LinearSegmentedColormap.from_list(name, [whole(low + (high - low) * i / 63) for i in range(64)])


STRENGTHS = cut("plasma", 0.0, 0.88)
WIDTHS = cut("viridis", 0.0, 0.92)


def of_strength(epsilon: float, largest: float) -> tuple[float, float, float, float]:
    """Colour of an attack strength: by its square root, for most happens at small ones."""
    return STRENGTHS(math.sqrt(epsilon / largest))


def of_bits(bits: int) -> dict[str, Any]:
    """Colour and line of a weight width."""
    if bits == UNROUNDED:
        return {"color": INK, "linestyle": (0, (4, 1.5))}
    return {"color": WIDTHS(((bits - 1) / 9) ** 0.7), "linestyle": "-"}


def bits_name(bits: int) -> str:
    """What a width is called in a legend."""
    return "not rounded" if bits == UNROUNDED else "1 bit" if bits == 1 else f"{bits} bits"


def bits_legend(figure: Figure, bits: Sequence[int], extra: Sequence[Line2D] = ()) -> None:
    """The widths, down the figure's right edge."""
    lines = [Line2D([], [], label=bits_name(q), **of_bits(q)) for q in bits]
    figure.legend(handles=[*lines, *extra], loc="center right", handlelength=1.8, borderaxespad=0.4)


def strengths_bar(figure: Figure, axes: Sequence[Axes], largest: float) -> None:
    """The scale of attack strengths, at the figure's right edge."""
    place = axes[-1].get_position()
    bar = figure.add_axes(
        (place.x1 + 0.12 / WIDTH, place.y0, 0.11 / WIDTH, axes[0].get_position().y1 - place.y0)
    )
    figure.colorbar(ScalarMappable(PowerNorm(0.5, 0, largest), STRENGTHS), cax=bar)
    bar.set_yticks([e for e in (0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5) if e <= largest])
    bar.set_ylabel(STRENGTH)
    bar.tick_params(length=2)
