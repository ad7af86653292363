"""Which data a command runs on: what the user names, else what the model was made for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .. import data as data_sets
from ..data import Coding, Dataset
from ..errors import QsimError
from ..model.model import Model

OWN = "or a file: .npz, .npy, .csv, .parquet, IDX, a folder of pictures"
TestData = Annotated[
    str | None,
    typer.Option(
        "--data", help=f"Test data: {', '.join(data_sets.NAMES)}, {OWN}; else what FILE was made for."
    ),
]
InputScale = Annotated[float | None, typer.Option(help="Of own data: the real input of one code.")]
InputBits = Annotated[int | None, typer.Option(help="Of own data: bits of a code.")]
InputClip = Annotated[bool, typer.Option(help="Of own data: move inputs beyond the codes to the nearest.")]


def test_set(name: str | None, model: Model, file: Path, own: Coding) -> Dataset:
    """The test set of that name, by default of the data that the model was made for.

    Of a file that the model was not trained on all images are used. Where the model was imported with an
    input quantizer and the data have other codes, that quantizer codes them. `own` says how a file's
    numbers become codes; its integers are the model's own codes by default.
    """
    chosen = name or data_name(model, file)
    if not data_sets.is_file(chosen):
        return recoded(data_sets.load(chosen, "test"), model)
    trained = model.provenance.get("data") == chosen
    form = model.input
    coding = own if own.bits else replace(own, bits=form.bits, signed=form.signed)
    return data_sets.load(chosen, "test" if trained else "all", coding)


def recoded(dataset: Dataset, model: Model) -> Dataset:
    """The data in the model's own input codes, if it was imported with a quantizer that makes them."""
    kept = model.provenance.get("input")
    if dataset.input == model.input or not isinstance(kept, dict):
        return dataset
    reals = (dataset.codes / dataset.codes_per_unit).astype(np.float32)
    codes = np.searchsorted(np.array(kept["places"], np.float32), reals, side="right") + kept["lowest"]
    unit = model.layers[0].codes_per_unit
    return replace(dataset, codes=codes.astype(model.input.dtype), input=model.input, codes_per_unit=unit)


class DataSource:
    """Test sets by name, each loaded once; remembers why one cannot be loaded."""

    def __init__(self) -> None:
        self.loaded: dict[str, Dataset] = {}
        self.missing: dict[str, str] = {}

    def get(self, name: str) -> Dataset | None:
        if name not in self.loaded and name not in self.missing:
            try:
                self.loaded[name] = data_sets.load(name, "test")
            except QsimError as error:
                self.missing[name] = str(error)
        return self.loaded.get(name)


def data_name(model: Model, file: Path) -> str:
    """The data set that a model was made for: from its provenance, else from its inputs."""
    named = model.provenance.get("data")
    by_inputs = {784: "mnist", 64: "digits", 2: "spiral"}.get(model.inputs)
    if isinstance(named, str) and (named in data_sets.NAMES or data_sets.is_file(named)):
        return named
    if by_inputs:
        return by_inputs
    raise QsimError(f"{file}: made for unknown data and has {model.inputs} inputs; 784, 64 or 2 are known")
