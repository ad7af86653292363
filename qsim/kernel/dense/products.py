"""The innermost loops, spelled out as machine instructions: numba has no other name for them.

One vector instruction adds to each of its 32-bit lanes the dot product of a *group* (4 bytes: four
8-bit or two 16-bit numbers) of input codes with the same group of weights. A lane is a neuron, so the
input group is broadcast to all lanes and the weights of `lanes` neurons lie side by side in memory:

    w[vector][lane] = 4 bytes     for each group of inputs, then the next group, and so on

Sums wrap at 32 bits. Who packs the weights proves that the final sum fits, and then it is exact.

A *tile* keeps (images x vectors) sums in registers while it walks over all groups. The bigger it is, the
less it loads for each multiplication, until the registers are used up. Addresses are plain integers, so
that compiled code holds none and can be cached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ...jit.vectors import (
    I16,
    I32,
    I64,
    broadcast,
    declared,
    load,
    loop,
    prefetch,
    store,
    vectors_at,
)
from .memory import Rows, numbers

GROUP = 4  # bytes
binding.initialize_native_asmparser()  # reads what is `spelled`


@dataclass(frozen=True)
class Unit:
    """A dot-product instruction: how many 32-bit lanes, which LLVM intrinsic, and whether it also adds.

    `spelled` is its name in assembly, where LLVM would replace the intrinsic by two slower instructions.
    """

    lanes: int
    name: str
    adds: bool = True
    spelled: str = ""

    def emit(self, builder: Any, acc: Any, codes: Any, weights: Any) -> Any:
        """acc + dot product of each lane's group."""
        vector = ir.VectorType(I32, self.lanes)
        kind = ir.FunctionType(vector, [vector] * 3)
        if self.spelled:
            return builder.asm(kind, f"{self.spelled} $3, $2, $0", "=v,0,v,v", [acc, codes, weights], False)
        if self.adds:
            return builder.call(declared(builder, self.name, kind), [acc, codes, weights])
        halves = ir.VectorType(I16, 2 * self.lanes)
        function = declared(builder, self.name, ir.FunctionType(vector, [halves] * 2))
        pairs = [builder.bitcast(v, halves) for v in (codes, weights)]
        return builder.add(acc, builder.call(function, pairs))


VNNI512_BYTES = Unit(16, "llvm.x86.avx512.vpdpbusd.512")  # unsigned codes x signed weights
VNNI512_HALVES = Unit(16, "llvm.x86.avx512.vpdpwssd.512", spelled="vpdpwssd")
VNNI256_BYTES = Unit(8, "llvm.x86.avx512.vpdpbusd.256")
VNNI256_HALVES = Unit(8, "llvm.x86.avx512.vpdpwssd.256")
AVX2_HALVES = Unit(8, "llvm.x86.avx2.pmadd.wd", adds=False)


# vectors of neurons in a dense tile -> images in it: as many sums as the registers hold (32 or 16 of them),
# and tall, so that each weight loaded, which may come from the second cache, serves many images
TILES = {16: {1: 12, 2: 12, 3: 8}, 8: {1: 8, 2: 6, 3: 3}}
TALLEST = 12  # images: `dense` needs at least as many
WHOLE = 24  # images that make whole tiles of any height
FETCH = 2  # bytes
PANEL = {16: 7, 8: 5}  # vectors that lie side by side in memory, and that a sparse tile takes together


def _dense_tile(b: Any, unit: Unit, images: int, vectors: int, arguments: list[Any]) -> None:
    """Writes `images` rows of sums; the arguments are those of `dense` without the number of images.

    It fetches FETCH bytes for each image and group from `ahead` on as it goes.
    """
    (codes, pitch), (weights, stride), groups, (start, start_pitch), (sums, sums_pitch), ahead = arguments
    lanes, size = unit.lanes, 4 * unit.lanes
    rows = [b.add(codes, b.mul(pitch, ir.Constant(I64, i))) for i in range(images)]

    def step(index: Any, acc: list[Any]) -> list[Any]:
        prefetch(b, b.add(ahead, b.mul(index, ir.Constant(I64, FETCH * images))))
        panel = b.add(weights, b.mul(index, stride))
        loaded = vectors_at(b, panel, vectors, lanes)
        updated = []
        for i, row in enumerate(rows):
            group = broadcast(b, load(b, b.add(row, b.shl(index, ir.Constant(I64, 2))), I32, 1), lanes)
            updated += [unit.emit(b, acc[i * vectors + v], group, loaded[v]) for v in range(vectors)]
        return updated

    starts = [b.add(start, b.mul(start_pitch, ir.Constant(I64, i))) for i in range(images)]
    result = loop(b, groups, [v for row in starts for v in vectors_at(b, row, vectors, lanes)], step)
    for i, value in enumerate(result):
        row, v = divmod(i, vectors)
        here = b.add(sums, b.mul(sums_pitch, ir.Constant(I64, row)))
        store(b, value, b.add(here, ir.Constant(I64, v * size)), 4)


