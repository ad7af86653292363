"""AxiLite: every access takes effect once and is answered once, and nothing else is answered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Assert, Cat, Module, Mux, Signal

from .opened import Opened
from .streams import anything, stable

OKAY, SLVERR = 0, 2


def _free(axi_lite: Any, address_bits: int) -> tuple[Module, Opened, Any]:
    """The bus, and what the registers say, driven with anything."""
    m = Module()
    opened = Opened(m, axi_lite.AxiLite(address_bits))
    block = opened.block
    anything(m, block.bus.awaddr, block.bus.awvalid, block.bus.wdata, block.bus.wstrb)
    anything(m, block.bus.wvalid, block.bus.bready, block.bus.araddr, block.bus.arvalid)
    anything(m, block.bus.rready, block.write_refused, block.read_data, block.read_refused, block.quiet)
    return m, opened, block


def writes(axi_lite: Any, address_bits: int) -> Module:
    """Any writes: an address and data come in any order, take effect together, and are answered.

    Readiness is compared with what was seen in earlier cycles alone, so it depends on no valid.
    """
    m, opened, block = _free(axi_lite, address_bits)
    answer, refused, quiet = Signal(), Signal(), Signal()
    address, data, strobes = Signal(address_bits), Signal(32), Signal(4)
    has_address, has_data, began, whole, effect = Signal(), Signal(), Signal(), Signal(), Signal()
    answers = SimpleNamespace(payload=block.bus.bresp, valid=block.bus.bvalid, ready=block.bus.bready)
    stable(m, answers)
    m.d.comb += [
        effect.eq(has_address & has_data & ~answer),
        whole.eq(strobes == 15),
        Assert(block.bus.awready == (began & ~has_address), "one address is held, none in a reset"),
        Assert(block.bus.wready == (began & ~has_data), "data of one write are held, none in a reset"),
        Assert(
            block.write == effect, "a write takes effect once, when both are there and none is unanswered"
        ),
        Assert(~effect | (block.write_address == address), "at its address"),
        Assert(~effect | (block.write_data == data), "with its data"),
        Assert(~effect | (block.whole == whole), "whole: all four bytes"),
        Assert(block.bus.bvalid == answer, "an answer for each write, none without one"),
        Assert(
            ~answer | (block.bus.bresp == Mux(refused & ~quiet, SLVERR, OKAY)),
            "SLVERR if and only if refused and not quiet",
        ),
        Assert(opened.signal("write_addressed") == has_address, "inside: an address is held"),
        Assert(opened.signal("write_filled") == has_data, "inside: data are held"),
        Assert(~has_address | (block.write_address == address), "inside: the address"),
        Assert(~has_data | (block.write_data == data), "inside: the data"),
        Assert(~has_data | (opened.signal("strobes") == strobes), "inside: the strobes"),
        Assert(began | ~(has_address | has_data | answer), "inside: nothing before the first cycle"),
    ]
    m.d.sync += began.eq(1)
    with m.If(effect):
        m.d.sync += [has_address.eq(0), has_data.eq(0)]
    with m.If(block.bus.awvalid & block.bus.awready):
        m.d.sync += [has_address.eq(1), address.eq(block.bus.awaddr)]
    with m.If(block.bus.wvalid & block.bus.wready):
        m.d.sync += [has_data.eq(1), data.eq(block.bus.wdata), strobes.eq(block.bus.wstrb)]
    with m.If(effect):
        m.d.sync += [answer.eq(1), refused.eq(block.write_refused | ~whole), quiet.eq(block.quiet)]
    with m.Elif(answer & block.bus.bready):
        m.d.sync += answer.eq(0)
    return m


def reads(axi_lite: Any, address_bits: int) -> Module:
    """Any reads: idle, then the address is shown for two cycles, then the answer until it is taken."""
    m, opened, block = _free(axi_lite, address_bits)
    shown, answering, answer = Signal(), Signal(), Signal()
    address, data, refused, quiet = Signal(address_bits), Signal(32), Signal(), Signal()
    accepted, began = Signal(), Signal()
    answers = SimpleNamespace(
        payload=Cat(block.bus.rdata, block.bus.rresp),
        valid=block.bus.rvalid,
        ready=block.bus.rready,
    )
    stable(m, answers)
    m.d.comb += [
        accepted.eq(block.bus.arvalid & block.bus.arready),
        Assert(
            block.bus.arready == (began & ~(shown | answering | answer)),
            "an address is taken when none is open, none in a reset",
        ),
        Assert(block.read == shown, "a read takes effect once, in the cycle after it was taken"),
        Assert(~(shown | answering) | (block.read_address == address), "its address stays for the answer"),
        Assert(block.bus.rvalid == answer, "an answer for each read, none without one"),
        Assert(~answer | (block.bus.rdata == data), "the answer is what the register said"),
        Assert(
            ~answer | (block.bus.rresp == Mux(refused & ~quiet, SLVERR, OKAY)),
            "SLVERR if and only if refused and not quiet",
        ),
        Assert(opened.signal("addressed") == answering, "inside: when the registers answer"),
        Assert(shown + answering + answer <= 1, "inside: one at a time"),
        Assert(began | ~(shown | answering | answer), "inside: nothing before the first cycle"),
    ]
    m.d.sync += [shown.eq(accepted), answering.eq(shown), began.eq(1)]
    with m.If(accepted):
        m.d.sync += address.eq(block.bus.araddr)
    with m.If(answering):
        m.d.sync += [
            answer.eq(1),
            data.eq(block.read_data),
            refused.eq(block.read_refused),
            quiet.eq(block.quiet),
        ]
    with m.Elif(answer & block.bus.rready):
        m.d.sync += answer.eq(0)
    return m
