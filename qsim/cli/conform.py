"""`qsim conform`: a model held against the file that it came from, or against another program's outputs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..data import Coding, Dataset
from ..errors import QsimError
from ..importers import api
from ..importers.conform import Conformity, conform, conform_outputs, random_inputs
from ..model.file import load
from ..model.model import Model
from . import terminal
from .datasets import InputBits, InputClip, InputScale, TestData, test_set
from .results import named, write_json
from .terminal import Json, ModelFile


def command(
    file: ModelFile,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE.onnx", help="The file to compare with.")
    ] = None,
    outputs: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npy", help="Instead: outputs that another program gave for --data."),
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="What runs the file; by default that whose integers were imported.")
    ] = None,
    data: TestData = None,
    input_scale: InputScale = None,
    input_bits: InputBits = None,
    input_clip: InputClip = False,
    images: Annotated[
        int, typer.Option(help="At most so many images; random ones if no data are named.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Of random images.")] = 0,
    json: Json = None,
) -> None:
    """Compare every hidden code and logit; name the first that differs. Exit status 1 if any does."""
    if (against is None) == (outputs is None):
        raise QsimError("--against FILE.onnx or --outputs FILE.npy is needed, one of them")
    if images < 1:
        raise QsimError(f"images is {images}; 1 or more is needed")
    model = load(file)
    coding = Coding(input_scale, input_bits, clip=input_clip)
    if against is not None:
        dataset = None if data is None else test_set(data, model, file, coding)
        name, found = _against(model, against, runtime, _reals(dataset, images), images, seed)
    else:
        assert outputs is not None
        name, found = outputs.name, _outputs(model, outputs, test_set(data, model, file, coding))
    table = terminal.table("layer", "compared", "differing")
    table.title = f"{file.stem} ({model.digest[:12]}) and {name} on {found.images:,} images"
    for i, (values, differing) in enumerate(zip(found.values, found.differing, strict=True)):
        kind = "logits" if i == len(model.layers) - 1 else "codes"
        table.add_row(f"{i} ({kind})", f"{values:,}" if values else "–", f"{differing:,}" if values else "–")
    table.add_row("classes", f"{found.images:,}", f"{found.classes:,} and {found.ties:,} at ties")
    table.caption = "Equal." if found.equal else f"First: {found.first or 'a class'}."
    terminal.show(terminal.console(json), table)
    if json:
        figures = {"against": name, "runtime": runtime, "equal": found.equal, **asdict(found)}
        write_json(json, "conform", {**named(file, model), **figures})
    if not found.equal:
        raise typer.Exit(1)


def _against(
    model: Model, path: Path, runtime: str | None, reals: Any, images: int, seed: int
) -> tuple[str, Conformity]:
    """Compare with a file in a runtime, on real inputs or random ones."""
    options: dict[str, Any] = {"last_layer": "float"}
    if "imported" in model.provenance:
        options["level"] = model.provenance["level"]
    if path.suffix.lower() == ".onnx":
        options |= api.coded_as(model)
    imported = api.import_file(path, **options)
    run, name = api.runtime(imported, runtime)
    x = random_inputs(imported, images, seed) if reals is None else reals
    shape = [d or 1 for d in imported.graph.shape[1:]]
    kind = imported.graph.kind
    found = conform(
        model, imported, x, lambda rows, wanted: run(rows.reshape(-1, *shape).astype(kind), wanted)
    )
    return f"{path.name} in {name}", found


def _reals(dataset: Dataset | None, images: int) -> Any:
    """The data as real inputs, if there are any."""
    return None if dataset is None else (dataset.codes[:images] / dataset.codes_per_unit).astype(np.float32)


def _outputs(model: Model, path: Path, dataset: Dataset) -> Conformity:
    """Compare with an array from a file; it has as many rows as it has images."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise QsimError(f"{path} cannot be read as an array: {error}") from None
    codes = dataset.codes[: len(array)] if array.ndim else dataset.codes
    return conform_outputs(model, model.checked(codes), array)
