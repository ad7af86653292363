"""AXI4-Lite, the slave's side: one access at a time, turned into a strobe and an answer."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .axi import AXI4Lite

OKAY, SLVERR = 0, 2


class AxiLite(wiring.Component):
    """Takes addresses and data in any order, a write's effect when both are there; answers in order.

    Every ready is a register, 0 in a reset: none depends on a valid in the same cycle.

    Ports
    -----
    bus : AXI4-Lite, as its subordinate
    write : out, high for the one cycle in which `write_address` and `write_data` take effect
    write_refused : in, in that cycle: the answer is SLVERR
    read : out, high in the cycle that addresses `read_address`; `read_data` answers in the next
    read_refused : in, with `read_data`: the answer is SLVERR
    whole : out, with `write`: all four bytes are written
    quiet : in, what is refused is answered with OKAY too
    """

    def __init__(self, address_bits: int) -> None:
        self.address_bits = address_bits
        super().__init__(
            {
                "bus": In(AXI4Lite(address_bits)),
                "write": Out(1),
                "write_address": Out(address_bits),
                "write_data": Out(32),
                "whole": Out(1),
                "write_refused": In(1),
                "read": Out(1),
                "read_address": Out(address_bits),
                "read_data": In(32),
                "read_refused": In(1),
                "quiet": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._writes(m)
        self._reads(m)
        return m

    def _writes(self, m: Module) -> None:
        """An address and data are held until both are there and the last write was answered."""
        addressed, filled = Signal(name="write_addressed"), Signal(name="write_filled")
        strobes = Signal(4, reset_less=True)
        address, data = held(m, self.write_address, "held_address"), held(m, self.write_data, "held_data")
        answer = held(m, self.bus.bresp, "bresp")
        m.d.comb += [
            self.write.eq(addressed & filled & ~self.bus.bvalid),
            self.whole.eq(strobes.all()),
        ]
        with m.If(self.bus.awvalid & self.bus.awready):
            m.d.sync += [
                addressed.eq(1),
                self.bus.awready.eq(0),
                address.eq(self.bus.awaddr),
            ]
        with m.Else():
            m.d.sync += self.bus.awready.eq(~addressed)
        with m.If(self.bus.wvalid & self.bus.wready):
            m.d.sync += [filled.eq(1), self.bus.wready.eq(0)]
            m.d.sync += [data.eq(self.bus.wdata), strobes.eq(self.bus.wstrb)]
        with m.Else():
            m.d.sync += self.bus.wready.eq(~filled)
        with m.If(self.write):
            m.d.sync += [addressed.eq(0), self.bus.awready.eq(1), filled.eq(0), self.bus.wready.eq(1)]
            m.d.sync += [
                self.bus.bvalid.eq(1),
                answer.eq(self._answer(self.write_refused | ~self.whole)),
            ]
        with m.Elif(self.bus.bready):
            m.d.sync += self.bus.bvalid.eq(0)

    def _reads(self, m: Module) -> None:
        """One after another: its address is shown for two cycles, then its answer until it is taken."""
        addressed = Signal()
        taken, over = Signal(), Signal()
        address = held(m, self.read_address, "held_address")
        word, answer = held(m, self.bus.rdata, "rdata"), held(m, self.bus.rresp, "rresp")
        m.d.comb += [
            taken.eq(self.bus.arvalid & self.bus.arready),
            over.eq(self.bus.rvalid & self.bus.rready),
        ]
        m.d.sync += [self.read.eq(taken), addressed.eq(self.read)]
        with m.If(taken):
            m.d.sync += [self.bus.arready.eq(0), address.eq(self.bus.araddr)]
        with m.Elif(over | ~(self.read | addressed | self.bus.rvalid)):
            m.d.sync += self.bus.arready.eq(1)
        with m.If(addressed):
            m.d.sync += [
                self.bus.rvalid.eq(1),
                word.eq(self.read_data),
                answer.eq(self._answer(self.read_refused)),
            ]
        with m.Elif(self.bus.rready):
            m.d.sync += self.bus.rvalid.eq(0)

    def _answer(self, refused: Value) -> Value:
        return Mux(refused & ~self.quiet, SLVERR, OKAY)


def held(m: Module, port: Signal, name: str) -> Signal:
    """The register behind an output that counts only beside a strobe or a valid, and so needs no reset."""
    register = Signal.like(port, name=name, reset_less=True)
    m.d.comb += port.eq(register)
    return register
