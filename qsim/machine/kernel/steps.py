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

from .codes import Store, on_line, storing
from .tiles import PANEL, Unit, switch
from .vectors import I8, I16, I32, I64, broadcast, load, loop, repeat, store, vectors_at


def _walk(b: Any, unit: Unit, vectors: int, target: Any, arguments: list[Any]) -> None:
    """Writes a row of numbers of type `target` for each step; the arguments are those of `walk`."""
    chains, table, pitch, steps, count, intercept, slope, line, rows, rows_pitch = arguments
    (heads, links, due, signs), line = (cgutils.unpack_tuple(b, given) for given in (chains, line))
    lanes, size = unit.lanes, 4 * unit.lanes

    def item(address: Any, index: Any, kind: Any) -> Any:
        return load(b, b.add(address, b.mul(index, ir.Constant(I64, kind.width // 8))), kind, 1)

    def put_sums(sums: list[Any], address: Any) -> None:
        for v, value in enumerate(sums):
            store(b, value, b.add(address, ir.Constant(I64, v * size)), 4)

    put: Store = put_sums
    if target is not I32:
        put = storing(b, lanes, on_line(b, lanes, line[:3]), line[3], line[4], target)

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
    """A function to compile in; every argument but two tuples is an address or a number.

    walk(each, vectors, (heads, links, due, signs), table, pitch, steps, count, intercept, slope, line, rows,
         rows_pitch):
        1 to PANEL[lanes] vectors of neurons through `count` steps; intercept and slope move on. A row of
        results has numbers of `each` bytes: 1 or 2 for codes, as `line` gives them (see `codes`), 4 for
        sums. The inputs that stop before step t are heads[t], then links[k] and so on, to -1; due[k] is
        1 + the steps that k had room for. `table` has rows of weights, `pitch` bytes apart.
    """
    targets = {1: I8, 2: I16, 4: I32}

    @intrinsic
    def walk(
        context, each, vectors, chains, table, pitch, steps, count, intercept, slope, line, rows, rows_pitch
    ):
        def emit(context, b, signature, arguments):
            each, vectors, *rest = arguments

            def results(bytes_: int) -> None:
                panels = range(1, PANEL[unit.lanes] + 1)
                switch(b, vectors, lambda n: _walk(b, unit, n, targets[bytes_], rest), panels)

            switch(b, each, results, targets)
            return context.get_dummy_value()

        numbers = types.intp, types.intp
        tuples = types.UniTuple(types.intp, 4), types.UniTuple(types.intp, 5)
        return types.void(*numbers, tuples[0], *[types.intp] * 6, tuples[1], *numbers), emit

    return walk
