"""Real inputs whose zeros are left out: one pixel in five of a digit is not zero.

A batch knows the two products that a first layer needs, `x @ w` and `x.T @ d`, equal to the dense ones
up to float32 rounding. Both go through the inputs block by block, so that what belongs to a block stays in
the first cache while all rows of the batch use it. Each sum is taken in the order of inputs, or of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from ..jit.compiling import cached
from ..jit.vectors import I64, broadcast, loop

BLOCK = 56  # inputs
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

    Attributes
    ----------
    edges : where the entries of block b of row i begin, [i, b], and end, [i, b + 1]
    where, values : for each entry its input's place in the block, and its value
    """

    def __init__(self, codes: npt.NDArray[np.integer[Any]], one: float) -> None:
        images, self.inputs = codes.shape
        entries = np.count_nonzero(codes)
        self.edges = np.empty((images, -(-self.inputs // BLOCK) + 1), np.int64)
        self.where, self.values = np.empty(entries, np.uint8), np.empty(entries, np.float32)
        _collect(np.ascontiguousarray(codes), np.float32(one), self.edges, self.where, self.values)

    def __getitem__(self, rows: Index) -> Batch:
        return Batch(self, rows)


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of a data set, x (len(rows), inputs) in float32."""

    data: SparseRows
    rows: Index
    dtype = np.dtype(np.float32)

    @property
    def T(self) -> Transposed:
        return Transposed(self)

    def __matmul__(self, w: Reals) -> Reals:
        """x @ w for contiguous w (inputs, outputs)."""
        out = np.zeros((len(self.rows), w.shape[1]), np.float32)
        vectors = _vectors(w)
        product = _times_vectors if vectors else _times_plain
        product(self.rows, self.data.edges, self.data.where, self.data.values, w, out, vectors)
        return out


@dataclass(frozen=True, eq=False)
class Transposed:
    """x.T of a batch x."""

    batch: Batch

    def __matmul__(self, d: Reals) -> Reals:
        """x.T @ d for contiguous d (rows, outputs)."""
        data = self.batch.data
        vectors = _vectors(d)
        out = (np.empty if vectors else np.zeros)((data.inputs, d.shape[1]), np.float32)
        product = _transposed_times_vectors if vectors else _transposed_times_plain
        product(self.batch.rows, data.edges, data.where, data.values, d, out, vectors)
        return out


def _vectors(table: Reals) -> tuple[int, ...]:
    """As many zeros as vectors cover a row of the table, the last one over the end of the one before."""
    columns = table.shape[1]
    vectors = -(-columns // LANES)
    fast = columns >= LANES and vectors <= MOST_VECTORS and not config.DISABLE_JIT
    return (0,) * vectors if fast else ()


@cached(error_model="numpy")
def _collect(codes: Any, one: Any, edges: Index, where: Any, values: Reals) -> None:
    entries = 0
    for i in range(codes.shape[0]):
        for b in range(edges.shape[1] - 1):
            edges[i, b] = entries
            own = codes[i, b * BLOCK : (b + 1) * BLOCK]
            for k in range(own.size):
                if own[k]:
                    where[entries], values[entries] = k, np.float32(own[k]) / one
                    entries += 1
        edges[i, edges.shape[1] - 1] = entries


@cached()
def _times_vectors(
    rows: Index, edges: Index, where: Any, values: Reals, w: Reals, out: Reals, vectors: Any
) -> None:
    """out += x @ w."""
    held = _block(len(vectors))
    for b in range(edges.shape[1] - 1):
        own = w[b * BLOCK : (b + 1) * BLOCK]
        for k in range(own.shape[0]):
            for v in range(held.shape[1]):
                place = min(LANES * v, w.shape[1] - LANES)
                for j in range(LANES):
                    held[k, v, j] = own[k, place + j]
        for i in range(rows.size):
            _gather(edges[rows[i], b], edges[rows[i], b + 1], where, values, held, out[i], vectors)


@cached()
def _transposed_times_vectors(
    rows: Index, edges: Index, where: Any, values: Reals, d: Reals, out: Reals, vectors: Any
) -> None:
    """out = x.T @ d."""
    held = _block(len(vectors))
    for b in range(edges.shape[1] - 1):
        held[:] = 0
        for i in range(rows.size):
            _scatter(edges[rows[i], b], edges[rows[i], b + 1], where, values, held, d[i], vectors)
        own = out[b * BLOCK : (b + 1) * BLOCK]
        for k in range(own.shape[0]):
            for v in range(held.shape[1]):
                place = min(LANES * v, d.shape[1] - LANES)
                for j in range(LANES):
                    own[k, place + j] = held[k, v, j]


@cached()
def _block(vectors: int) -> Any:
    """Room for (inputs of a block, vectors, lanes), each vector in one line of the cache."""
    room = np.empty(BLOCK * vectors * LANES + LANES, np.float32)
    start = -(room.ctypes.data // 4) % LANES
    return room[start : start + BLOCK * vectors * LANES].reshape(BLOCK, vectors, LANES)


@intrinsic
def _gather(context, start, stop, where, values, held, row, vectors):
    """row += sum of values[e] * held[where[e]] for e from start to stop."""

    def emit(context, b, signature, arguments):
        entry, places = _parts(context, b, signature, arguments)

        def step(index: Any, sums: list[Any]) -> list[Any]:
            factor, lines = entry(index)
            return [_fused(b, factor, b.load(p, align=64), s) for p, s in zip(lines, sums, strict=True)]

        totals = loop(b, b.sub(arguments[1], arguments[0]), [b.load(p, align=4) for p in places], step)
        for total, place in zip(totals, places, strict=True):
            b.store(total, place, align=4)
        return context.get_dummy_value()

    return types.void(start, stop, where, values, held, row, vectors), emit


@intrinsic
def _scatter(context, start, stop, where, values, held, row, vectors):
    """held[where[e]] += values[e] * row for e from start to stop."""

    def emit(context, b, signature, arguments):
        entry, places = _parts(context, b, signature, arguments)
        terms = [b.load(p, align=4) for p in places]

        def step(index: Any, sums: list[Any]) -> list[Any]:
            factor, lines = entry(index)
            for line, term in zip(lines, terms, strict=True):
                b.store(_fused(b, factor, term, b.load(line, align=64)), line, align=64)
            return sums

        loop(b, b.sub(arguments[1], arguments[0]), [], step)
        return context.get_dummy_value()

    return types.void(start, stop, where, values, held, row, vectors), emit


def _parts(context: Any, b: Any, signature: Any, arguments: Any) -> tuple[Any, list[Any]]:
    """entry(index) gives an entry's value in all lanes and its lines of `held`; then the lines of `row`."""
    where, values, held, row = (
        context.make_array(kind)(context, b, array)
        for kind, array in zip(signature.args[2:6], arguments[2:6], strict=True)
    )
    kind, constant = ir.VectorType(ir.FloatType(), LANES).as_pointer(), partial(ir.Constant, I64)
    starts = [LANES * v for v in range(len(signature.args[6]))]

    def lines(base: Any, places: list[Any]) -> list[Any]:
        return [b.bitcast(b.gep(base, [place]), kind) for place in places]

    def entry(index: Any) -> tuple[Any, list[Any]]:
        at = b.add(arguments[0], index)
        place = b.mul(b.zext(b.load(b.gep(where.data, [at])), I64), constant(LANES * len(starts)))
        factor = broadcast(b, b.load(b.gep(values.data, [at])), LANES)
        return factor, lines(b.gep(held.data, [place]), [constant(start) for start in starts])

    columns = cgutils.unpack_tuple(b, row.shape, 1)[0]
    last = b.sub(columns, constant(LANES))
    return entry, lines(row.data, [*(constant(start) for start in starts[:-1]), last])


def _fused(b: Any, factor: Any, term: Any, total: Any) -> Any:
    return b.fadd(total, b.fmul(factor, term, flags=["contract"]), flags=["contract"])


@cached(fastmath={"contract"})
def _times_plain(rows: Index, edges: Index, where: Any, values: Reals, w: Reals, out: Reals, _: Any) -> None:
    """out += x @ w, for rows of any length."""
    for b in range(edges.shape[1] - 1):
        own = w[b * BLOCK : (b + 1) * BLOCK]
        for i in range(rows.size):
            row = out[i]
            for e in range(edges[rows[i], b], edges[rows[i], b + 1]):
                factor, line = values[e], own[where[e]]
                for j in range(row.size):
                    row[j] += factor * line[j]


@cached(fastmath={"contract"})
def _transposed_times_plain(
    rows: Index, edges: Index, where: Any, values: Reals, d: Reals, out: Reals, _: Any
) -> None:
    """out += x.T @ d, for rows of any length."""
    for b in range(edges.shape[1] - 1):
        own = out[b * BLOCK : (b + 1) * BLOCK]
        for i in range(rows.size):
            row = d[i]
            for e in range(edges[rows[i], b], edges[rows[i], b + 1]):
                factor, line = values[e], own[where[e]]
                for j in range(row.size):
                    line[j] += factor * row[j]
