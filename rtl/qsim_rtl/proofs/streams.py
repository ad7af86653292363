"""What every stream must keep to, and one beat followed on its way through a block."""

from __future__ import annotations

from typing import Any

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Module, Mux, Signal, Value


def anything(m: Module, *signals: Any) -> None:
    """Let signals be driven with any values in each cycle."""
    for signal in signals:
        m.d.comb += Value.cast(signal).eq(AnySeq(Value.cast(signal).shape()))


def held(m: Module, stream: Any, name: str) -> Value:
    """Whether a stream keeps its rule: what was offered and not taken is still offered, unchanged."""
    payload = Value.cast(stream.payload)
    waiting = Signal(name=f"{name}_waiting")
    before = Signal(payload.shape(), name=f"{name}_before")
    m.d.sync += [waiting.eq(stream.valid & ~stream.ready), before.eq(payload)]
    return ~waiting | (stream.valid & (payload == before))


def stable(m: Module, stream: Any) -> None:
    """Prove that an output keeps the rule."""
    m.d.comb += Assert(held(m, stream, "out"), "an offered beat stays until it is taken")


def patient(m: Module, stream: Any) -> None:
    """Take it that the sender of an input keeps the rule."""
    m.d.comb += Assume(held(m, stream, "in"))


class Followed:
    """Any one beat of the input stream, and how many beats are still before it.

    `taken` : in the cycle in which it enters
    `active` : while it is inside
    `ahead` : beats that will leave before it
    `count` : beats inside, it included
    """

    def __init__(self, m: Module, block: Any, most: int) -> None:
        pick, done = Signal(), Signal()
        m.d.comb += pick.eq(AnySeq(1))
        self.enters, self.leaves = Signal(), Signal()
        self.taken, self.active = Signal(), Signal()
        self.ahead, self.count = Signal(range(most + 2)), Signal(range(most + 2))
        m.d.comb += [
            self.enters.eq(block.i.valid & block.i.ready),
            self.leaves.eq(block.o.valid & block.o.ready),
            self.taken.eq(self.enters & pick & ~self.active & ~done),
            Assert((self.count != 0) | ~block.o.valid, "no beat comes out that did not go in"),
            Assert(
                ~self.active | (self.ahead < self.count), "inside: a followed beat is one of those inside"
            ),
        ]
        m.d.sync += self.count.eq(self.count + self.enters - self.leaves)
        with m.If(self.active):
            m.d.sync += self.ahead.eq(Mux(self.ahead == 0, 0, self.ahead - self.leaves))
            with m.If(self.leaves & (self.ahead == 0)):
                m.d.sync += [self.active.eq(0), done.eq(1)]
        with m.Elif(self.taken):
            m.d.sync += [self.active.eq(1), self.ahead.eq(self.count - self.leaves)]

    @property
    def out(self) -> Value:
        """Whether the beat that is offered at the output must be the followed one."""
        return self.active & (self.ahead == 0)
