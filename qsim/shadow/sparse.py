"""Real inputs whose zeros are left out: one pixel in five of a digit is not zero.

A batch knows the two products that a first layer needs, `x @ w` and `x.T @ d`, equal to the dense ones
up to float32 rounding. It lists, for each pair of neighbouring inputs, the rows in which they are not both
zero. Both products go from pair to pair and hold in registers what belongs to a pair: its two lines of w,
or its two lines of the result. Each sum is taken in the order of inputs, or of rows.
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

from ..jit.compiling import cached, features
from ..jit.vectors import I64, broadcast, fetch, loop

LANES = 16  # float32 numbers of a vector; a processor with shorter ones takes several for each
MOST_VECTORS = {True: 12, False: 2}  # of a line that go together, with and without 32 registers of their size
COMPILED = not config.DISABLE_JIT
AHEAD = 4  # rows lie far apart in memory and are fetched before they are needed

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
    edges : where the entries of row i begin, [i], and end, [i + 1]
    entries : pairs of inputs, not both zero, pair << 2 * bits | left << bits | right; codes count from `low`
    reals : the real number of each code from `low` on
    """

    def __init__(self, codes: npt.NDArray[np.integer[Any]], one: float) -> None:
        images, self.inputs = codes.shape
        self.low, high = int(codes.min(initial=0)), int(codes.max(initial=0))
        self.reals = np.arange(self.low, high + 1).astype(np.float32) / np.float32(one)
        self.bits = (high - self.low).bit_length()
        room = (self.inputs // 2).bit_length() + 2 * self.bits
        self.edges = np.zeros(images + 1, np.int64)
        entries = np.empty(np.count_nonzero(codes), np.uint32 if room <= 32 else np.uint64)
        _collect(np.ascontiguousarray(codes), self.low, self.bits, self.edges, entries)
        self.entries = entries[: self.edges[-1]].copy()

    def __getitem__(self, rows: Index) -> Batch:
        pairs = (self.inputs + 1) // 2
        sorted_entries = _by_pair(rows, self.edges, self.entries, self.bits, self.reals, pairs)
        return Batch((len(rows), self.inputs), *sorted_entries)


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of a data set, x (rows, inputs) in float32.

    Parameters
    ----------
    shape : of x
    edges : where the entries of pair k begin, [k], and end, [k + 1]
    where, values : for each entry its row of x, and the values of both inputs
    """

    shape: tuple[int, int]
    edges: Index
    where: npt.NDArray[np.uint32]
    values: Reals
    dtype = np.dtype(np.float32)

    @property
    def T(self) -> Transposed:
        return Transposed(self)

    def __matmul__(self, w: Reals) -> Reals:
        """x @ w for contiguous w (inputs, outputs)."""
        return self._product(_times_vectors, _times_plain, w, self.shape[0])

    def _product(self, fast: Any, plain: Any, table: Reals, length: int) -> Reals:
        """The product (length, columns) with a table (any, columns), a part of the columns after another."""
        columns = table.shape[1]
        vectors = -(-columns // LANES)
        if columns < LANES or not COMPILED:
            out = np.zeros((length, columns), np.float32)
            plain(self.edges, self.where, self.values, table, out)
            return out
        out = np.empty((length, columns), np.float32)
        most = MOST_VECTORS["avx512f" in features()]
        for first in range(0, vectors, most):
            held = (0,) * min(most, vectors - first)
            fast(self.edges, self.where, self.values, table, out, first * LANES, held)
        return out


@dataclass(frozen=True, eq=False)
class Transposed:
    """x.T of a batch x."""

    batch: Batch

    def __matmul__(self, d: Reals) -> Reals:
        """x.T @ d for contiguous d (rows, outputs)."""
        own = self.batch
        return own._product(_transposed_times_vectors, _transposed_times_plain, d, own.shape[1])


@cached()
def _collect(codes: Any, low: int, bits: int, edges: Index, entries: Any) -> None:
    count, inputs = 0, codes.shape[1]
    for i in range(codes.shape[0]):
        for k in range(0, inputs, 2):
            left = np.int64(codes[i, k])
            right = np.int64(codes[i, k + 1]) if k + 1 < inputs else 0
            if left or right:
                entries[count] = ((k // 2 << bits) + left - low << bits) + right - low
                count += 1
        edges[i + 1] = count


@cached()
def _by_pair(rows: Index, edges: Index, entries: Any, bits: int, reals: Reals, pairs: int) -> Any:
    """The entries of some rows, pair after pair, as `Batch` says."""
    mask = (1 << bits) - 1
    ends = np.zeros(pairs + 2, np.int64)
    counts, begins = ends[2:], ends[1:]  # summed up, where each pair begins; filled, where it ends
    for i in range(rows.size):
        if COMPILED:
            later = rows[min(i + AHEAD, rows.size - 1)]
            coming = entries[edges[later] : edges[later + 1]]
            fetch(coming.ctypes.data, coming.nbytes)
        own = entries[edges[rows[i]] : edges[rows[i] + 1]]
        for e in range(own.size):
            counts[np.int64(own[e]) >> 2 * bits] += 1
    for k in range(2, pairs + 2):
        ends[k] += ends[k - 1]
    where, values = np.empty(ends[pairs + 1], np.uint32), np.empty((ends[pairs + 1], 2), np.float32)
    for i in range(rows.size):
        own = entries[edges[rows[i]] : edges[rows[i] + 1]]
        for e in range(own.size):
            entry = np.int64(own[e])
            at = begins[entry >> 2 * bits]
            begins[entry >> 2 * bits] = at + 1
            where[at], values[at, 0], values[at, 1] = i, reals[entry >> bits & mask], reals[entry & mask]
    return ends[: pairs + 1], where, values


@cached()
def _times_vectors(
    edges: Index, where: Any, values: Reals, w: Reals, out: Reals, first: int, vectors: Any
) -> None:
    """out = x @ w, in the columns from `first` on."""
    held = _lines(out.shape[0], len(vectors))
    held[:] = 0
    for k in range(edges.size - 1):
        right = min(2 * k + 1, w.shape[0] - 1)  # an input too many is zero everywhere
        _scatter(edges[k], edges[k + 1], where, values, held, w[2 * k], w[right], first, vectors)
    for i in range(out.shape[0]):
        for v in range(held.shape[1]):
            place = min(first + LANES * v, out.shape[1] - LANES)
            for j in range(LANES):
                out[i, place + j] = held[i, v, j]


@cached()
def _transposed_times_vectors(
    edges: Index, where: Any, values: Reals, d: Reals, out: Reals, first: int, vectors: Any
) -> None:
    """out = x.T @ d, in the columns from `first` on."""
    held, spare = _lines(d.shape[0], len(vectors)), np.empty(d.shape[1], np.float32)
    for i in range(d.shape[0]):
        for v in range(held.shape[1]):
            place = min(first + LANES * v, d.shape[1] - LANES)
            for j in range(LANES):
                held[i, v, j] = d[i, place + j]
    for k in range(edges.size - 1):
        right = out[2 * k + 1] if 2 * k + 1 < out.shape[0] else spare
        _gather(edges[k], edges[k + 1], where, values, held, out[2 * k], right, first, vectors)


@cached()
def _lines(count: int, vectors: int) -> Any:
    """Room for (count, vectors, lanes), each vector in one line of the cache."""
    room = np.empty(count * vectors * LANES + LANES, np.float32)
    start = -(room.ctypes.data // 4) % LANES
    return room[start : start + count * vectors * LANES].reshape(count, vectors, LANES)


@intrinsic
def _gather(context, start, stop, where, values, held, left, right, first, vectors):
    """left, right = sums of values[e] * held[where[e]] for e from start to stop."""

    def emit(context, b, signature, arguments):
        entry, lines = _parts(context, b, signature, arguments)
        count = len(lines[0])
        zero = ir.Constant(ir.VectorType(ir.FloatType(), LANES), [0.0] * LANES)

        def step(index: Any, sums: list[Any]) -> list[Any]:
            factors, line = entry(index)
            terms = [b.load(place, align=64) for place in line]
            each = [(factor, term) for factor in factors for term in terms]
            return [_fused(b, factor, term, s) for (factor, term), s in zip(each, sums, strict=True)]

        totals = loop(b, b.sub(arguments[1], arguments[0]), [zero] * (2 * count), step)
        for total, place in zip(totals, lines[0] + lines[1], strict=True):
            b.store(total, place, align=4)
        return context.get_dummy_value()

    return types.void(start, stop, where, values, held, left, right, first, vectors), emit


@intrinsic
def _scatter(context, start, stop, where, values, held, left, right, first, vectors):
    """held[where[e]] += values[e, 0] * left + values[e, 1] * right for e from start to stop."""

    def emit(context, b, signature, arguments):
        entry, lines = _parts(context, b, signature, arguments)
        terms = [[b.load(place, align=4) for place in line] for line in lines]

        def step(index: Any, sums: list[Any]) -> list[Any]:
            factors, line = entry(index)
            for place, one, other in zip(line, *terms, strict=True):
                total = _fused(b, factors[0], one, b.load(place, align=64))
                b.store(_fused(b, factors[1], other, total), place, align=64)
            return sums

        loop(b, b.sub(arguments[1], arguments[0]), [], step)
        return context.get_dummy_value()

    return types.void(start, stop, where, values, held, left, right, first, vectors), emit


def _parts(context: Any, b: Any, signature: Any, arguments: Any) -> tuple[Any, list[list[Any]]]:
    """entry(index) gives an entry's two values, in all lanes, and its line of `held`; then both other lines.

    A line is the places of its vectors. The last one of an array's row ends with it, over the one before.
    """
    where, values, held, left, right = (
        context.make_array(kind)(context, b, array)
        for kind, array in zip(signature.args[2:7], arguments[2:7], strict=True)
    )
    kind, constant = ir.VectorType(ir.FloatType(), LANES).as_pointer(), partial(ir.Constant, I64)
    starts = [constant(LANES * v) for v in range(len(signature.args[8]))]

    def line(base: Any, places: list[Any]) -> list[Any]:
        return [b.bitcast(b.gep(base, [place]), kind) for place in places]

    def entry(index: Any) -> tuple[list[Any], list[Any]]:
        at = b.add(arguments[0], index)
        place = b.mul(b.zext(b.load(b.gep(where.data, [at])), I64), constant(LANES * len(starts)))
        twice = b.shl(at, constant(1))
        numbers = [b.load(b.gep(values.data, [b.add(twice, constant(side))])) for side in range(2)]
        own = b.gep(held.data, [place])
        return [broadcast(b, number, LANES) for number in numbers], line(own, starts)

    last = b.sub(cgutils.unpack_tuple(b, left.shape, 1)[0], constant(LANES))
    places = [b.add(arguments[7], start) for start in starts]
    places = [b.select(b.icmp_signed("<", place, last), place, last) for place in places]
    return entry, [line(left.data, places), line(right.data, places)]


def _fused(b: Any, factor: Any, term: Any, total: Any) -> Any:
    return b.fadd(total, b.fmul(factor, term, flags=["contract"]), flags=["contract"])


@cached(fastmath={"contract"})
def _times_plain(edges: Index, where: Any, values: Reals, w: Reals, out: Reals) -> None:
    """out += x @ w, for lines of any length."""
    for k in range(edges.size - 1):
        left, right = w[2 * k], w[min(2 * k + 1, w.shape[0] - 1)]
        for e in range(edges[k], edges[k + 1]):
            line, one, other = out[where[e]], values[e, 0], values[e, 1]
            for j in range(line.size):
                line[j] = line[j] + one * left[j] + other * right[j]


@cached(fastmath={"contract"})
def _transposed_times_plain(edges: Index, where: Any, values: Reals, d: Reals, out: Reals) -> None:
    """out += x.T @ d, for lines of any length."""
    for k in range(edges.size - 1):
        left, right = out[2 * k], out[min(2 * k + 1, out.shape[0] - 1)]
        for e in range(edges[k], edges[k + 1]):
            line, one, other = d[where[e]], values[e, 0], values[e, 1]
            for j in range(line.size):
                left[j] += one * line[j]
                right[j] += other * line[j]
