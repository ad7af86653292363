"""SerialAdders: digits of sums and differences, shifted, give the whole product of every vector."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Module, Value

from ..gateware.unrolled.delay import delayed
from ..unrolled.sharing import adder_graph
from .opened import Opened

MATRIX = [[1, 2, 0], [3, -1, 1], [-1, -2, 0], [0, 0, 0]]  # shifts, a shared sum, its negative, an empty row


def multiplied(serial: Any, low: int, high: int, interval: int) -> Module:
    """Any vectors with codes from `low` to `high`, begun in any cycles that are `digits` apart or more."""
    m = Module()
    opened = Opened(m, serial.SerialAdders(adder_graph(np.array(MATRIX)), low, high, interval))
    block = opened.block
    codes = [getattr(block, f"x{i}") for i in range(len(MATRIX[0]))]
    m.d.comb += [port.eq(AnySeq(port.shape())) for port in (*codes, block.start)]
    m.d.comb += [Assume((code >= low) & (code <= high)) for code in codes]
    begun: list[Value] = [block.start]  # so many cycles ago
    while len(begun) <= block.latency + 1:
        begun.append(delayed(m, begun[-1], name=f"begun{len(begun)}"))
    recent = reduce(or_, begun[1 : block.digits])
    m.d.comb += [
        Assume(~block.start | ~recent),
        Assert(opened.signal("begins_0") == begun[1], "inside: the vector's cycle is known"),
        Assert(opened.signal("ahead") == recent, "inside: digits belong together until their vector's last"),
    ]
    for k in range(1, block.digits):
        m.d.comb += Assert(
            opened.signal(f"begun_{k - 1}") == begun[k + 1], "inside: the last digit's cycle is known"
        )
    late = [delayed(m, code, block.latency, f"late{i}", reset_less=True) for i, code in enumerate(codes)]
    for j, row in enumerate(MATRIX):
        wanted = sum(weight * code for weight, code in zip(row, late, strict=True))
        found = getattr(block, f"y{j}")
        m.d.comb += Assert(
            ~begun[-1] | (found == wanted), "a product is whole, `latency` cycles after its vector"
        )
    return m
