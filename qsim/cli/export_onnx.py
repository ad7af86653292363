"""`qsim export-onnx`: a model as an ONNX file that gives the same integers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..exporters.api import STYLES, to_onnx
from ..model.container import replacing
from ..model.file import load
from . import terminal
from .results import named, write_json
from .terminal import Json, ModelFile


def command(
    file: ModelFile,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the ONNX file goes.")],
    style: Annotated[str, typer.Option(help=f"{', '.join(STYLES)}.")] = "qonnx",
    json: Json = None,
) -> None:
    """Write a model as ONNX: for FINN and qonnx, for hls4ml, or in plain integers for onnxruntime."""
    model = load(file)
    made = to_onnx(model, style)
    content = made.SerializeToString(deterministic=True)
    with replacing(out) as temporary:
        temporary.write_bytes(content)
    table = terminal.table("written", "digest", "style", "nodes", "bytes")
    table.add_row(out.name, model.digest[:12], style, str(len(made.graph.node)), f"{len(content):,}")
    terminal.show(terminal.console(json), table)
    if json:
        write_json(json, "export-onnx", {**named(file, model), "style": style, "bytes": len(content)})
