"""A list of faults as a file: place by place, so that emulator and hardware can be given the same ones.

The file is CSV under one line of JSON, which says of which network, on which tiles, the places are:

    # {"version": 2, "network": "sha256 ...", "mapping": null}
    kind,layer,place,value
    weight-bit,0,5 17,7
    threshold-bit,0,0 12,3

`place` holds the indices into the array of the model file that the kind is about (`kinds.KINDS`), `value`
the flipped bit, 0 the lowest, or what a cell is stuck at in units of 1/2**unit_bits of a level. Lists of
version 1 know stuck cells alone, in the columns layer, slice, input, column, conductance; they are read too.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import QsimError
from ..model.container import replacing
from ..model.model import Model
from .kinds import KINDS, kind_of
from .memory import Integers, rebuilt

VERSION = 2
COLUMNS = "kind,layer,place,value"
COLUMNS_1 = "layer,slice,input,column,conductance"


@dataclass(frozen=True, eq=False)
class FaultList:
    """Faults, and the network that they belong to.

    Parameters
    ----------
    network : str
        `network_digest` of the model.
    mapping : dict or None
        How its layers lie on tiles; None where none does.
    tables : mapping from a kind's name to an int array (faults, 2 + axes)
        Layer, indices and value of each fault.
    """

    network: str
    mapping: dict[str, Any] | None
    tables: Mapping[str, Integers]

    def __len__(self) -> int:
        return sum(map(len, self.tables.values()))


def network_digest(model: Model) -> str:
    """The digest of the network without its crossbars."""
    return replace(model, layers=tuple(replace(layer, crossbar=None) for layer in model.layers)).digest


def of_model(model: Model, tables: Mapping[str, Integers]) -> FaultList:
    """The list of a model's faults."""
    return FaultList(network_digest(model), _mapping(model), tables)


def differences(before: Model, after: Model) -> FaultList:
    """The cells in which two models of one network on the same tiles differ, as `after` has them.

    Parameters
    ----------
    before, after : Model
        Of one network on the same tiles.

    Returns
    -------
    FaultList
        Of stuck cells.

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
    network, mapping = network_digest(after), _mapping(after)
    if not found or (network_digest(before), _mapping(before)) != (network, mapping):
        raise QsimError("faults are the differences of one network on the same tiles; these models are not")
    return FaultList(network, mapping, {"cell": np.concatenate(found).astype(np.int64)})


def merged(lists: Sequence[FaultList], model: Model) -> FaultList:
    """Lists of stuck cells of a mapped model as one, in order of place; of a cell's faults the last counts.

    Raises
    ------
    QsimError
        If no layer of the model is mapped.
    """
    if not model.mapped:
        raise QsimError("faults: no layer of this model is on a crossbar; map it first")
    cells = {
        tuple(place): value
        for faults in lists
        for *place, value in faults.tables.get("cell", np.empty((0, 5), np.int64)).tolist()
    }
    rows = [(*place, value) for place, value in sorted(cells.items())]
    return of_model(model, {"cell": np.array(rows, np.int64).reshape(-1, 5)})


def _mapping(model: Model) -> dict[str, Any] | None:
    """How the mapped layers of a model lie on tiles."""
    mappings = [vars(layer.crossbar.mapping) for layer in model.layers if layer.crossbar is not None]
    if any(mapping != mappings[0] for mapping in mappings):
        raise QsimError("faults: the layers of this model are mapped in different ways; one is needed")
    return dict(mappings[0]) if mappings else None


def write(faults: FaultList, path: str | PathLike[str]) -> None:
    """Write a fault list, completely or not at all.

    Parameters
    ----------
    faults : FaultList
    path : path
        A CSV file; one that is there is replaced.

    Raises
    ------
    QsimError
        If the file cannot be written.
    """
    text = io.StringIO()
    facts = {"version": VERSION, "network": faults.network, "mapping": faults.mapping}
    text.write(f"# {json.dumps(facts)}\n{COLUMNS}\n")
    for name, table in faults.tables.items():
        for layer, *place, value in table.tolist():
            text.write(f"{name},{layer},{' '.join(map(str, place))},{value}\n")
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue())


def read(path: str | PathLike[str]) -> FaultList:
    """Read a fault list of any version.

    Parameters
    ----------
    path : path

    Returns
    -------
    FaultList

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
        network, mapping, version = str(facts["network"]), facts["mapping"], facts.get("version", 1)
        mapping = None if mapping is None else dict(mapping)
    except (IndexError, ValueError, KeyError, TypeError, AttributeError):
        raise QsimError(f"{path}: line 1 is not '# ' and JSON with network and mapping") from None
    if version not in (1, VERSION):
        raise QsimError(f"{path}: a fault list of version {version!r}; 1 and {VERSION} are known")
    columns, parse = (COLUMNS_1, _parse_1) if version == 1 else (COLUMNS, _parse)
    if lines[1:2] != [columns]:
        raise QsimError(f"{path}: line 2 is not {columns}")
    rows: dict[str, list[list[int]]] = {}
    for number, row in enumerate(csv.reader(lines[2:]), 3):
        try:
            name, values = parse(row)
        except ValueError as error:
            raise QsimError(f"{path}: line {number} is {','.join(row)!r}; {error}") from None
        rows.setdefault(name, []).append(values)
    try:
        tables = {name: np.array(values, np.int64) for name, values in rows.items()}
    except OverflowError:
        raise QsimError(f"{path}: a number of more than 63 bits; places and values are smaller") from None
    return FaultList(network, mapping, tables)


