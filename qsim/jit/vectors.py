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
    """Prefetches the cache line of an address, wherever that points."""
    place = I8.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [place, I32, I32, I32])
    function = builder.module.declare_intrinsic("llvm.prefetch", (place,), kind)
    read, near, data = (ir.Constant(I32, number) for number in (0, 3, 1))
    builder.call(function, [builder.inttoptr(address, place), read, near, data])


def broadcast(builder: Any, scalar: Any, lanes: int) -> Any:
    empty = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first = builder.insert_element(empty, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))


def repeat(
    builder: Any,
    first: Any,
    goes_on: Callable[[Any], Any],
    sums: list[Any],
    body: Callable[[Any, list[Any]], tuple[Any, list[Any]]],
) -> list[Any]:
    """`sums` after i, sums = body(i, sums) from i = first for as long as goes_on(i)."""
    before, inside, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.cbranch(goes_on(first), inside, after)
    builder.position_at_end(inside)
    index, *current = [builder.phi(kind) for kind in (I64, *(s.type for s in sums))]
    following, updated = body(index, current)
    end = builder.block  # the body may have blocks of its own
    for phi, start, later in zip([index, *current], [first, *sums], [following, *updated], strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(later, end)
    builder.cbranch(goes_on(following), inside, after)
    builder.position_at_end(after)
    result = [builder.phi(s.type) for s in sums]
    for phi, start, later in zip(result, sums, updated, strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(later, end)
    return result


def loop(builder: Any, count: Any, sums: list[Any], body: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """`sums` after sums = body(i, sums) for i in 0 ... count - 1; count may be 0."""

    def step(index: Any, current: list[Any]) -> tuple[Any, list[Any]]:
        updated = body(index, current)
        return builder.add(index, ir.Constant(I64, 1)), updated

    return repeat(
        builder, ir.Constant(I64, 0), lambda index: builder.icmp_signed("<", index, count), sums, step
    )


def vectors_at(builder: Any, address: Any, count: int, lanes: int) -> list[Any]:
    """`count` aligned vectors of 32-bit lanes, one after another."""
    kind, size = ir.VectorType(I32, lanes), 4 * lanes
    return [load(builder, builder.add(address, ir.Constant(I64, v * size)), kind, size) for v in range(count)]


def splat(value: int, kind: Any) -> Any:
    """A constant vector of equal numbers."""
    return ir.Constant(kind, [value] * kind.count)


@intrinsic
def index(context, array, offset):
    """The pointer to array[offset]."""

    def emit(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return array(array, types.int64), emit


def larger(b: Any, one: Any, other: Any) -> Any:
    return b.select(b.icmp_signed(">", one, other), one, other)


@intrinsic
def winners_of_16(context, acc, pitch, images, outputs, shift, keys, classes):
    """classes[i] = the lowest index of the largest of the first `outputs` of row i of `acc`, int32.

    Rows are `pitch` numbers apart; 16 are read. A number becomes (number << shift) + keys[lane], unequal
    in all lanes, that ends in the four bits of 15 - lane: the largest one tells its lane. Sixteen rows go
    together: the larger of neighbours in two rows makes one row, until one is left.
    """
    lanes = ir.VectorType(I32, 16)

    def emit(context, b, signature, arguments):
        acc, pitch, images, outputs, shift, keys, classes = arguments
        inside = b.icmp_signed(
            "<", ir.Constant(lanes, list(range(16))), broadcast(b, b.trunc(outputs, I32), 16)
        )
        shifts, added = broadcast(b, b.trunc(shift, I32), 16), b.load(b.bitcast(keys, lanes.as_pointer()))
        maximum = declared(b, "llvm.vector.reduce.smax.v16i32", ir.FunctionType(I32, [lanes]))

        def keyed(row):
            numbers = b.load(b.bitcast(b.gep(acc, [b.mul(row, pitch)]), lanes.as_pointer()), align=4)
            return b.add(b.select(inside, b.shl(numbers, shifts), splat(0, lanes)), added)

        def every_other(one, other, first):
            order = ir.Constant(lanes, list(range(first, 32, 2)))
            return b.shuffle_vector(one, other, order)

        def sixteen(index, _):
            """The last sixteen overlap those before where they do not divide the images."""
            start, last = b.shl(index, ir.Constant(I64, 4)), b.sub(images, ir.Constant(I64, 16))
            start = b.select(b.icmp_signed("<", start, last), start, last)
            rows = [keyed(b.add(start, ir.Constant(I64, i))) for i in range(16)]
            while len(rows) > 1:
                pairs = zip(rows[::2], rows[1::2], strict=True)
                rows = [larger(b, every_other(p, q, 0), every_other(p, q, 1)) for p, q in pairs]
            found = b.zext(b.and_(b.not_(rows[0]), splat(15, lanes)), ir.VectorType(I64, 16))
            b.store(found, b.bitcast(b.gep(classes, [start]), found.type.as_pointer()), align=8)
            return []

        def single(index, _):
            key = b.call(maximum, [keyed(index)])
            b.store(b.zext(b.and_(b.not_(key), ir.Constant(I32, 15)), I64), b.gep(classes, [index]))
            return []

        few = b.icmp_signed("<", images, ir.Constant(I64, 16))
        zero = ir.Constant(I64, 0)
        loop(b, b.select(few, images, zero), [], single)
        parts = b.ashr(b.add(images, ir.Constant(I64, 15)), ir.Constant(I64, 4))
        loop(b, b.select(few, zero, parts), [], sixteen)
        return context.get_dummy_value()

    return types.void(acc, *[types.int64] * 4, keys, classes), emit


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
def fetch(context, address, size):
    """Prefetches `size` bytes, wherever they are."""

    def emit(context, b, signature, arguments):
        address, size = arguments

        def line(index, _):
            prefetch(b, b.add(address, b.shl(index, ir.Constant(I64, 6))))
            return []

        loop(b, b.lshr(b.add(size, ir.Constant(I64, 63)), ir.Constant(I64, 6)), [], line)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), emit


@intrinsic
def pointer(context, address, dtype):
    """An integer address as a pointer to numbers of a type: pointer(address, np.int32)[i]."""

    def emit(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(dtype.dtype)(types.intp, dtype), emit


@intrinsic
def directions_16(context, codes, shift, signs, low, high, most, vectors, moves, due):
    """`engine.directions` for 16 inputs at a time, `vectors` times."""
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
