"""A list of faulty cells as a file: cell by cell, so that emulator and hardware can be given the same ones.

The file is CSV under one line of JSON, which says of which network, on which tiles, the cells are:

    # {"network": "sha256 ...", "mapping": {"rows": 128, ...}}
    layer,slice,input,column,conductance
    0,3,17,5,0
    0,0,200,5,64

`input` counts over all row tiles and `column` over all column tiles, references included, both from 0;
`conductance` is what the cell is stuck at, in units of 1/2**unit_bits of a level.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import QsimError
from ..model.checks import integers
from ..model.container import replacing
from ..model.crossbar import MAX_CELL, Crossbar, Integers
from ..model.layer import Layer
from ..model.model import Model
from .effect import apply_effect

COLUMNS = ("layer", "slice", "input", "column", "conductance")


@dataclass(frozen=True, eq=False)
class FaultList:
    """Faulty cells: `cells` int array (faults, 5), columns as in the file, and where they belong."""

    network: str
    mapping: dict[str, Any]
    cells: Integers


def network_digest(model: Model) -> str:
    """The digest of the network without its crossbars."""
    return replace(model, layers=tuple(replace(layer, crossbar=None) for layer in model.layers)).digest


def differences(before: Model, after: Model) -> FaultList:
    """The cells in which two models of one network on the same tiles differ, as `after` has them.

    Raises
    ------
    QsimError
        If they are not of one network on the same tiles.
    """
    found = []
    for i, (old, new) in enumerate(zip(before.layers, after.layers, strict=False)):
        if old.crossbar is not None and new.crossbar is not None:
            if old.crossbar.cells.shape != new.crossbar.cells.shape:
                break
            where = np.argwhere(old.crossbar.cells != new.crossbar.cells)
            values = new.crossbar.cells[tuple(where.T)]
            found.append(np.column_stack([np.full(len(where), i), where, values]))
    network, mapping = _belongs(after)
    if _belongs(before) != (network, mapping):
        raise QsimError("faults are the differences of one network on the same tiles; these models are not")
    return FaultList(network, mapping, np.concatenate(found).astype(np.int64))


def merged(lists: Sequence[FaultList], model: Model) -> FaultList:
    """Lists of faults of a mapped model as one, in order of place; of a cell's faults the last counts.

    Raises
    ------
    QsimError
        If no layer of the model is mapped.
    """
    cells = {tuple(place): value for faults in lists for *place, value in faults.cells.tolist()}
    rows = [(*place, value) for place, value in sorted(cells.items())]
    network, mapping = _belongs(model)
    return FaultList(network, mapping, np.array(rows, np.int64).reshape(-1, len(COLUMNS)))


def _belongs(model: Model) -> tuple[str, dict[str, Any]]:
    """Network and mapping of a mapped model."""
    mappings = [vars(layer.crossbar.mapping) for layer in model.layers if layer.crossbar is not None]
    if not mappings:
        raise QsimError("faults: no layer of this model is on a crossbar; map it first")
    if any(mapping != mappings[0] for mapping in mappings):
        raise QsimError("faults: the layers of this model are mapped in different ways; one is needed")
    return network_digest(model), dict(mappings[0])


def write(faults: FaultList, path: str | PathLike[str]) -> None:
    """Write a fault list, completely or not at all."""
    text = io.StringIO()
    text.write(f"# {json.dumps({'network': faults.network, 'mapping': faults.mapping})}\n")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(faults.cells.tolist())
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue())


def read(path: str | PathLike[str]) -> FaultList:
    """Read a fault list.

    Raises
    ------
    QsimError
        If the file is missing or no fault list; names the line.
    """
    try:
        lines = Path(path).read_text().splitlines()
    except OSError as error:
        raise QsimError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise QsimError(f"{path}: not a text file; a fault list is CSV") from None
    try:
        facts = json.loads(lines[0].removeprefix("# "))
        network, mapping = str(facts["network"]), dict(facts["mapping"])
    except (IndexError, ValueError, KeyError, TypeError):
        raise QsimError(f"{path}: line 1 is not '# ' and JSON with network and mapping") from None
    if lines[1:2] != [",".join(COLUMNS)]:
        raise QsimError(f"{path}: line 2 is not {','.join(COLUMNS)}")
    cells = []
    for number, row in enumerate(csv.reader(lines[2:]), 3):
        try:
            values = [int(value) for value in row]
        except ValueError:
            values = []
        if len(values) != len(COLUMNS):
            raise QsimError(f"{path}: line {number} is {','.join(row)!r}; five integers are needed")
        cells.append(values)
    table = integers(cells, "faults", 2) if cells else np.empty((0, len(COLUMNS)), np.int64)
    return FaultList(network, mapping, table)


def apply_faults(model: Model, faults: FaultList) -> Model:
    """The mapped model whose listed cells hold what the list says.

    Raises
    ------
    QsimError
        If the list belongs to another network or other tiles, or names a cell or a conductance that
        there cannot be.
    """
    network, mapping = _belongs(model)
    if faults.network != network:
        raise QsimError(f"the faults are of network {faults.network[:12]}; this one is {network[:12]}")
    if faults.mapping != mapping:
        name = next(k for k in {**mapping, **faults.mapping} if faults.mapping.get(k) != mapping.get(k))
        raise QsimError(
            f"the faults are of a mapping with {name} = {faults.mapping.get(name)}; "
            f"this one has {mapping.get(name)}"
        )
    mapped = [i for i, layer in enumerate(model.layers) if layer.crossbar is not None]
    for layer, *place, conductance in faults.cells.tolist():
        crossbar = model.layers[layer].crossbar if layer in mapped else None
        if crossbar is None or not all(0 <= p < n for p, n in zip(place, crossbar.cells.shape, strict=True)):
            raise QsimError(
                f"the faults name slice, input, column {place} of layer {layer}; there is no such cell"
            )
        if not 0 <= conductance <= MAX_CELL:
            raise QsimError(
                f"the faults name a conductance of {conductance} units; 0 to {MAX_CELL} are allowed"
            )

    def broken(layer: Layer, crossbar: Crossbar, index: int) -> Crossbar:
        here = faults.cells[faults.cells[:, 0] == index]
        cells = crossbar.cells.copy()
        cells[tuple(here[:, 1:4].T)] = here[:, 4]
        return replace(crossbar, cells=cells)

    return apply_effect(model, "fault list", {"cells": len(faults.cells)}, broken)