def _parse_1(row: list[str]) -> tuple[str, list[int]]:
    return "cell", _whole_numbers(row, 5, "five integers are needed")


def _parse(row: list[str]) -> tuple[str, list[int]]:
    if len(row) != 4 or row[0] not in KINDS:
        raise ValueError(f"a kind ({', '.join(KINDS)}), a layer, a place and a value are needed")
    kind = KINDS[row[0]]
    values = [row[1], *row[2].split(" "), row[3]]
    what = f"{kind.name} needs layer, {' '.join(kind.axes)} and {kind.value} as integers"
    return kind.name, _whole_numbers(values, len(kind.axes) + 2, what)


def _whole_numbers(row: list[str], count: int, what: str) -> list[int]:
    try:
        values = [int(value) for value in row]
    except ValueError:
        values = []
    if len(values) != count:
        raise ValueError(what)
    return values


def apply_faults(model: Model, faults: FaultList) -> Model:
    """The model that an engine made for `model` runs when its memories or cells have these faults.

    Parameters
    ----------
    model : Model
    faults : FaultList

    Returns
    -------
    Model
        Exactly what the hardware computes: accumulators that leave their width wrap around, and thresholds
        that are no longer sorted count as a binary search among them does.

    Raises
    ------
    QsimError
        If the list belongs to another network or other tiles, names a place or a value that there cannot
        be, or a place twice.
    """
    check(model, faults)
    layers = list(model.layers)
    for name, table in faults.tables.items():
        kind = kind_of(name)
        for index in np.unique(table[:, 0]).tolist():
            own = table[table[:, 0] == index, 1:]
            layers[index] = kind.change(model, layers[index], index, own)
    searched = faults.tables.get("threshold-bit", np.empty((0, 1), np.int64))[:, 0]
    return rebuilt(model, layers, set(searched.tolist()))


def check(model: Model, faults: FaultList) -> None:
    """Refuse a list of another model, or that names what this one does not have, as `apply_faults` does."""
    _check_network(model, faults)
    for name, table in faults.tables.items():
        _check_sites(model, name, table)


def _check_network(model: Model, faults: FaultList) -> None:
    """Refuse a list of another network or of other tiles."""
    network, mapping = network_digest(model), _mapping(model)
    if faults.network != network:
        raise QsimError(f"the faults are of network {faults.network[:12]}; this one is {network[:12]}")
    if faults.mapping is not None and mapping is None:
        raise QsimError("the faults are of a model on a crossbar; no layer of this one is: map it first")
    if faults.mapping is None and mapping is not None:
        raise QsimError("the faults are of a model of ideal layers; this one is on a crossbar")
    if faults.mapping is not None and mapping is not None and faults.mapping != mapping:
        name = next(k for k in {**mapping, **faults.mapping} if faults.mapping.get(k) != mapping.get(k))
        raise QsimError(
            f"the faults are of a mapping with {name} = {faults.mapping.get(name)}; "
            f"this one has {mapping.get(name)}"
        )


def _check_sites(model: Model, name: str, table: Integers) -> None:
    """Refuse places and values that a model does not have, and places that are named twice."""
    kind = kind_of(name)
    for index in np.unique(table[:, 0]).tolist():
        sites = kind.sites(model, index) if 0 <= index < len(model.layers) else None
        places = table[table[:, 0] == index, 1:]
        shape = sites.shape if sites else (0,) * len(kind.axes)
        outside = ((places[:, :-1] < 0) | (places[:, :-1] >= shape)).any(1)
        if outside.any():
            place = places[outside][0, :-1].tolist()
            raise QsimError(
                f"the faults name {', '.join(kind.axes)} {place} of layer {index}; there is no such "
                f"{'cell' if kind.array == 'cells' else name.removesuffix('-bit')}"
            )
        assert sites is not None
        wrong = places[(places[:, -1] < 0) | (places[:, -1] >= sites.values)]
        if len(wrong):
            what = f"{kind.value} of {wrong[0, -1]} units" if not kind.flips else f"bit {wrong[0, -1]}"
            raise QsimError(f"the faults name a {what}; 0 to {sites.values - 1} are allowed")
    names = table if kind.flips else table[:, :-1]
    unique, counts = np.unique(names, axis=0, return_counts=True)
    if len(unique) < len(names):
        layer, *place = unique[counts > 1][0].tolist()[: 1 + len(kind.axes)]
        raise QsimError(f"the faults name {kind.site(layer, tuple(place))} twice; once is allowed")
