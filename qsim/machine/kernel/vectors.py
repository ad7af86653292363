"""Vectors of integers in LLVM's terms: a few words to write inner loops with, and the small loops themselves.

A function marked `intrinsic` is compiled into its caller: the inner function `emit` writes the
instructions. Addresses are plain integers, so that compiled code holds none and can be cached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def declared(builder: Any, name: str, kind: Any) -> Any:
    return builder.module.globals.get(name) or ir.Function(builder.module, kind, name)


def load(builder: Any, address: Any, kind: Any, align: int) -> Any:
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    value.align = align
    return value


def store(builder: Any, value: Any, address: Any, align: int) -> None:
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = align


def prefetch(builder: Any, address: Any) -> None:
    """Asks for the bytes at an address, wherever that points, to be brought near."""
    place = I8.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [place, I32, I32, I32])
    function = builder.module.declare_intrinsic("llvm.prefetch", (place,), kind)
    read, near, data = (ir.Constant(I32, number) for number in (0, 3, 1))
    builder.call(function, [builder.inttoptr(address, place), read, near, data])


def broadcast(builder: Any, scalar: Any, lanes: int) -> Any:
    empty = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first = builder.insert_element(empty, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))


def loop(builder: Any, count: Any, sums: list[Any], body: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """`sums` after sums = body(i, sums) for i in 0 ... count - 1; count may be 0."""
    before, inside, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    zero = ir.Constant(I64, 0)
    builder.cbranch(builder.icmp_signed(">", count, zero), inside, after)
    builder.position_at_end(inside)
    index, *current = [builder.phi(kind) for kind in (I64, *(s.type for s in sums))]
    updated = body(index, current)
    following = builder.add(index, ir.Constant(I64, 1))
    end = builder.block  # the body may have blocks of its own
    for phi, first, later in zip([index, *current], [zero, *sums], [following, *updated], strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(later, end)
    builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
    builder.position_at_end(after)
    result = [builder.phi(s.type) for s in sums]
    for phi, first, later in zip(result, sums, updated, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(later, end)
    return result


def splat(value: int, kind: Any) -> Any:
    """A constant vector of equal numbers."""
    return ir.Constant(kind, [value] * kind.count)


def _staircase(b: Any, line: list[Any], target: Any) -> Callable[[Any], Any]:
    """A function from 16 accumulators to 16 numbers of type `target`: their codes, less `minus`.

    code = clip((acc * slope + offset) >> shift, 0, levels), for `line` = slope, offset, shift, levels,
    minus, with 0 < slope < 2**31 and 32 <= shift < 64; `minus` counts for 16-bit targets only. Even and
    odd lanes are multiplied separately, 32 x 32 -> 64 bits; of the sums only the upper halves are kept.
    """
    wide, narrow, half = ir.VectorType(I64, 8), ir.VectorType(I32, 16), splat(32, ir.VectorType(I64, 8))
    slope = b.sext(b.trunc(line[0], I32), I64)  # in so many words, for a 32-bit multiplication
    slopes, offsets = (broadcast(b, value, 8) for value in (slope, line[1]))
    rest = broadcast(b, b.trunc(b.sub(line[2], ir.Constant(I64, 32)), I32), 16)
    most, minus = (broadcast(b, b.trunc(value, I32), 16) for value in line[3:])

    def codes(acc: Any) -> Any:
        both = b.bitcast(acc, wide)
        even, odd = b.ashr(b.shl(both, half), half), b.ashr(both, half)
        even, odd = (b.add(b.mul(part, slopes), offsets) for part in (even, odd))
        upper = b.or_(b.lshr(even, half), b.and_(odd, splat(-1 << 32, wide)))
        code = b.ashr(b.bitcast(upper, narrow), rest)
        code = b.select(b.icmp_signed(">", code, splat(0, narrow)), code, splat(0, narrow))
        code = b.select(b.icmp_signed("<", code, most), code, most)
        return b.trunc(b.sub(code, minus) if target.width == 16 else code, ir.VectorType(target, 16))

    return codes


@intrinsic
def climb(context, acc, slope, offset, shift, levels, minus, size, operands):
    """operands[i] = the code of acc[i] less `minus`, for i in 0 ... size - 1, by 16: see `_staircase`."""
    lanes = ir.VectorType(I32, 16)

    def emit(context, b, signature, arguments):
        acc, *line, size, operands = arguments
        codes = _staircase(b, line, operands.type.pointee)

        def step(index, _):
            start = b.shl(index, ir.Constant(I64, 4))
            found = codes(b.load(b.bitcast(b.gep(acc, [start]), lanes.as_pointer()), align=4))
            b.store(found, b.bitcast(b.gep(operands, [start]), found.type.as_pointer()), align=1)
            return []

        loop(b, b.lshr(b.add(size, ir.Constant(I64, 15)), ir.Constant(I64, 4)), [], step)
        return context.get_dummy_value()

    return types.void(acc, *[types.int64] * 6, operands), emit


@intrinsic
def climb_doubled(context, sums, bias, ones, slope, offset, shift, levels, minus, size, operands):
    """The same for acc[i] = 2 * sums[i] + ones + bias[i], which is kept nowhere."""
    lanes = ir.VectorType(I32, 16)

    def emit(context, b, signature, arguments):
        sums, bias, ones, *line, size, operands = arguments
        codes, constant = _staircase(b, line, operands.type.pointee), broadcast(b, ones, 16)

        def step(index, _):
            start = b.shl(index, ir.Constant(I64, 4))
            sum_, extra = (
                b.load(b.bitcast(b.gep(array, [start]), lanes.as_pointer()), align=4)
                for array in (sums, bias)
            )
            acc = b.add(b.add(sum_, sum_), b.add(extra, constant))
            found = codes(acc)
            b.store(found, b.bitcast(b.gep(operands, [start]), found.type.as_pointer()), align=1)
            return []

        loop(b, b.lshr(b.add(size, ir.Constant(I64, 15)), ir.Constant(I64, 4)), [], step)
        return context.get_dummy_value()

    return types.void(sums, bias, types.int32, *[types.int64] * 6, operands), emit


@intrinsic
def climb_line(context, intercept, rise, at, slope, offset, shift, levels, minus, size, operands):
    """The same for acc[i] = intercept[i] + rise[i] * at, wrapping at 32 bits, which is kept nowhere."""
    lanes = ir.VectorType(I32, 16)

    def emit(context, b, signature, arguments):
        intercept, rise, at, *line, size, operands = arguments
        codes, ats = _staircase(b, line, operands.type.pointee), broadcast(b, b.trunc(at, I32), 16)

        def step(index, _):
            start = b.shl(index, ir.Constant(I64, 4))
            base, slant = (
                b.load(b.bitcast(b.gep(array, [start]), lanes.as_pointer()), align=4)
                for array in (intercept, rise)
            )
            found = codes(b.add(base, b.mul(slant, ats)))
            b.store(found, b.bitcast(b.gep(operands, [start]), found.type.as_pointer()), align=1)
            return []

        loop(b, b.lshr(b.add(size, ir.Constant(I64, 15)), ir.Constant(I64, 4)), [], step)
        return context.get_dummy_value()

    return types.void(intercept, rise, *[types.int64] * 7, operands), emit


@intrinsic
def index(context, array, offset):
    """The pointer to array[offset]."""

    def emit(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return array(array, types.int64), emit


def line_steps(count: int) -> tuple[Any, Any]:
    """Two functions to compile in, that take `count` numbers at a time; all int32 sums wrap.

    evaluate(intercept, slope, step, size, acc): acc[i] = intercept[i] + slope[i] * step.
    absorb(rate, room, weights, size, intercept, slope): slope[i] -= rate * weights[i] and
    intercept[i] += room * rate * weights[i], with int16 weights.
    """
    lanes, halves = ir.VectorType(I32, count), ir.VectorType(I16, count)

    @intrinsic
    def evaluate(context, intercept, slope, step, size, acc):
        def emit(context, b, signature, arguments):
            intercept, slope, step, size, acc = arguments
            steps = broadcast(b, b.trunc(step, I32), count)

            def body(index, _):
                start = b.mul(index, ir.Constant(I64, count))
                here = [
                    b.bitcast(b.gep(array, [start]), lanes.as_pointer()) for array in (intercept, slope, acc)
                ]
                rise = b.mul(b.load(here[1], align=4), steps)
                b.store(b.add(b.load(here[0], align=4), rise), here[2], align=4)
                return []

            loop(b, b.udiv(size, ir.Constant(I64, count)), [], body)
            return context.get_dummy_value()

        return types.void(intercept, slope, types.int64, types.int64, acc), emit

    @intrinsic
    def absorb(context, rate, room, weights, size, intercept, slope):
        def emit(context, b, signature, arguments):
            rate, room, weights, size, intercept, slope = arguments
            rates, rooms = (broadcast(b, b.trunc(value, I32), count) for value in (rate, room))

            def body(index, _):
                start = b.mul(index, ir.Constant(I64, count))
                column = b.load(b.bitcast(b.gep(weights, [start]), halves.as_pointer()), align=2)
                change = b.mul(b.sext(column, lanes), rates)
                here = [b.bitcast(b.gep(array, [start]), lanes.as_pointer()) for array in (intercept, slope)]
                b.store(b.add(b.load(here[0], align=4), b.mul(change, rooms)), here[0], align=4)
                b.store(b.sub(b.load(here[1], align=4), change), here[1], align=4)
                return []

            loop(b, b.udiv(size, ir.Constant(I64, count)), [], body)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, weights, types.int64, intercept, slope), emit

    return evaluate, absorb


@intrinsic
def largest_of_16(context, acc, start, count):
    """The lowest index of the largest of acc[start] ... acc[start + count - 1], int32; 16 are read."""
    lanes = ir.VectorType(I32, 16)

    def emit(context, b, signature, arguments):
        acc, start, count = arguments
        values = b.load(b.bitcast(b.gep(acc, [start]), lanes.as_pointer()), align=4)
        inside = b.icmp_signed(
            "<", ir.Constant(lanes, list(range(16))), broadcast(b, b.trunc(count, I32), 16)
        )
        values = b.select(inside, values, splat(-1 << 31, lanes))
        maximum = declared(b, "llvm.vector.reduce.smax.v16i32", ir.FunctionType(I32, [lanes]))
        equal = b.icmp_signed("==", values, broadcast(b, b.call(maximum, [values]), 16))
        mask = b.zext(b.bitcast(b.and_(equal, inside), I16), I64)
        return b.cttz(mask, ir.Constant(ir.IntType(1), 1))

    return types.int64(acc, types.int64, types.int64), emit


@intrinsic
def nonzero_groups_512(context, codes, vectors, offsets):
    """Lists the byte offsets of the groups that are not all zero; returns how many there are.

    `vectors` counts the groups by 16; `offsets` has room for 16 more than are found.
    """
    lanes = ir.VectorType(I32, 16)

    def emit(context, b, signature, arguments):
        codes, vectors, offsets = arguments
        squeeze = declared(
            b,
            "llvm.x86.avx512.mask.compress.v16i32",
            ir.FunctionType(lanes, [lanes, lanes, ir.VectorType(ir.IntType(1), 16)]),
        )
        ones = declared(b, "llvm.ctpop.i16", ir.FunctionType(I16, [I16]))

        def step(index: Any, state: list[Any]) -> list[Any]:
            found, here = state
            values = load(b, b.add(codes, b.shl(index, ir.Constant(I64, 6))), lanes, 1)
            mask = b.icmp_unsigned("!=", values, ir.Constant(lanes, [0] * 16))
            kept = b.call(squeeze, [here, ir.Constant(lanes, [0] * 16), mask])
            store(b, kept, b.add(offsets, b.shl(found, ir.Constant(I64, 2))), 4)
            more = b.zext(b.call(ones, [b.bitcast(mask, I16)]), I64)
            return [b.add(found, more), b.add(here, ir.Constant(lanes, [64] * 16))]

        start = [ir.Constant(I64, 0), ir.Constant(lanes, list(range(0, 64, 4)))]
        return loop(b, vectors, start, step)[0]

    return types.intp(*[types.intp] * 3), emit


@intrinsic
def pointer(context, address, dtype):
    """An integer address as a pointer to numbers of a type: pointer(address, np.int32)[i]."""

    def emit(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(dtype.dtype)(types.intp, dtype), emit


@intrinsic
def directions_16(context, codes, shift, signs, low, high, most, vectors, moves, due):
    """`lines.directions` for 16 inputs at a time, `vectors` times."""
    lanes = ir.VectorType(I32, 16)

    def emit(context, b, signature, arguments):
        codes, shift, signs, low, high, most, vectors, moves, due = arguments
        shifts, lows, highs, mosts = (broadcast(b, b.trunc(v, I32), 16) for v in (shift, low, high, most))
        operands = ir.VectorType(codes.type.pointee, 16)
        widen = b.sext if signature.args[0].dtype.signed else b.zext
        zero, one = splat(0, lanes), splat(1, lanes)

        def step(index, _):
            start = b.shl(index, ir.Constant(I64, 4))

            def at(array, kind):
                return b.bitcast(b.gep(array, [start]), kind.as_pointer())

            code = b.add(widen(b.load(at(codes, operands), align=1), lanes), shifts)
            sign = b.sext(b.load(at(signs, ir.VectorType(I8, 16)), align=1), lanes)
            room = b.select(b.icmp_signed(">", sign, zero), b.sub(highs, code), b.sub(code, lows))
            free = b.and_(b.icmp_signed(">", room, zero), b.icmp_signed("!=", sign, zero))
            soon = b.and_(free, b.icmp_signed("<", room, mosts))
            rate = b.select(free, b.add(sign, one), one)
            b.store(b.trunc(rate, operands), at(moves, operands), align=1)
            b.store(b.select(soon, b.add(room, one), zero), at(due, lanes), align=4)
            return []

        loop(b, vectors, [], step)
        return context.get_dummy_value()

    numbers = types.int64, types.int64, types.int64, types.int64
    return types.void(codes, types.int64, signs, *numbers, moves, due), emit
