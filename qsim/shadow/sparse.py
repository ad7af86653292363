"""Real inputs whose zeros are left out: one pixel in five of a digit is not zero.

A batch knows the two products that a first layer needs, `x @ w` and `x.T @ d`, equal to the dense ones
up to float32 rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..machine.kernel.compiling import cached

Reals = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]


class SparseRows:
    """A data set's real inputs, codes / one; `rows[indices]` is a batch.

    Parameters
    ----------
    codes : int array (N, inputs)
    one : the code that stands for 1.0
    """

    def __init__(self, codes: npt.NDArray[np.integer[Any]], one: float) -> None:
        self.inputs = codes.shape[1]
        self.starts = np.concatenate([[0], np.cumsum(np.count_nonzero(codes, axis=1))])
        self.where = np.nonzero(codes)[1].astype(np.uint32)
        self.values = codes[codes != 0].astype(np.float32) / np.float32(one)

    def __getitem__(self, rows: Index) -> Batch:
        return Batch(self, rows)


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of a data set, x (len(rows), inputs) in float32."""

    data: SparseRows
    rows: Index
    dtype = np.dtype(np.float32)

    def __matmul__(self, w: Reals) -> Reals:
        """x @ w for contiguous w (inputs, outputs)."""
        z = np.empty((len(self.rows), w.shape[1]), np.float32)
        data = self.data
        _sum_rows(data.starts[self.rows], data.starts[self.rows + 1], data.where, data.values, w, z)
        return z

    @cached_property
    def T(self) -> Transposed:
        starts = self.data.starts
        count = int((starts[self.rows + 1] - starts[self.rows]).sum())
        columns = np.zeros(self.data.inputs + 1, np.int64)
        where, values = np.empty(count, np.uint32), np.empty(count, np.float32)
        _transpose(starts, self.data.where, self.data.values, self.rows, columns, where, values)
        return Transposed(columns, where, values)


@dataclass(frozen=True, eq=False)
class Transposed:
    """x.T (inputs, rows): entries columns[k] to columns[k + 1] are row `where`, value `values` of input k."""

    columns: Index
    where: npt.NDArray[np.uint32]
    values: Reals

    def __matmul__(self, d: Reals) -> Reals:
        """x.T @ d for contiguous d (rows, outputs)."""
        g = np.empty((len(self.columns) - 1, d.shape[1]), np.float32)
        _sum_rows(self.columns[:-1], self.columns[1:], self.where, self.values, d, g)
        return g


@cached()
def _sum_rows(starts: Index, stops: Index, where: Any, values: Reals, table: Reals, out: Reals) -> None:
    """out[i] = sum of values[e] * table[where[e]] for e from starts[i] to stops[i]."""
    for i in range(out.shape[0]):
        out[i] = 0
        _add(out[i], table, where, values, starts[i], stops[i])


@cached(fastmath={"contract"})
def _add(z: Reals, table: Reals, where: Any, values: Reals, start: int, stop: int) -> None:
    """z += sum of values[e] * table[where[e]] for e from start to stop, four at a time."""
    e = start
    while e + 4 <= stop:
        x0, x1, x2, x3 = values[e], values[e + 1], values[e + 2], values[e + 3]
        t0, t1, t2, t3 = table[where[e]], table[where[e + 1]], table[where[e + 2]], table[where[e + 3]]
        for j in range(z.size):
            z[j] += x0 * t0[j] + x1 * t1[j] + x2 * t2[j] + x3 * t3[j]
        e += 4
    while e < stop:
        x, t = values[e], table[where[e]]
        for j in range(z.size):
            z[j] += x * t[j]
        e += 1


@cached()
def _transpose(
    starts: Index, where: Any, values: Reals, rows: Index, columns: Index, to: Any, out: Reals
) -> None:
    """Sort a batch's entries by input; `columns` comes in as zeros."""
    for row in rows:
        for e in range(starts[row], starts[row + 1]):
            columns[where[e] + 1] += 1
    for k in range(1, columns.size):
        columns[k] += columns[k - 1]
    for i in range(rows.size):
        for e in range(starts[rows[i]], starts[rows[i] + 1]):
            place = columns[where[e]]
            to[place], out[place] = i, values[e]
            columns[where[e]] = place + 1
    for k in range(columns.size - 1, 0, -1):  # each now ends where the next begins: shift back
        columns[k] = columns[k - 1]
    columns[0] = 0
