"""Wishbone: every access that is held takes effect once and is answered once, and nothing else is."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Assert, Cat, Const, Module, Mux, Signal

from .opened import Opened
from .streams import anything


def accesses(wishbone: Any, address_bits: int) -> Module:
    """Any master, also one that lets go before it is answered, or changes what it asks for.

    `age`: cycles for which the access on the bus has stood there unanswered; the rest is what it was
    when it came, and what the registers said of it.
    """
    m = Module()
    opened = Opened(m, wishbone.Wishbone(address_bits))
    block = opened.block
    bus = block.bus
    anything(m, bus.cyc, bus.stb, bus.we, bus.adr, bus.sel, bus.dat_w)
    anything(m, block.write_refused, block.read_data, block.read_refused, block.quiet)
    age, asked, new, ends = Signal(2), Signal(), Signal(), Signal()
    began, writes, refused = Signal(), Signal(), Signal()
    address, data, sel, word = Signal.like(bus.adr), Signal(32), Signal(4), Signal(32)
    shown = Cat(Const(0, 2), address)
    m.d.comb += [
        asked.eq(bus.cyc & bus.stb),
        new.eq(asked & (age == 0)),
        ends.eq(asked & (age == Mux(writes, 2, 3))),
        Assert((bus.ack | bus.err) == ends, "an answer to each access in its time, none without one"),
        Assert(~(bus.ack & bus.err), "one answer"),
        Assert(~bus.err | refused, "err only if it was refused and not quiet"),
        Assert(~bus.ack | ~refused, "ack only if it was not"),
        Assert(~(ends & ~writes) | (bus.dat_r == word), "a read gives what the register said"),
        Assert(block.write == (began & writes), "a write takes effect once, in the cycle after it came"),
        Assert(block.read == (began & ~writes), "so does a read"),
        Assert(~block.write | (block.write_address == shown), "a write at its address"),
        Assert(~block.write | (block.write_data == data), "with its data"),
        Assert(~block.write | (block.whole == (sel == 15)), "whole: all four bytes"),
        Assert((age == 0) | (block.read_address == shown), "a read's address stays for its answer"),
        Assert(opened.signal("begun") == began, "inside: an access has come"),
        Assert(~began | (opened.signal("writes") == writes), "inside: which"),
        Assert(~began | (block.read_address == shown), "inside: where"),
        Assert((age == 1) == began, "inside: the age of a new one"),
        Assert(opened.signal("awaited") == ((age == 2) & ~writes), "inside: when the registers answer"),
        Assert(opened.signal("answered") == ((age == 2) & writes | (age == 3)), "inside: when the bus does"),
        Assert(~((age == 3) & writes), "inside: a write is younger"),
        Assert(~opened.signal("answered") | (opened.signal("refused") == refused), "inside: how"),
    ]
    m.d.sync += [age.eq(Mux(asked & ~ends, age + 1, 0)), began.eq(new)]
    with m.If(new):
        m.d.sync += [writes.eq(bus.we), address.eq(bus.adr), data.eq(bus.dat_w), sel.eq(bus.sel)]
    with m.If(began & writes):
        m.d.sync += refused.eq((block.write_refused | (sel != 15)) & ~block.quiet)
    with m.Elif(~began):
        m.d.sync += [refused.eq(block.read_refused & ~block.quiet), word.eq(block.read_data)]
    return m
