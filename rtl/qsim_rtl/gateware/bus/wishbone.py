"""Wishbone, the slave's side: one access at a time, turned into a strobe and an answer as `AxiLite` does."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .axi_lite import held

DATA = 32


class WishboneBus(wiring.Signature):
    """Wishbone B4 with 32 bits of data, as its master sees it; `adr` counts words."""

    def __init__(self, address_bits: int) -> None:
        super().__init__(
            {
                "cyc": Out(1),
                "stb": Out(1),
                "we": Out(1),
                "adr": Out(address_bits - 2),
                "sel": Out(DATA // 8),
                "dat_w": Out(DATA),
                "dat_r": In(DATA),
                "ack": In(1),
                "err": In(1),
            }
        )


class Wishbone(wiring.Component):
    """Classic cycles, standard handshake (Wishbone B4, 3.1.3): no bursts, no retries.

    The master holds `cyc`, `stb` and what goes with them until it is answered. A write is answered two
    cycles after it came, a read three, for one cycle each: with `ack`, or with `err` if it was refused.
    Another access may stand there in the next cycle. If `cyc` or `stb` falls before the answer, none
    comes; the access has had its effect if it stood there for a cycle. `ack` and `err` are 0 while `cyc`
    or `stb` is, so that an interconnect may join those of all slaves.

    Ports
    -----
    bus : Wishbone, as its slave; a write of fewer than all bytes (`sel`) is refused
    the others : as in `AxiLite`
    """

    def __init__(self, address_bits: int) -> None:
        self.address_bits = address_bits
        super().__init__(
            {
                "bus": In(WishboneBus(address_bits)),
                "write": Out(1),
                "write_address": Out(address_bits),
                "write_data": Out(DATA),
                "whole": Out(1),
                "write_refused": In(1),
                "read": Out(1),
                "read_address": Out(address_bits),
                "read_data": In(DATA),
                "read_refused": In(1),
                "quiet": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        asked, begun, awaited, answered = (
            Signal(name=name) for name in ("asked", "begun", "awaited", "answered")
        )
        writes, refused = (Signal(name=name, reset_less=True) for name in ("writes", "refused"))
        address = Signal.like(bus.adr, name="held_address", reset_less=True)
        strobes = Signal.like(bus.sel, name="strobes", reset_less=True)
        data, word = held(m, self.write_data, "held_data"), held(m, bus.dat_r, "dat_r")
        m.d.comb += [
            asked.eq(bus.cyc & bus.stb),
            self.write.eq(begun & writes),
            self.read.eq(begun & ~writes),
            self.write_address.eq(Cat(Const(0, 2), address)),
            self.read_address.eq(Cat(Const(0, 2), address)),
            self.whole.eq(strobes.all()),
            bus.ack.eq(asked & answered & ~refused),
            bus.err.eq(asked & answered & refused),
        ]
        m.d.sync += [
            begun.eq(0),
            awaited.eq(asked & self.read),
            answered.eq(asked & (self.write | awaited)),
        ]
        with m.If(asked & ~(begun | awaited | answered)):
            m.d.sync += [begun.eq(1), writes.eq(bus.we), address.eq(bus.adr)]
            m.d.sync += [strobes.eq(bus.sel), data.eq(bus.dat_w)]
        with m.If(self.write):
            m.d.sync += refused.eq((self.write_refused | ~self.whole) & ~self.quiet)
        with m.If(awaited):
            m.d.sync += [refused.eq(self.read_refused & ~self.quiet), word.eq(self.read_data)]
        return m
