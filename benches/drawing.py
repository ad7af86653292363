"""The command line of a figure: compute its rows, keep them, draw them, or draw saved ones."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qsim.model.container import replacing


def run(
    text: str,
    name: str,
    row: Callable[..., Any],
    rows: Callable[[], Sequence[Any]],
    draw: Callable[[Sequence[Any], Path], None],
) -> None:
    """Make NAME.json, a list of dataclass rows, and NAME.svg; `text` is what --help says."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--rows", type=Path, help="saved rows to draw")
    parser.add_argument(
        "--out", type=Path, default=Path("docs"), help=f"folder for {name}.json and {name}.svg"
    )
    arguments = parser.parse_args()
    if arguments.rows:
        found: Sequence[Any] = [row(**one) for one in json.loads(arguments.rows.read_text())]
    else:
        found = rows()
        with replacing(arguments.out / f"{name}.json") as temporary:
            lines = ",\n".join(json.dumps(asdict(one)) for one in found)
            temporary.write_text(f"[\n{lines}\n]\n")
    draw(found, arguments.out / f"{name}.svg")
