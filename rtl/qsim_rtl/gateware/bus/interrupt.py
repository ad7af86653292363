"""The interrupt line: a level, high while an event that is enabled waits to be cleared."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .registers import INTERRUPTS


class Interrupt(wiring.Component):
    """Keeps each event of `INTERRUPTS` until it is cleared, and drives the line.

    The line follows the two registers without delay: it is low again before a write that clears the last
    event is answered. An event in the cycle of that write is kept.

    Ports
    -----
    events : in, a bit an event, high in the cycle in which it happens
    data : in, the lowest bits of the word that is written
    clear : in, `data` says which events to forget
    enable : in, `data` says which events drive the line
    pending, enabled : out, the two registers
    line : out
    """

    def __init__(self) -> None:
        bits = len(INTERRUPTS)
        super().__init__(
            {
                "events": In(bits),
                "data": In(bits),
                "clear": In(1),
                "enable": In(1),
                "pending": Out(bits),
                "enabled": Out(bits),
                "line": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kept = self.pending & ~(self.data & self.clear.replicate(len(self.data)))
        m.d.sync += self.pending.eq(kept | self.events)
        with m.If(self.enable):
            m.d.sync += self.enabled.eq(self.data)
        m.d.comb += self.line.eq((self.pending & self.enabled).any())
        return m
