"""Real inputs whose zeros are left out: one pixel in five of a digit is not zero.

A batch knows the two products that a first layer needs, `x @ w` and `x.T @ d`, equal to the dense ones
up to float32 rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..machine.kernel.compiling import cached
from ..machine.kernel.vectors import I64, broadcast, loop

LANES = 16  # float32 numbers of a vector; a processor with shorter ones takes several for each
MOST_VECTORS = 12  # of sums that are held in registers together

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
        data = self.data
        starts, stops = data.starts[self.rows], data.starts[self.rows + 1]
        return _summed((starts, stops, data.where, data.values), w, len(self.rows))

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
        entries = self.columns[:-1], self.columns[1:], self.where, self.values
        return _summed(entries, d, len(self.columns) - 1)


def _summed(entries: tuple[Index, Index, Any, Reals], table: Reals, rows: int) -> Reals:
    """out[i] = sum of values[e] * table[where[e]] for e from starts[i] to stops[i]."""
    out = np.empty((rows, table.shape[1]), np.float32)
    vectors = -(-table.shape[1] // LANES)
    if table.shape[1] >= LANES and vectors <= MOST_VECTORS:
        _sum_vectors(*entries, table, out, (0,) * vectors)
    else:
        _sum_plain(*entries, table, out)
    return out


@cached()
def _sum_vectors(
    starts: Index, stops: Index, where: Any, values: Reals, table: Reals, out: Reals, vectors: Any
) -> None:
    for i in range(out.shape[0]):
        _sum_row(starts[i], stops[i], where, values, table, out[i], vectors)


@intrinsic
def _sum_row(context, start, stop, where, values, table, out, vectors):
    """One row of sums in as many registers as `vectors` is long, the last one over the end of the others."""
    lanes, count = ir.VectorType(ir.FloatType(), LANES), len(vectors)

    def emit(context, b, signature, arguments):
        arrays = [
            context.make_array(kind)(context, b, value) for kind, value in _arrays(signature, arguments)
        ]
        entries, factors, rows, target = (array.data for array in arrays)
        columns, constant = cgutils.unpack_tuple(b, arrays[2].shape, 2)[1], partial(ir.Constant, I64)
        places = [constant(LANES * i) for i in range(count - 1)] + [b.sub(columns, constant(LANES))]

        def vector(base: Any, place: Any) -> Any:
            return b.bitcast(b.gep(base, [place]), lanes.as_pointer())

        def step(index: Any, sums: list[Any]) -> list[Any]:
            at = b.add(arguments[0], index)
            row = b.gep(rows, [b.mul(b.zext(b.load(b.gep(entries, [at])), I64), columns)])
            factor = broadcast(b, b.load(b.gep(factors, [at])), LANES)
            found = [b.load(vector(row, place), align=4) for place in places]
            return [
                b.fadd(total, b.fmul(factor, part, flags=["contract"]), flags=["contract"])
                for total, part in zip(sums, found, strict=True)
            ]

        zeros = [ir.Constant(lanes, [0.0] * LANES)] * count
        totals = loop(b, b.sub(arguments[1], arguments[0]), zeros, step)
        for total, place in zip(totals, places, strict=True):
            b.store(total, vector(target, place), align=4)
        return context.get_dummy_value()

    return types.void(start, stop, where, values, table, out, vectors), emit


def _arrays(signature: Any, arguments: Any) -> Any:
    return [
        (kind, x) for kind, x in zip(signature.args, arguments, strict=True) if isinstance(kind, types.Array)
    ]


@cached(fastmath={"contract"})
def _sum_plain(starts: Index, stops: Index, where: Any, values: Reals, table: Reals, out: Reals) -> None:
    for i in range(out.shape[0]):
        out[i] = 0
        for e in range(starts[i], stops[i]):
            for j in range(out.shape[1]):
                out[i, j] += values[e] * table[where[e], j]


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
