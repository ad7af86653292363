"""Results that are ready in groups leave one a beat, while the next group is computed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import PureInterface


def serialize(
    m: Module,
    o: PureInterface,
    values: Sequence[Value],
    ends_group: Value,
    ends_frame: Value,
    last_group: int,
) -> Value:
    """Hold a finished group of `values` and let it go on the stream `o`; the next waits its turn.

    `ends_group` says that `values` are a finished group, `ends_frame` that it is a frame's last, of
    which the first `last_group` count. The result says whether what makes the values may advance.
    """
    held = [Signal.like(value, name=f"held_{p}") for p, value in enumerate(values)]
    left = Signal(range(len(values) + 1))
    last = Signal()
    advance = Signal()
    m.d.comb += [
        o.valid.eq(left != 0),
        o.p.data.eq(held[0]),
        o.p.last.eq(last & (left == 1)),
        advance.eq(~ends_group | (left == 0) | ((left == 1) & o.ready)),
    ]
    with m.If(o.valid & o.ready):
        m.d.sync += left.eq(left - 1)
        m.d.sync += [lower.eq(upper) for lower, upper in pairwise(held)]
    with m.If(advance & ends_group):
        m.d.sync += [
            left.eq(Mux(ends_frame, last_group, len(values))),
            last.eq(ends_frame),
            *(register.eq(value) for register, value in zip(held, values, strict=True)),
        ]
    return advance
