"""Fault lists: single cells and the conductance that they have instead, in a file that can be replayed.

A list belongs to one model on crossbars, named by its digest. It is JSON: `digest`, and `faults`, each
[layer, slice, input, column, conductance in units]. Emulator and hardware take the same list: an address
in the tiles' memories and what to write there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from .container import replacing
from .crossbar import MAX_CELL, whole
from .errors import QsimError
from .model import Model

KIND = "qsim fault list"
Fault = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Faults:
    """Faulty cells of the model `digest`: (layer, slice, input, column, conductance in units)."""

    digest: str
    cells: tuple[Fault, ...]


def between(model: Model, faulty: Model) -> Faults:
    """The cells in which two models on the same tiles differ, and what the second one has there."""
    found: list[Fault] = []
    for i, (layer, other) in enumerate(zip(model.layers, faulty.layers, strict=True)):
        if layer.crossbar is None or other.crossbar is None:
            continue
        before, after = layer.crossbar.cells, other.crossbar.cells
        if before.shape != after.shape:
            raise QsimError(f"layer {i} has cells {before.shape} in one model and {after.shape} in the other")
        for place in np.argwhere(before != after).tolist():
            found.append((i, *place, int(after[tuple(place)])))  # type: ignore[arg-type]
    return Faults(model.digest, tuple(found))


def apply(model: Model, faults: Faults) -> Model:
    """The model with these faults.

    Raises
    ------
    QsimError
        If the list belongs to another model, or names a cell or a conductance that there is none of.
    """
    if faults.digest != model.digest:
        raise QsimError(
            f"the fault list belongs to model {faults.digest[:12]}; this one is {model.digest[:12]}"
        )
    layers = list(model.layers)
    cells = {i: x.crossbar.cells.copy() for i, x in enumerate(layers) if x.crossbar is not None}
    for number, (layer, *place, conductance) in enumerate(faults.cells):
        if layer not in cells:
            raise QsimError(f"fault {number} is in layer {layer}, which is on no crossbar")
        for name, value, size in zip(("slice", "input", "column"), place, cells[layer].shape, strict=True):
            whole(value, 0, size - 1, f"fault {number}: {name}")
        cells[layer][tuple(place)] = whole(conductance, 0, MAX_CELL, f"fault {number}: conductance")
    for i, changed in cells.items():
        crossbar = layers[i].crossbar
        assert crossbar is not None
        entry = {"effect": "faults", "cells": sum(fault[0] == i for fault in faults.cells)}
        crossbar = replace(crossbar, cells=changed, history=(*crossbar.history, entry))
        layers[i] = replace(layers[i], crossbar=crossbar)
    return replace(model, layers=tuple(layers))


def write(faults: Faults, path: str | PathLike[str]) -> None:
    """Write a list, completely or not at all."""
    lines = ",\n".join(json.dumps(list(fault)) for fault in faults.cells)
    with replacing(path) as temporary:
        temporary.write_text(f'{{"kind": "{KIND}", "digest": "{faults.digest}", "faults": [\n{lines}\n]}}\n')


def read(path: str | PathLike[str]) -> Faults:
    """Read a list.

    Raises
    ------
    QsimError
        If the file is missing or no fault list.
    """
    try:
        content = json.loads(Path(path).read_text())
        if content["kind"] != KIND:
            raise QsimError(f"{path}: of kind {content['kind']!r}, not a {KIND}")
        cells = [tuple(fault) for fault in content["faults"]]
        digest = str(content["digest"])
    except OSError as error:
        raise QsimError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, QsimError):
            raise
        raise QsimError(f"{path}: not a fault list, or a damaged one ({error!r})") from None
    for number, fault in enumerate(cells):
        if len(fault) != 5 or not all(type(value) is int for value in fault):
            raise QsimError(
                f"{path}: fault {number} is {list(fault)}; layer, slice, input, column and conductance, "
                "five integers, are needed"
            )
    return Faults(digest, tuple(cells))
