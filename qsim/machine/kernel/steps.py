"""The sums of one image at every step of an attack, kept in registers: the inner loop of `lines`.

A panel of neurons has two vectors each, the intercept and the slope of acc(e) = intercept + slope * e.
They change where inputs stop, and are read once for each step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .staircase import staircase
from .tiles import PANEL, Unit, switch
from .vectors import I8, I16, I32, I64, broadcast, load, loop, repeat, store, vectors_at


def _walk(b: Any, unit: Unit, vectors: int, target: Any, arguments: list[Any]) -> None:
    """Writes a row of codes, of type `target`, or of sums for each step; the arguments are `walk`'s."""
    heads, links, due, signs, table, pitch, steps, count, intercept, slope, *line, rows, rows_pitch = arguments
    lanes, size = unit.lanes, 4 * unit.lanes

    def item(address: Any, index: Any, kind: Any) -> Any:
        return load(b, b.add(address, b.mul(index, ir.Constant(I64, kind.width // 8))), kind, 1)

    def put(accs: list[Any], address: Any) -> None:
        for v, acc in enumerate(accs):
            store(b, acc, b.add(address, ir.Constant(I64, v * size)), 4)

    if target is not I32:
        put = staircase(b, lanes, line, target)

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
        state = repeat(b, item(heads, t, I64), lambda k: b.icmp_signed(">=", k, ir.Constant(I64, 0)), state, stop)
        at = broadcast(b, b.trunc(item(steps, t, I64), I32), lanes)
        accs = [
            b.add(start, b.mul(rise, at))
            for start, rise in zip(state[:vectors], state[vectors:], strict=True)
        ]
        put(accs, b.add(rows, b.mul(t, rows_pitch)))
        return state

    places = intercept, slope
    start = [v for place in places for v in vectors_at(b, place, vectors, lanes)]
    end = loop(b, count, start, step)
    for i, value in enumerate(end):
        here = b.add(places[i // vectors], ir.Constant(I64, i % vectors * size))
        store(b, value, here, 4)


def walks(unit: Unit) -> tuple[Any, Any, Any]:
    """Three functions to compile in, that write sums, codes as bytes, and codes as halves.

    walk(vectors, heads, links, due, signs, table, pitch, steps, count, intercept, slope, *line, rows,
         rows_pitch):
        1 to PANEL[lanes] vectors of neurons through `count` steps; intercept and slope move on. Every
        argument is an address or a number. The inputs that stop before step t are heads[t], then links[k]
        and so on, to -1; due[k] is 1 + the steps that k had room for. `table` has rows of weights, `pitch`
        bytes apart; `line` is that of `staircase`; results are rows, `rows_pitch` bytes apart.
    """

    def make(target: Any) -> Any:
        @intrinsic
        def walk(
            context,
            vectors,
            heads,
            links,
            due,
            signs,
            table,
            pitch,
            steps,
            count,
            intercept,
            slope,
            scale,
            offset,
            shift,
            levels,
            minus,
            rows,
            rows_pitch,
        ):
            def emit(context, b, signature, arguments):
                number, *rest = arguments
                switch(b, number, lambda n: _walk(b, unit, n, target, rest), PANEL[unit.lanes])
                return context.get_dummy_value()

            return types.void(*[types.intp] * 18), emit

        return walk

    return make(I32), make(I8), make(I16)
