"""Which data a command runs on: what the user names, else what the model was made for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import data as data_sets
from ..data import Dataset
from ..errors import QsimError
from ..model.model import Model

TestData = Annotated[
    str | None,
    typer.Option("--data", help=f"Test data: {', '.join(data_sets.NAMES)}; else what FILE was made for."),
]


def test_set(name: str | None, model: Model, file: Path) -> Dataset:
    """The test set of that name, by default of the data that the model was made for."""
    return data_sets.load(name or data_name(model, file), "test")


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
    if named in data_sets.NAMES or by_inputs:
        return str(named) if named in data_sets.NAMES else str(by_inputs)
    raise QsimError(f"{file}: made for unknown data and has {model.inputs} inputs; 784, 64 or 2 are known")