def _sparse_tile(b: Any, unit: Unit, vectors: int, arguments: list[Any]) -> None:
    """Writes one row of sums; the arguments are those of `sparse`."""
    codes, offsets, count, weights, start, sums = arguments
    lanes, size = unit.lanes, 4 * unit.lanes

    def step(index: Any, acc: list[Any]) -> list[Any]:
        offset = b.zext(load(b, b.add(offsets, b.shl(index, ir.Constant(I64, 2))), I32, 4), I64)
        group = broadcast(b, load(b, b.add(codes, offset), I32, 1), lanes)
        panel = b.add(weights, b.mul(offset, ir.Constant(I64, vectors * size // GROUP)))
        loaded = vectors_at(b, panel, vectors, lanes)
        return [unit.emit(b, acc[v], group, loaded[v]) for v in range(vectors)]

    for v, value in enumerate(loop(b, count, vectors_at(b, start, vectors, lanes), step)):
        store(b, value, b.add(sums, ir.Constant(I64, v * size)), 4)


def switch(b: Any, number: Any, emit: Callable[[int], None], cases: Iterable[int]) -> None:
    """emit(number), chosen at run time from the cases."""
    after = b.append_basic_block()
    choice = b.switch(number, after)
    for case in cases:
        block = b.append_basic_block()
        choice.add_case(ir.Constant(I64, case), block)
        b.position_at_end(block)
        emit(case)
        b.branch(after)
    b.position_at_end(after)


def products(unit: Unit) -> tuple[Any, Any]:
    """Two functions to compile in, `dense` and `sparse`; arguments are Rows, addresses and numbers.

    dense(vectors, codes, images, weights, groups, start, sums, ahead):
        `images` rows of codes times 1 to max(TILES[lanes]) vectors of neurons, over all groups: Rows of
        `weights`. `start` has Rows of the 32-bit numbers that sums start from. At least TALLEST images, and
        a multiple of WHOLE where `start` is `sums`: some are computed twice else. Memory from `ahead` on,
        wherever that points, is prefetched meanwhile: FETCH bytes for each image and group.
    sparse(vectors, codes, offsets, count, weights, start, sums):
        The same for one image, 1 to PANEL[lanes] vectors with nothing between them, and only the groups at
        `count` int32 byte offsets.

    Whole groups are read and all lanes written; weights and starting numbers are aligned to a vector.
    """
    heights = TILES[unit.lanes]

    @intrinsic
    def dense(context, vectors, codes, images, weights, groups, start, sums, ahead):
        def emit(context, b, signature, arguments):
            vectors, codes, images, weights, groups, start, sums, ahead = arguments
            codes, weights, start, sums = (
                cgutils.unpack_tuple(b, given, 2) for given in (codes, weights, start, sums)
            )

            def rows(number: int) -> None:
                height = ir.Constant(I64, heights[number])

                def tile(index: Any, _: list[Any]) -> list[Any]:
                    """The last tile overlaps the one before where the height does not divide the images."""
                    first, last = b.mul(index, height), b.sub(images, height)
                    row = b.select(b.icmp_signed("<", first, last), first, last)
                    here, source, to = (
                        (b.add(address, b.mul(row, pitch)), pitch) for address, pitch in (codes, start, sums)
                    )
                    later = b.add(ahead, b.mul(row, b.mul(groups, ir.Constant(I64, FETCH))))
                    _dense_tile(b, unit, heights[number], number, [here, weights, groups, source, to, later])
                    return []

                loop(b, b.sdiv(b.sub(b.add(images, height), ir.Constant(I64, 1)), height), [], tile)

            switch(b, vectors, rows, heights)
            return context.get_dummy_value()

        number, rows = types.intp, numbers(Rows, 2)
        return types.void(number, rows, number, rows, number, rows, rows, number), emit

    @intrinsic
    def sparse(context, vectors, codes, offsets, count, weights, start, sums):
        def emit(context, b, signature, arguments):
            number, *rest = arguments
            panels = range(1, PANEL[unit.lanes] + 1)
            switch(b, number, lambda n: _sparse_tile(b, unit, n, rest), panels)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 7), emit

    return dense, sparse
