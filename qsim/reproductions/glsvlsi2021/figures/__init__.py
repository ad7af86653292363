"""The paper's figures and a few more, from the tables of a run's folder alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from ....model.container import replacing
from . import accuracy, checks, geometry, spirals, style
from .saved import Saved
from .style import Drawing

FIGURES: tuple[Callable[[Saved], Iterator[Drawing]], ...] = (
    accuracy.by_bits,
    geometry.monte_carlo,
    accuracy.by_strength,
    spirals.points,
    spirals.regions,
    checks.twins,
    checks.critical,
    geometry.bound,
    geometry.distances,
    geometry.fits,
    checks.masking,
    checks.sensitivity,
)
INDEX = "index.json"


def draw(directory: Path) -> list[Path]:
    """Draw every figure that a run's tables allow.

    Parameters
    ----------
    directory : a folder that `qsim paper --out` has filled

    Returns
    -------
    Files in `figures/`: an SVG and a PNG each, the same bytes for the same tables, and `index.json`, which
    lists them with titles and captions.

    Raises
    ------
    QsimError
        If there is no `rows.parquet`, or a table is damaged.
    """
    saved, folder = Saved(directory), directory / "figures"
    files: list[Path] = []
    entries: list[dict[str, str | None]] = []
    with style.shared():
        for make in FIGURES:
            for drawing in make(saved):
                files += drawing.write(folder)
                entries.append(
                    {
                        "name": drawing.name,
                        "path": drawing.path,
                        "file": drawing.stem,
                        "title": drawing.title,
                        "caption": drawing.caption,
                    }
                )
    index = folder / INDEX
    with replacing(index) as temporary:
        temporary.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
    return [*files, index]
