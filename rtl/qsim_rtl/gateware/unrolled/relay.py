"""Registers that stay as they are: copies of a signal that many look at, each near some of them."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delay import delayed


class Relay(wiring.Component):
    """A cycle's delay of signals that other relays delay too.

    A signal that goes everywhere takes several cycles' time to get there; a copy for each few dozen of those
    who look at it does not. Synthesis would make one register of all copies: in the exported Verilog the
    modules of relays keep their hierarchy.

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
