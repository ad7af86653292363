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
    anything(m, block.s_axil_awaddr, block.s_axil_awvalid, block.s_axil_wdata, block.s_axil_wstrb)
    anything(m, block.s_axil_wvalid, block.s_axil_bready, block.s_axil_araddr, block.s_axil_arvalid)
    anything(m, block.s_axil_rready, block.write_refused, block.read_data, block.read_refused)
    return m, opened, block


def writes(axi_lite: Any, address_bits: int) -> Module:
    """Any writes: idle, then the cycle of the effect, then the answer until it is taken, and idle again."""
    m, _, block = _free(axi_lite, address_bits)
    effect, answer, refused = Signal(), Signal(), Signal()
    address, data, strobes = Signal(address_bits), Signal(32), Signal(4)
    accepted, whole = Signal(), Signal()
    answers = SimpleNamespace(
        payload=block.s_axil_bresp, valid=block.s_axil_bvalid, ready=block.s_axil_bready
    )
    stable(m, answers)
    m.d.comb += [
        accepted.eq(block.s_axil_awvalid & block.s_axil_wvalid & ~effect & ~answer),
        whole.eq((strobes == 15) & (address[:2] == 0)),
        Assert(block.s_axil_awready == accepted, "an address is taken with its data, when none is open"),
        Assert(block.s_axil_wready == accepted, "data are taken with their address, when none is open"),
        Assert(block.write == effect, "a write takes effect once, in the cycle after it was taken"),
        Assert(~effect | (block.write_address == address), "at its address"),
        Assert(~effect | (block.write_data == data), "with its data"),
        Assert(~effect | (block.whole == whole), "whole: all bytes of one word"),
        Assert(block.s_axil_bvalid == answer, "an answer for each write, none without one"),
        Assert(~answer | (block.s_axil_bresp == Mux(refused, SLVERR, OKAY)), "SLVERR if and only if refused"),
        Assert(~(effect & answer), "inside: one at a time"),
    ]
    m.d.sync += effect.eq(accepted)
    with m.If(accepted):
        m.d.sync += [
            address.eq(block.s_axil_awaddr),
            data.eq(block.s_axil_wdata),
            strobes.eq(block.s_axil_wstrb),
        ]
    with m.If(effect):
        m.d.sync += [answer.eq(1), refused.eq(block.write_refused | ~whole)]
    with m.Elif(answer & block.s_axil_bready):
        m.d.sync += answer.eq(0)
    return m


def reads(axi_lite: Any, address_bits: int) -> Module:
    """Any reads: idle, then the address is shown for two cycles, then the answer until it is taken."""
    m, opened, block = _free(axi_lite, address_bits)
    shown, answering, answer = Signal(), Signal(), Signal()
    address, data, refused = Signal(address_bits), Signal(32), Signal()
    accepted = Signal()
    answers = SimpleNamespace(
        payload=Cat(block.s_axil_rdata, block.s_axil_rresp),
        valid=block.s_axil_rvalid,
        ready=block.s_axil_rready,
    )
    stable(m, answers)
    m.d.comb += [
        accepted.eq(block.s_axil_arvalid & block.s_axil_arready),
        Assert(
            block.s_axil_arready == ~(shown | answering | answer), "an address is taken when none is open"
        ),
        Assert(block.read == shown, "a read takes effect once, in the cycle after it was taken"),
        Assert(~(shown | answering) | (block.read_address == address), "its address stays for the answer"),
        Assert(block.s_axil_rvalid == answer, "an answer for each read, none without one"),
        Assert(~answer | (block.s_axil_rdata == data), "the answer is what the register said"),
        Assert(~answer | (block.s_axil_rresp == Mux(refused, SLVERR, OKAY)), "SLVERR if and only if refused"),
        Assert(opened.signal("addressed") == answering, "inside: when the registers answer"),
        Assert(shown + answering + answer <= 1, "inside: one at a time"),
    ]
    m.d.sync += [shown.eq(accepted), answering.eq(shown)]
    with m.If(accepted):
        m.d.sync += address.eq(block.s_axil_araddr)
    with m.If(answering):
        m.d.sync += [answer.eq(1), data.eq(block.read_data), refused.eq(block.read_refused)]
    with m.Elif(answer & block.s_axil_rready):
        m.d.sync += answer.eq(0)
    return m
