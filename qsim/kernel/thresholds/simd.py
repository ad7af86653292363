"""Counting thresholds in vectors: from 32-bit accumulators straight to the next layer's operands.

- A `line` serves evenly spaced thresholds: code = clip((acc * slope + offset) >> shift, 0, max_code), with
  0 < slope < 2**31 and 32 <= shift < 64.
- A `table` serves others that lie far enough apart: see `forms.Table`.

Operands are bytes, or halves less `minus`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ...jit.vectors import I8, I32, I64, broadcast, declared, loop, splat

Code = Callable[[Any], Any]
Store = Callable[[list[Any], Any], None]

# for each number of 32-bit lanes, two instructions that make one vector of two with saturation: signed
# 32 bits to signed 16, and signed 16 to unsigned 8
NARROWING = {
    16: ("llvm.x86.avx512.packssdw.512", "llvm.x86.avx512.packuswb.512"),
    8: ("llvm.x86.avx2.packssdw", "llvm.x86.avx2.packuswb"),
}
BLOCK = 128  # bits: `NARROWING` takes a block of one vector, then a block of the other, and so on


def _narrowed(b: Any, vectors: list[Any]) -> Any:
    """Two vectors of 32-bit numbers as one of 16-bit, or four as one of bytes: saturated, in order."""
    lanes, parts = vectors[0].type.count, len(vectors)
    blocks, bits, kind = 32 * lanes // BLOCK, 32, vectors[0].type
    for name in NARROWING[lanes][: parts // 2]:
        bits //= 2
        narrow = ir.VectorType(ir.IntType(bits), 32 // bits * lanes)
        function = declared(b, name, ir.FunctionType(narrow, [kind, kind]))
        pairs, kind = zip(vectors[::2], vectors[1::2], strict=True), narrow
        vectors = [b.call(function, pair) for pair in pairs]
    pieces = ir.VectorType(ir.IntType(BLOCK // parts), blocks * parts)
    order = [block * parts + part for part in range(parts) for block in range(blocks)]
    mixed = b.bitcast(vectors[0], pieces)
    sorted_ = b.shuffle_vector(mixed, mixed, ir.Constant(ir.VectorType(I32, len(order)), order))
    return b.bitcast(sorted_, kind)


def clipped(b: Any, value: Any, low: Any, high: Any) -> Any:
    above = b.select(b.icmp_signed(">", value, low), value, low)
    return b.select(b.icmp_signed("<", above, high), above, high)


def on_line(b: Any, lanes: int, line: list[Any]) -> Code:
    """A function from accumulators to codes that are not clipped yet, for `line` = slope, offset, shift.

    Even and odd lanes are multiplied separately, 32 x 32 -> 64 bits; of the sums only the upper halves
    are kept.
    """
    wide, narrow = ir.VectorType(I64, lanes // 2), ir.VectorType(I32, lanes)
    half = splat(32, wide)
    slope = b.sext(b.trunc(line[0], I32), I64)  # in so many words, for a 32-bit multiplication
    slopes, offsets = (broadcast(b, value, lanes // 2) for value in (slope, line[1]))
    rest = broadcast(b, b.trunc(b.sub(line[2], ir.Constant(I64, 32)), I32), lanes)

    def code(acc: Any) -> Any:
        both = b.bitcast(acc, wide)
        even, odd = b.ashr(b.shl(both, half), half), b.ashr(both, half)
        even, odd = (b.add(b.mul(part, slopes), offsets) for part in (even, odd))
        upper = b.or_(b.lshr(even, half), b.and_(odd, splat(-1 << 32, wide)))
        return b.ashr(b.bitcast(upper, narrow), rest)

    return code


def in_table(b: Any, lanes: int, table: list[Any]) -> Code:
    """A function from accumulators to codes, for `table` = its address, low, high, shift."""
    kind, pointer = ir.VectorType(I32, lanes), I8.as_pointer()
    start = b.shl(b.ashr(table[1], table[3]), ir.Constant(I64, 2))
    place = b.inttoptr(b.sub(table[0], start), pointer)  # entry 0, wherever that is
    low, high, shift = (broadcast(b, b.trunc(value, I32), lanes) for value in table[1:])
    if lanes == 16:
        name, mask, size = "llvm.x86.avx512.mask.gather.dpi.512", ir.VectorType(ir.IntType(1), 16), I32
    else:
        name, mask, size = "llvm.x86.avx2.gather.d.d.256", kind, I8
    gather = declared(b, name, ir.FunctionType(kind, [kind, pointer, kind, mask, size]))

    def code(acc: Any) -> Any:
        x = clipped(b, acc, low, high)
        entries = [splat(0, kind), place, b.ashr(x, shift), splat(-1, mask), ir.Constant(size, 4)]
        return b.lshr(b.add(b.call(gather, entries), x), shift)

    return code


def storing(b: Any, lanes: int, code: Code, max_code: Any, minus: Any, target: Any) -> Store:
    """A function that stores the codes of some vectors of accumulators as numbers of type `target`."""
    together = 32 // target.width
    low = b.sub(ir.Constant(I64, 0), minus)
    lowest, highest = (
        broadcast(b, b.trunc(end, target), together * lanes) for end in (low, b.add(low, max_code))
    )
    less = broadcast(b, b.trunc(minus, I32), lanes)

    def put(accs: list[Any], address: Any) -> None:
        for first in range(0, len(accs), together):
            some = [code(acc) for acc in accs[first : first + together]]
            count = len(some) * lanes
            some += some[:1] * (together - len(some))
            if target.width == 8:  # saturation has clipped at 0
                found = _narrowed(b, some)
                found = b.select(b.icmp_unsigned("<", found, highest), found, highest)
            else:
                found = clipped(b, _narrowed(b, [b.sub(c, less) for c in some]), lowest, highest)
            mask = ir.Constant(ir.VectorType(I32, count), list(range(count)))
            found = b.shuffle_vector(found, found, mask)
            here = b.add(address, ir.Constant(I64, first * lanes * target.width // 8))
            b.store(found, b.inttoptr(here, found.type.as_pointer())).align = 1

    return put


def _by_fours(b: Any, size: Any, lanes: int, step: Callable[[Any, int], None]) -> None:
    """step(start, n) for `size` numbers, whole vectors: n = 4 vectors at a time, of the rest 2, then 1."""
    done = ir.Constant(I64, 0)
    for n in (4, 2, 1):
        width, first = ir.Constant(I64, n * lanes), done
        count = b.udiv(b.sub(size, done), width)

        def body(index: Any, _: list[Any], n: int = n, width: Any = width, first: Any = first) -> list[Any]:
            step(b.add(first, b.mul(index, width)), n)
            return []

        loop(b, count, [], body)
        done = b.add(done, b.mul(count, width))


def counting(lanes: int) -> tuple[Any, Any, Any]:
    """Three functions to compile in, for vectors of `lanes` accumulators; `size` is a multiple of that.

    climb(acc, slope, offset, shift, max_code, minus, size, operands): operands[i] = the code of acc[i], less
    `minus`, for i in 0 ... size - 1.
    climb_doubled(sums, bias, ones, ...): the same for acc[i] = 2 * sums[i] + ones + bias[i], kept nowhere.
    step(acc, table, low, high, shift, max_code, minus, size, operands): the same as `climb`, by a table.
    """
    kind = ir.VectorType(I32, lanes)

    def vectors(b: Any, array: Any, start: Any, count: int) -> list[Any]:
        places = [b.gep(array, [b.add(start, ir.Constant(I64, v * lanes))]) for v in range(count)]
        return [b.load(b.bitcast(place, kind.as_pointer()), align=4) for place in places]

    def store_codes(b: Any, code: Code, arguments: list[Any], accs: Callable[[Any, int], list[Any]]) -> None:
        max_code, minus, size, operands = arguments
        put = storing(b, lanes, code, max_code, minus, operands.type.pointee)
        _by_fours(
            b, size, lanes, lambda start, n: put(accs(start, n), b.ptrtoint(b.gep(operands, [start]), I64))
        )

    @intrinsic
    def climb(context, acc, slope, offset, shift, max_code, minus, size, operands):
        def emit(context, b, signature, arguments):
            acc, code = arguments[0], on_line(b, lanes, arguments[1:4])
            store_codes(b, code, arguments[4:], lambda start, n: vectors(b, acc, start, n))
            return context.get_dummy_value()

        return types.void(acc, *[types.int64] * 6, operands), emit

    @intrinsic
    def climb_doubled(context, sums, bias, ones, slope, offset, shift, max_code, minus, size, operands):
        def emit(context, b, signature, arguments):
            sums, bias, ones = arguments[:3]
            constant = broadcast(b, ones, lanes)

            def accs(start: Any, n: int) -> list[Any]:
                pairs = zip(vectors(b, sums, start, n), vectors(b, bias, start, n), strict=True)
                return [b.add(b.add(s, s), b.add(extra, constant)) for s, extra in pairs]

            store_codes(b, on_line(b, lanes, arguments[3:6]), arguments[6:], accs)
            return context.get_dummy_value()

        return types.void(sums, bias, types.int32, *[types.int64] * 6, operands), emit

    @intrinsic
    def step(context, acc, table, low, high, shift, max_code, minus, size, operands):
        def emit(context, b, signature, arguments):
            acc, code = arguments[0], in_table(b, lanes, arguments[1:5])
            store_codes(b, code, arguments[5:], lambda start, n: vectors(b, acc, start, n))
            return context.get_dummy_value()

        return types.void(acc, *[types.int64] * 7, operands), emit

    return climb, climb_doubled, step
