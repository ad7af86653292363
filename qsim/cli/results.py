"""What every command writes with --json: its figures, and the code and machine that made them."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..model.container import replacing
from ..model.model import Model
from ..spec import dense as spec

SCHEMA = 1  # the layout of what commands write, as qsim/schemas says; fields may come, none goes or changes


def origin() -> dict[str, Any]:
    """Versions of the code that makes a result."""
    return {
        "qsim": version("qsim"),
        "spec": spec.VERSION,
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba")},
        "machine": platform.machine(),
    }


def named(path: Path, model: Model) -> dict[str, Any]:
    """Which model a result is about."""
    return {"model": path.stem, "digest": model.digest}


def write_json(path: str, command: str, figures: Mapping[str, Any]) -> None:
    """Write a command's figures as JSON, completely or not at all; `-` is standard output."""
    text = json.dumps({"command": command, "schema": SCHEMA, "origin": origin(), **figures}, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    with replacing(path) as temporary:
        temporary.write_text(text)
