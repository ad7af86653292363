"""The transfer matrix as a picture: rows are the networks attacked, columns those that see the codes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import QsimError
from ..model.container import replacing
from .transfer import Row

SUFFIXES = (".png", ".svg")
DARK = 0.55  # accuracies above this stand on a dark field, in white


def check_name(path: Path) -> None:
    """Refuse a file that a picture cannot be written to, or a missing package, before any work.

    Raises
    ------
    QsimError
    """
    if path.suffix not in SUFFIXES:
        raise QsimError(f"{path}: a picture is {' or '.join(SUFFIXES)}")
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise QsimError("figures need the package matplotlib: pip install 'qsim[paper]'") from None


def draw(rows: Sequence[Row], title: str, path: Path) -> None:
    """Write the matrix, completely or not at all; equal rows give equal bytes.

    Parameters
    ----------
    rows : one for each ordered pair of networks, as `transfer` yields them
    title : str
    path : a file ending in one of `SUFFIXES`
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row.crafted for row in rows))
    at = {(row.crafted, row.scored): row.accuracy for row in rows}
    clean = {row.scored: row.clean for row in rows}
    lines = [[clean[name] for name in names], *([at[a, b] for b in names] for a in names)]
    values = np.array(lines)
    longest = max(map(len, names))
    size = 0.62 * len(names) + 0.085 * longest + 1.2, 0.42 * len(lines) + 0.07 * longest + 0.8
    figure = Figure(size, layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(values, vmin=0, vmax=1, cmap="cividis_r", aspect="auto")
    for i, line in enumerate(values):
        for j, value in enumerate(line):
            weight = "bold" if i == j + 1 else "normal"
            colour = "white" if value > DARK else "black"
            text = f"{100 * value:.1f}"
            axes.text(j, i, text, ha="center", va="center", color=colour, weight=weight, fontsize=8)
    axes.axhline(0.5, color="white", linewidth=2)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(lines)), ["no attack", *names], fontsize=8)
    axes.set_xlabel("scored on")
    axes.set_ylabel("crafted on")
    figure.suptitle(title, fontsize=8)
    figure.colorbar(shown, label="accuracy", shrink=0.9)
    metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
    with replacing(path) as temporary, mpl.rc_context({"svg.hashsalt": "transfer"}):
        figure.savefig(temporary, format=path.suffix[1:], dpi=150, metadata=metadata)
