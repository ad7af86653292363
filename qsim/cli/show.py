"""`qsim show`: what a model file holds."""

from __future__ import annotations

from ..model.file import load
from . import terminal
from .results import named, write_json
from .terminal import Json, ModelFile


def command(file: ModelFile, json: Json = None) -> None:
    """What a model file holds: layers, grids, accumulator bounds, provenance."""
    model = load(file)
    table = terminal.table("layer", "inputs", "outputs", "weights", "activation", "codes", "accumulator")
    table.title = f"{file.stem} ({model.digest[:12]})"
    for i, (layer, (low, high)) in enumerate(zip(model.layers, model.bounds, strict=True)):
        codes = f"0…{layer.max_code}" if layer.max_code else "logits"
        facts = f"{layer.bits}-bit {layer.grid}", layer.activation or "–", codes, f"{low}…{high}"
        table.add_row(str(i), str(layer.inputs), str(layer.outputs), *facts)
    console = terminal.console(json)
    terminal.show(console, table)
    console.print("provenance:", dict(model.provenance))
    if json:
        figures = {**model.description(), "provenance": model.provenance}
        write_json(json, "show", {**named(file, model), **figures})
