"""The sums of one image at every step of an attack, kept in registers: the inner loop of `lines`.

Of acc(e) = intercept + slope * e, intercepts and slopes of a panel of neurons stay in registers. They change
where inputs stop, and give the sums of each step.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ...jit.vectors import I8, I16, I32, I64, broadcast, load, loop, repeat, store, vectors_at
from ..dense import memory
from ..dense.memory import Line, Rows, Steps
from ..dense.products import Unit, switch
from ..thresholds.simd import Store, in_table, on_line, storing

WIDTHS = {16: (7, 4, 2, 1), 8: (4, 2, 1)}  # vectors of neurons in a panel, so that two of each fit
SUMS, LINE, TABLE = range(3)


def _walk(b: Any, unit: Unit, vectors: int, method: int, target: Any, arguments: list[Any]) -> None:
    """Writes a row of numbers of type `target` for each step; the arguments are those of `walk`."""
    chains, table, steps, line, numbers, rows = (cgutils.unpack_tuple(b, given) for given in arguments)
    (heads, links, due, signs), (*numbers, max_code, minus) = chains, numbers
    (table, pitch), (steps, count), (intercept, slope), (rows, rows_pitch) = table, steps, line, rows
    lanes, size = unit.lanes, 4 * unit.lanes

    def item(address: Any, index: Any, kind: Any) -> Any:
        return load(b, b.add(address, b.mul(index, ir.Constant(I64, kind.width // 8))), kind, 1)

    def put_sums(sums: list[Any], address: Any) -> None:
        for v, value in enumerate(sums):
            store(b, value, b.add(address, ir.Constant(I64, v * size)), 4)

    put: Store = put_sums
    if method != SUMS:
        code = on_line(b, lanes, numbers[:3]) if method == LINE else in_table(b, lanes, numbers)
        put = storing(b, lanes, code, max_code, minus, target)

    def stop(k: Any, state: list[Any]) -> tuple[Any, list[Any]]:
        """Input k stops: s * w leaves the slope, and room * s * w joins the intercept.

        The table has each weight in both halves of 32 bits, so room * s, which may have 17 bits, is
        multiplied in two parts.
        """
        sign, room = b.sext(item(signs, k, I8), I32), b.sub(item(due, k, I32), ir.Constant(I32, 1))
        low, once = ir.Constant(I32, 0xFFFF), b.mul(sign, room)
        part = b.ashr(once, ir.Constant(I32, 1))
        both = b.or_(b.and_(part, low), b.shl(b.sub(once, part), ir.Constant(I32, 16)))
        lift = broadcast(b, both, lanes)
        rate = broadcast(b, b.and_(b.neg(sign), low), lanes)
        weights = vectors_at(b, b.add(table, b.mul(k, pitch)), vectors, lanes)
        changed = [unit.emit(b, acc, lift, w) for acc, w in zip(state[:vectors], weights, strict=True)]
        changed += [unit.emit(b, acc, rate, w) for acc, w in zip(state[vectors:], weights, strict=True)]
        return item(links, k, I64), changed

    def step(t: Any, state: list[Any]) -> list[Any]:
        state = repeat(
            b, item(heads, t, I64), lambda k: b.icmp_signed(">=", k, ir.Constant(I64, 0)), state, stop
        )
        at = broadcast(b, b.trunc(item(steps, t, I64), I32), lanes)
        accs = [
            b.add(start, b.mul(rise, at))
            for start, rise in zip(state[:vectors], state[vectors:], strict=True)
        ]
        put(accs, b.add(rows, b.mul(t, rows_pitch)))
        return state

    start = [v for place in (intercept, slope) for v in vectors_at(b, place, vectors, lanes)]
    end = loop(b, count, start, step)
    put_sums(end[:vectors], intercept)
    put_sums(end[vectors:], slope)


def walking(unit: Unit) -> Any:
    """A function to compile in; every argument is a tuple of addresses and numbers.

    walk((method, each, vectors), (heads, links, due, signs), table, steps, line, (*numbers, max_code, minus),
         rows):
        As many vectors of neurons as WIDTHS has, through all Steps; the Line moves on. One of the Rows of
        results has numbers of `each` bytes: 4 for SUMS, 1 or 2 for codes by the method's four numbers (see
        `simd`; LINE has three). The inputs that stop before step t are heads[t], then links[k] and so on,
        to -1; due[k] is 1 + the steps that k had room for. `table` has Rows of weights.
    """
    targets = {1: I8, 2: I16}

    @intrinsic
    def walk(context, form, chains, table, steps, line, numbers, rows):
        def emit(context, b, signature, arguments):
            form, *rest = arguments
            method, each, vectors = cgutils.unpack_tuple(b, form, 3)

            def panels(how: int, target: Any) -> None:
                switch(b, vectors, lambda n: _walk(b, unit, n, how, target, rest), WIDTHS[unit.lanes])

            def ways(how: int) -> None:
                if how == SUMS:
                    panels(how, I32)
                else:
                    switch(b, each, lambda size: panels(how, targets[size]), targets)

            switch(b, method, ways, (SUMS, LINE, TABLE))
            return context.get_dummy_value()

        form, chains, numbers = (types.UniTuple(types.intp, count) for count in (3, 4, 6))
        pairs = (memory.numbers(kind, 2) for kind in (Rows, Steps, Line))
        table, steps, line = pairs
        return types.void(form, chains, table, steps, line, numbers, table), emit

    return walk
