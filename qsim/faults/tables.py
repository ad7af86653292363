"""Columns of equal length as Parquet files: written whole, read back as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import QsimError
from ..model.container import replacing

Columns = dict[str, npt.NDArray[Any]]


def arrow() -> tuple[Any, Any]:
    """pyarrow and its Parquet module.

    Raises
    ------
    QsimError
        If the package is missing.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise QsimError("rows need the package pyarrow: pip install 'qsim[paper]'") from None
    return pyarrow, pyarrow.parquet


def write(columns: Mapping[str, Any], path: Path) -> None:
    """Write columns, completely or not at all; one of two dimensions becomes a list in each row."""
    pa, pq = arrow()
    made = {}
    for name, values in columns.items():
        array = np.asarray(values)
        made[name] = pa.array(list(array)) if array.ndim == 2 else pa.array(values)
    with replacing(path) as temporary:
        pq.write_table(pa.table(made), temporary)


def read(paths: Iterable[Path]) -> Columns:
    """The columns of files that were written alike, one file's rows after another's."""
    pa, pq = arrow()
    try:
        table = pa.concat_tables([pq.read_table(path) for path in paths])
    except (OSError, pa.ArrowException) as error:
        raise QsimError(f"rows cannot be read: {error}") from None
    columns = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if pa.types.is_list(column.type):
            columns[name] = np.array(column.to_pylist(), np.int64)
        else:
            columns[name] = column.to_numpy(zero_copy_only=False)
    return columns
