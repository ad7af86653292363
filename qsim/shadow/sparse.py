"""The first layer's products over the inputs that are not zero: one pixel in five of a digit.

    z = x w + b        and        the gradient by w, x^T d

for batches of rows of one data set, equal to the dense products up to float32 rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Reals = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]


class Rows:
    """Real inputs (N, inputs) of integer codes, their zeros left out.

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

    def products(self, rows: Index, w: Reals, b: Reals) -> Reals:
        """x[rows] @ w + b, float32 (rows, outputs), for contiguous w (inputs, outputs) and b (outputs,)."""
        z = np.empty((len(rows), w.shape[1]), np.float32)
        _products(self.starts, self.where, self.values, rows, w, b, z)
        return z

    def gradient(self, rows: Index, d: npt.NDArray[np.floating[Any]]) -> Reals:
        """x[rows].T @ d, float32 (inputs, outputs), for contiguous d (rows, outputs)."""
        count = int((self.starts[rows + 1] - self.starts[rows]).sum())
        columns = np.zeros(self.inputs + 1, np.int64)
        where, values = np.empty(count, np.uint32), np.empty(count, np.float32)
        g = np.empty((self.inputs, d.shape[1]), np.float32)
        _transpose(self.starts, self.where, self.values, rows, columns, where, values)
        _gradient(columns, where, values, d, g)
        return g


@njit(cache=True, nogil=True, boundscheck=False, fastmath={"contract"})
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


@njit(cache=True, nogil=True, boundscheck=False)
def _products(starts: Index, where: Any, values: Reals, rows: Index, w: Reals, b: Reals, z: Reals) -> None:
    for i in range(rows.size):
        z[i] = b
        _add(z[i], w, where, values, starts[rows[i]], starts[rows[i] + 1])


@njit(cache=True, nogil=True, boundscheck=False)
def _gradient(columns: Index, where: Any, values: Reals, d: Reals, g: Reals) -> None:
    for k in range(g.shape[0]):
        g[k] = 0
        _add(g[k], d, where, values, columns[k], columns[k + 1])


@njit(cache=True, nogil=True, boundscheck=False)
def _transpose(
    starts: Index, where: Any, values: Reals, rows: Index, columns: Index, to: Any, out: Reals
) -> None:
    """The batch by input: entries columns[k] to columns[k + 1] are row `to`, value `out` of input k."""
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
