"""Registers that stay as they are: copies of a signal that many look at, each near some of them."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..unrolled.delay import delayed


class Copies:
    """Registers of signals, asked for one by one; several of the same signal stay several."""

    def __init__(self) -> None:
        self._pairs: list[tuple[Value, Signal]] = []

    def of(self, value: Value, name: str) -> Signal:
        """A signal as it was a cycle ago."""
        copy = Signal(value.shape(), name=name)
        self._pairs.append((value, copy))
        return copy

    def build(self, m: Module) -> None:
        """All that were asked for, in a `Relay`."""
        if self._pairs:
            m.submodules.relay = relay = Relay(sum(len(copy) for _, copy in self._pairs))
            m.d.comb += relay.i.eq(Cat(value for value, _ in self._pairs))
            m.d.comb += Cat(copy for _, copy in self._pairs).eq(relay.o)


class Relay(wiring.Component):
    """A cycle's delay of signals, some of them the same.

    A signal that goes everywhere takes several cycles' time to get there; a copy for each few dozen of those
    who look at it does not. Synthesis would make one register of all copies: in the exported Verilog this
    module keeps its hierarchy, beyond which it does not see.

    Ports
    -----
    i : in, `bits` signals
    o : out, a cycle later
    """

    def __init__(self, bits: int) -> None:
        super().__init__({"i": In(bits), "o": Out(bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.eq(delayed(m, self.i, name="copy", reset_less=True))
        return m
