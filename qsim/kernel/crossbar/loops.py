"""The crossbar's loops: plain code over lanes, which the compiler turns into vectors; `add_rows` says which.

A *lane* is one column of one slice. A row of cells holds all lanes side by side, in the narrowest type in
which no current overflows, so that driving a row is one vector addition, and rows whose bit is 0 cost
nothing: most of an image's are. Of the digits the last comes first: sums of codes are doubled in between, or
more, and fit in few bits. Lanes are ordered as the noise generator gives its words: even columns of
all slices, then odd ones, each half padded to a whole number of vectors.

A function here validates nothing; `plan` prepares what they take.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.extending import intrinsic

from ...jit.compiling import cached, part
from ...jit.vectors import I16, I32, I64, broadcast, declared, loop, splat

U32 = np.uint32


def or_plain(plain: Callable[..., Any]) -> Callable[[Any], Any]:
    """An intrinsic, or with the JIT off a plain function that does the same."""
    return lambda compiled: plain if config.DISABLE_JIT else compiled


def narrow(builder, value, kind):
    return builder.trunc(value, kind) if value.type.width > kind.width else value


@or_plain(lambda value, right: value >> right)
@intrinsic
def shifted(context, value, right):
    """The low 32 bits of value, shifted right as a signed number: numba itself would widen the shift."""

    def emit(context, builder, signature, arguments):
        return builder.ashr(*(narrow(builder, argument, I32) for argument in arguments))

    return types.int32(value, right), emit


@or_plain(lambda value, slope, right: int(value) * int(slope) >> 16 >> right)
@intrinsic
def steps_up(context, value, slope, right):
    """The upper half of the product of two unsigned 16-bit numbers, shifted right."""

    def emit(context, builder, signature, arguments):
        value, slope, right = (narrow(builder, argument, I16) for argument in arguments)
        product = builder.mul(builder.zext(value, I32), builder.zext(slope, I32))
        return builder.lshr(builder.trunc(builder.lshr(product, ir.Constant(I32, 16)), I16), right)

    return types.uint16(value, slope, right), emit


def _add_rows(cells, driven, count, currents, before, after):
    currents[after] = 2 * currents[before]
    for k in range(count):
        currents[after] += cells[driven[k]]


@or_plain(_add_rows)
@intrinsic
def add_rows(context, cells, driven, count, currents, before, after):
    """currents[after] = 2 * currents[before] + the rows driven[0] ... driven[count - 1] of cells.

    Lanes fill whole vectors of 64 bytes. As many as seven of them stay in registers while rows are added.
    """

    def emit(context, b, signature, arguments):
        arrays = [context.make_array(signature.args[i])(context, b, arguments[i]) for i in (0, 1, 3)]
        cells, driven, currents = (array.data for array in arrays)
        lanes, count = b.extract_value(arrays[0].shape, 1), arguments[2]
        before, after = (b.gep(currents, [b.mul(row, lanes)]) for row in arguments[4:])
        kind = ir.VectorType(cells.type.pointee, 512 // cells.type.pointee.width)

        def place(array, index):
            return b.bitcast(b.gep(array, [index]), kind.as_pointer())

        def blocks(first, vectors):
            """From lane `first` on, in blocks of so many vectors; returns the lane where they end."""
            width = ir.Constant(I64, vectors * kind.count)
            whole = b.udiv(b.sub(lanes, first), width)

            def block(index, _):
                lane = b.add(first, b.mul(index, width))
                columns = [b.add(lane, ir.Constant(I64, v * kind.count)) for v in range(vectors)]
                start = [b.load(place(before, column), align=1) for column in columns]

                def row(k, sums):
                    own = b.mul(b.zext(b.load(b.gep(driven, [k])), I64), lanes)
                    here = [b.load(place(cells, b.add(own, column)), align=1) for column in columns]
                    return [b.add(*both) for both in zip(sums, here, strict=True)]

                sums = loop(b, count, [b.add(value, value) for value in start], row)
                for column, value in zip(columns, sums, strict=True):
                    b.store(value, place(after, column), align=1)
                return []

            loop(b, whole, [], block)
            return b.add(first, b.mul(whole, width))

        lane = ir.Constant(I64, 0)
        for vectors in range(7, 0, -1):
            lane = blocks(lane, vectors)
        return context.get_dummy_value()

    return types.void(cells, driven, types.int64, currents, types.int64, types.int64), emit


def _keep(source, marks, bits, count, kept):
    n = 0
    for k in range(count):
        kept[n] = source[k]
        n += (marks[k] & bits) != 0
    return n


@or_plain(_keep)
@intrinsic
def keep(context, source, marks, bits, count, kept):
    """Lists those of the first `count` numbers of source whose marks have any of the bits; returns how many.

    All arrays are uint16. Sixteen numbers go together, so each array has room for that many more.
    """
    lanes, wide = ir.VectorType(I16, 16), ir.VectorType(I32, 16)

    def emit(context, b, signature, arguments):
        source, marks, kept = (
            context.make_array(signature.args[i])(context, b, arguments[i]).data for i in (0, 1, 4)
        )
        chosen = ir.VectorType(ir.IntType(1), 16)
        squeeze = declared(
            b,
            "llvm.experimental.vector.compress.v16i16",
            ir.FunctionType(lanes, [lanes, chosen, lanes]),
        )
        ones = declared(b, "llvm.ctpop.i16", ir.FunctionType(I16, [I16]))
        bits, zero = broadcast(b, narrow(b, arguments[2], I16), 16), splat(0, lanes)

        def step(index, found):
            first = b.shl(index, ir.Constant(I64, 4))
            left = broadcast(b, b.trunc(b.sub(arguments[3], first), I32), 16)
            own, mark = (
                b.load(b.bitcast(b.gep(array, [first]), lanes.as_pointer()), align=2)
                for array in (source, marks)
            )
            inside = b.icmp_signed("<", ir.Constant(wide, list(range(16))), left)
            mask = b.and_(inside, b.icmp_unsigned("!=", b.and_(mark, bits), zero))
            place = b.bitcast(b.gep(kept, found), lanes.as_pointer())
            b.store(b.call(squeeze, [own, mask, zero]), place, align=2)
            return [b.add(found[0], b.zext(b.call(ones, [b.bitcast(mask, I16)]), I64))]

        steps = b.ashr(b.add(arguments[3], ir.Constant(I64, 15)), ir.Constant(I64, 4))
        return loop(b, steps, [ir.Constant(I64, 0)], step)[0]

    return types.int64(source, marks, types.int64, types.int64, kept), emit


@njit(inline="always")
def turned(word, left):
    return U32(U32(word << U32(left)) | U32(word >> U32(32 - left)))


@njit(inline="always")
def mixed(a, b, left):
    """One round of Threefry."""
    a = U32(a + b)
    return a, U32(turned(b, left) ^ a)


@njit(inline="always")
def four_rounds(a, b, odd):
    first, second, third, fourth = (17, 29, 16, 24) if odd else (13, 15, 26, 6)
    a, b = mixed(a, b, first)
    a, b = mixed(a, b, second)
    a, b = mixed(a, b, third)
    return mixed(a, b, fourth)


@njit(inline="always")
def scaled(word, amplitude):
    """A word as noise: see `qsim.spec.noise`."""
    pairs = U32(word & U32(0x00FF00FF)) + U32(U32(word >> U32(8)) & U32(0x00FF00FF))
    total = U32(U32(pairs & U32(0xFFFF)) + U32(pairs >> U32(16)))
    return np.int32(np.int32(np.int32(total) - np.int32(510)) * amplitude + np.int32(1 << 15)) >> np.int32(16)


@part
def fill_noise(noise, image, tile, evens, odds):
    """Noise (digits, half) of the even and the odd columns of a tile, for the image of that index."""
    k0, k1, places, amplitude = U32(noise.seed), U32(noise.layer), noise.places, noise.amplitude
    k2 = U32(U32(k0 ^ k1) ^ U32(0x1BD11BDA))
    here = U32(tile) << U32(22)
    number = noise.first_image + image  # in Python, without the JIT, it does not wrap by itself
    start = U32(U32(number & 0xFFFFFFFF) + k0)
    for turn in range(places.shape[0]):
        place, even, odd = places[turn], evens[turn], odds[turn]
        for m in range(places.shape[1]):
            a, b = start, U32(U32(place[m] | here) + k1)
            a, b = four_rounds(a, b, False)
            a, b = U32(a + k1), U32(b + U32(k2 + U32(1)))
            a, b = four_rounds(a, b, True)
            a, b = U32(a + k2), U32(b + U32(k0 + U32(2)))
            a, b = four_rounds(a, b, False)
            a, b = U32(a + k0), U32(b + U32(k1 + U32(3)))
            a, b = mixed(a, b, 17)
            even[m], odd[m] = scaled(a, amplitude), scaled(b, amplitude)


@part
def add_noise(currents, factor, evens, odds, values):
    half = evens.shape[1]
    for turn in range(evens.shape[0]):
        for j in range(half):
            values[turn, j] = np.int32(currents[turn, j]) * factor + evens[turn, j]
        for j in range(half):
            values[turn, half + j] = np.int32(currents[turn, half + j]) * factor + odds[turn, j]


@part
def drive(rows, own, count, driven, digit_bits, cells, currents):
    """Currents of listed rows of a tile, one row of lanes a digit; beyond the last there is one of zeros."""
    digits = currents.shape[0] - 1
    for turn in range(digits):
        before, bit = digits, (digits - turn) * digit_bits
        for _ in range(digit_bits):
            bit -= 1
            add_rows(cells, driven, keep(rows, own, 1 << bit, count, driven), currents, before, turn)
            before = turn


@part
def climb_16(currents, digits, factor, zero, slope, shift, most, base, sums):
    """sums = sums * base + codes of the currents, digit after digit, all in 16-bit lanes."""
    for turn in range(digits):
        for j in range(sums.shape[0]):
            above = max(np.int16(np.int16(currents[turn, j]) * factor - zero[j]), np.int16(0))
            code = min(steps_up(above, slope[j], shift), np.uint16(most))
            sums[j] = sums[j] * base + code


@part
def climb_32(currents, digits, words, shift, most, base, sums):
    """The same in 32-bit lanes."""
    for turn in range(digits):
        for j in range(sums.shape[0]):
            code = shifted(np.int32(currents[turn, j]) * words[0, j] + words[1, j], shift)
            sums[j] = sums[j] * base + min(max(code, np.int32(0)), np.int32(most))


@part
def look_up(currents, digits, words, tables, base, sums):
    """The same from tables of codes."""
    for turn in range(digits):
        for j in range(sums.shape[0]):
            least = words[0, j]
            current = min(max(np.int32(currents[turn, j]), least), words[1, j])
            sums[j] = sums[j] * base + tables[words[2, j], current - least]


@part
def convert(currents, digits, factor, converters, base, sums):
    """sums = sums * base + codes, digit after digit."""
    zero, slope, words, tables, shift, most = converters
    if zero.shape[0]:
        climb_16(currents, digits, factor, zero, slope, shift, most, base, sums)
    elif tables.shape[0]:
        look_up(currents, digits, words, tables, base, sums)
    else:
        climb_32(currents, digits, words, shift, most, base, sums)


@cached(error_model="numpy")
def read_tiles(codes, cells, shape, noise, converters, watched, room, sums):
    """Adds up every read's code: sums (images, lanes) += code << digit position.

    codes : uint16 (images, inputs), from 0 up; what lies up to 16 numbers beyond is read, not used
    cells : (inputs, lanes), of a type that holds every current
    shape : (rows of a tile, digits, digit bits)
    noise : see `plan.ReadNoise`
    converters : see `plan.Converters`
    watched : uint16 (images, tiles, digits, lanes) that gets every code, or with no images
    room : (2, digits, half) and (2, lanes) to work in, in types that hold currents and the sums of one tile
    """
    rows_of_tile, digits, digit_bits = shape
    (noise_room, tile_room), factor = room, noise.factor
    images, inputs = codes.shape
    lanes, base = cells.shape[1], 1 << digit_bits
    currents, values = np.zeros((digits + 1, lanes), cells.dtype), np.empty((digits, lanes), noise_room.dtype)
    places = np.arange(rows_of_tile + 16).astype(np.uint16)
    rows, own, driven = np.empty_like(places), np.empty_like(places), np.empty_like(places)
    evens, odds, tile_sums, idle = noise_room[0], noise_room[1], tile_room[0], tile_room[1]
    idle[:] = 0
    convert(currents, digits, factor, converters, base, idle)  # what a tile adds of which no row is driven
    for image in range(images):
        for tile in range(-(-inputs // rows_of_tile)):
            start, stop = tile * rows_of_tile, min((tile + 1) * rows_of_tile, inputs)
            inside = codes[image][start:]
            count = keep(places, inside, 0xFFFF, stop - start, rows)
            keep(inside, inside, 0xFFFF, stop - start, own)
            if count == 0 and not noise.active and watched.shape[0] == 0:
                for j in range(lanes):
                    sums[image, j] += idle[j]
                continue
            drive(rows, own, count, driven, digit_bits, cells[start:stop], currents)
            tile_sums[:] = 0
            if noise.active:
                fill_noise(noise, image, tile, evens, odds)
                add_noise(currents, factor, evens, odds, values)
                convert(values, digits, np.int32(1), converters, base, tile_sums)
            else:
                convert(currents, digits, factor, converters, base, tile_sums)
            for j in range(lanes):
                sums[image, j] += tile_sums[j]
            if watched.shape[0]:
                for turn in range(digits):
                    tile_sums[:] = 0
                    if noise.active:
                        convert(values[turn:], 1, np.int32(1), converters, base, tile_sums)
                    else:
                        convert(currents[turn:], 1, factor, converters, base, tile_sums)
                    for j in range(lanes):
                        watched[image, tile, digits - 1 - turn, j] = tile_sums[j]


@cached(error_model="numpy")
def add_up(sums, lane, ending, acc):
    """acc (images, outputs) from the sums of all lanes.

    scales (slices): what a code of each slice stands for, its place included; constant: what all bases
    together do to a column; digital (outputs): bias and the term in the smallest code.
    """
    scales, constant, pairs, positive_weight, unit_bits, digital = ending
    slices, columns = lane.shape
    half = (1 << unit_bits) >> 1
    columns_sum = np.empty(columns, np.int64)
    for image in range(sums.shape[0]):
        own = sums[image]
        columns_sum[:] = constant
        for s in range(slices):
            for p in range(columns):
                columns_sum[p] += np.int64(own[lane[s, p]]) * scales[s]
        for j in range(pairs.shape[0]):
            total = positive_weight * columns_sum[pairs[j, 0]] - columns_sum[pairs[j, 1]]
            acc[image, j] = digital[j] + ((total + half) >> unit_bits)
