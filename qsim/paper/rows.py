"""Rows: what each network scored at each strength, as Parquet.

A row depends on nothing but its task and the code, so equal runs leave equal files, byte for byte.

dataset, activation, bits, seed
    The network; bits 15 was trained without rounding.
variant
    `base`; `unsaturated` and `unclipped` attack the same network otherwise; `twos_complement`,
    `patience` and `initialisation` were trained otherwise.
path
    `integer`, or `shadow` for the float twin.
clip
    Whether attacked inputs stay inside the input format.
epsilon, step
    Strength in real input units (l-infinity), and in LSBs of the input code.
images, correct, accuracy
    Test images, those still classified right, and their share.
fooled
    Images that are wrong at this or a smaller strength: on the integers at any lattice step, on the
    shadow at any strength of the sweep.
zero_gradients
    Share of images whose gradient is exactly zero in every input.
digest, spec, qsim
    The model's content digest, and the versions of the arithmetic and of the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..machine.container import replacing
from ..machine.errors import QsimError

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ModuleNotFoundError as error:
    raise QsimError(f"the paper's rows need the package {error.name}: pip install 'qsim[paper]'") from None

SCHEMA = pa.schema(
    [
        ("dataset", pa.string()),
        ("activation", pa.string()),
        ("bits", pa.int32()),
        ("seed", pa.int32()),
        ("variant", pa.string()),
        ("path", pa.string()),
        ("clip", pa.bool_()),
        ("epsilon", pa.float64()),
        ("step", pa.int32()),
        ("images", pa.int32()),
        ("correct", pa.int32()),
        ("accuracy", pa.float64()),
        ("fooled", pa.int32()),
        ("zero_gradients", pa.float64()),
        ("digest", pa.string()),
        ("spec", pa.int32()),
        ("qsim", pa.string()),
    ]
)
ORDER = ("dataset", "variant", "activation", "bits", "seed", "path", "epsilon")

Columns = dict[str, npt.NDArray[Any]]


def write(rows: Iterable[Mapping[str, Any]], path: str | PathLike[str]) -> None:
    """Write rows, completely or not at all."""
    _write(pa.Table.from_pylist(list(rows), SCHEMA), path)


def merge(parts: Iterable[Path], path: str | PathLike[str]) -> None:
    """One sorted file of the rows of many."""
    tables = [_read(part) for part in parts]
    _write(pa.concat_tables(tables).sort_by([(name, "ascending") for name in ORDER]), path)


def read(path: str | PathLike[str]) -> Columns:
    """The columns of a rows file by name, each an array of equal length."""
    table = _read(path)
    return {name: np.asarray(table[name].to_pylist()) for name in table.column_names}


def _write(table: Any, path: str | PathLike[str]) -> None:
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _read(path: str | PathLike[str]) -> Any:
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        raise QsimError(f"{path}: no such file") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise QsimError(f"{path}: not a Parquet file, or a damaged one ({error})") from None
    if table.schema != SCHEMA:
        raise QsimError(f"{path}: its columns are {table.column_names}; {SCHEMA.names} are needed")
    return table
