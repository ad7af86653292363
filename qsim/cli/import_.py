"""`qsim import`: a network that another tool trained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ..importers.api import import_file
from . import terminal
from .results import named, write_json
from .terminal import Json


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A quantized network: .onnx or .tflite.")],
    out: Annotated[Path, typer.Option("--out", metavar="MODEL", help="Where the model goes.")],
    thresholds: Annotated[
        str, typer.Option(help="probed: those of the runtime's float32; exact: from rational numbers.")
    ] = "probed",
    last_layer: Annotated[
        str, typer.Option(help="exact, or float: keep real scales beside the last accumulators.")
    ] = "exact",
    input_bits: Annotated[int | None, typer.Option(help="Bits of an input code, if FILE has none.")] = None,
    input_scale: Annotated[float | None, typer.Option(help="Real input of one code step.")] = None,
    input_signed: Annotated[bool, typer.Option(help="Input codes go below 0.")] = False,
    level: Annotated[
        str | None,
        typer.Option(
            help="Whose rounding: all (default) or none of onnxruntime's optimisations of QDQ chains; "
            "reference (default), xnnpack or micro for TFLite."
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Read a quantized network of another tool, exactly, or say in one sentence why not."""
    options: dict[str, Any] = {"thresholds": thresholds, "last_layer": last_layer}
    if level is not None:
        options["level"] = level
    coded = {"input_bits": input_bits, "input_scale": input_scale, "input_signed": input_signed or None}
    options |= {name: value for name, value in coded.items() if value is not None}
    imported = import_file(file, **options)
    model, report = imported.model, imported.report
    model.save(out)
    headings = (
        "layer",
        "inputs",
        "outputs",
        "weights",
        "codes",
        "thresholds",
        "ways differ",
        "sensitive",
        "turned",
    )
    table = terminal.table(*headings)
    table.title = f"{out.stem} ({model.digest[:12]}) in {imported.seconds:.1f} s"
    for i, layer in enumerate(model.layers):
        facts = [str(i), str(layer.inputs), str(layer.outputs), f"{layer.bits}-bit {layer.grid}"]
        if i < len(report.differing):
            assert layer.thresholds is not None
            counts = (layer.thresholds.size, report.differing[i], report.sensitive[i], report.turned[i])
            facts += [f"0…{layer.max_code}", *(f"{n:,}" for n in counts)]
        else:
            facts += ["logits", *["–"] * 4]
        table.add_row(*facts)
    table.caption = (
        f"Thresholds: {report.thresholds}, {model.provenance['runtime']}, level {model.provenance['level']}. "
        "Sensitive ones can be moved by the rounding of a float product."
    )
    terminal.show(terminal.console(json), table)
    if json:
        write_json(json, "import", {**named(out, model), **asdict(report), **model.description()})
