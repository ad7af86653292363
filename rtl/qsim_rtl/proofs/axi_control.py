"""Control: no model without a whole load and its CRC; what the registers do and say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Assert, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In

from ..gateware.bus.axi_lite import AxiLite
from ..gateware.bus.loader import Loader
from ..gateware.bus.registers import (
    ADDRESS,
    ADDRESS_BITS,
    INTERRUPTS,
    MAGIC,
    MASK,
    MEMORY_FLAGS,
    PLACE,
    REGISTERS,
    VERSION,
    WRITE,
)
from ..gateware.rom import table
from ..shape.loadable import MemoryShape
from .opened import Opened
from .streams import anything

MEMORY = MemoryShape("words", 32, 2)
SHAPE = SimpleNamespace(identity=0x12345678, image_words=1 + MEMORY.words)


class _Free:
    """The block between a bus and a loader of one small memory, the bus and the engine doing anything."""

    def __init__(self, axi_control: Any) -> None:
        self.m = m = Module()
        m.submodules.memory = memory = table(MEMORY.width, MEMORY.words)
        m.submodules.lite = self.lite = lite = AxiLite(ADDRESS_BITS)
        m.submodules.loader = self.loader = loader = Loader([MEMORY], [memory], SHAPE.identity)
        self.opened = Opened(m, axi_control.Control(SHAPE, lite, loader, preloaded=True))
        self.block = block = self.opened.block
        own = [getattr(block, name) for name, member in block.signature.members.items() if member.flow == In]
        members = lite.bus.signature.members.items()
        axi = [getattr(lite.bus, name) for name, member in members if member.flow == In]
        anything(m, *own, *axi)

    def writes(self, name: str) -> Value:
        lite = self.lite
        return lite.write & lite.whole & (lite.write_address == ADDRESS[name])

    def commands(self, name: str) -> Value:
        return self.writes("CONTROL") & ((self.lite.write_data & MASK[name]) != 0)

    def reads(self, name: str) -> Value:
        return self.lite.read_address == ADDRESS[name]


def gated(axi_control: Any) -> Module:
    """Any commands and words of a load, in any order, in any state of the engine, resets in the middle.

    `spoiled`: a word of a memory was changed since the last load that ended with its CRC. `asked`: for a
    load that has not begun.
    """
    free = _Free(axi_control)
    m, lite, loader, block = free.m, free.lite, free.loader, free.block
    load, word, end = free.commands("LOAD"), free.writes("LOAD_DATA"), free.writes("LOAD_CRC")
    spoiled, under_way, asked = Signal(reset_less=True), Signal(), Signal()
    takes, right, over = Signal(), Signal(), Signal()
    m.d.comb += [
        takes.eq(under_way & ~asked & word & ~loader.complete),
        right.eq(under_way & ~asked & end & loader.complete & (lite.write_data == loader.crc)),
        over.eq(right | (word & ~takes) | end | loader.wrong_shape | free.commands("CANCEL")),
        Assert(
            block.hold == (spoiled | under_way), "the engine is held while a load lasts or has left no model"
        ),
        Assert(block.waiting == asked, "a load that was asked for waits until it begins or is ended"),
        Assert(loader.start == (asked & ~block.busy), "a load begins when no frame is inside"),
        Assert(loader.push == takes, "a word is taken while it is due"),
        Assert(
            ~(loader.push & (loader.start | loader.complete)), "never too many, never while another begins"
        ),
        Assert(~load | ~lite.write_refused, "a load is never refused"),
        Assert(~word | (lite.write_refused == ~takes | loader.wrong_shape), "a word out of turn is refused"),
        Assert(~end | (lite.write_refused == ~right), "every other end of a load is refused"),
        Assert(free.opened.signal("loading") == under_way, "inside: loading"),
        Assert(free.opened.signal("valid") == ~spoiled, "inside: valid"),
        Assert(~free.reads("STATUS") | (lite.read_data[PLACE["VALID"]] == ~spoiled), "VALID says so"),
        Assert(~free.reads("STATUS") | (lite.read_data[PLACE["LOADING"]] == under_way), "LOADING says so"),
        Assert(~free.reads("STATUS") | (lite.read_data[PLACE["WAITING"]] == asked), "WAITING says so"),
    ]
    with m.If(loader.touched):
        m.d.sync += spoiled.eq(1)
    with m.Elif(right):
        m.d.sync += spoiled.eq(0)
    with m.If(load):
        m.d.sync += asked.eq(1)
    with m.Elif(loader.start | over):
        m.d.sync += asked.eq(0)
    with m.If(over):
        m.d.sync += under_way.eq(0)
    with m.Elif(loader.start):
        m.d.sync += under_way.eq(1)
    return m


def told(axi_control: Any) -> Module:
    """Any accesses: a register reads as what it names, an access beside the map is refused and told."""
    free = _Free(axi_control)
    m, lite, block = free.m, free.lite, free.block
    known = Cat(free.writes(register.name) for register in REGISTERS if register.writable).any()
    word, end = free.writes("LOAD_DATA"), free.writes("LOAD_CRC")
    under_way, complete = free.opened.signal("turn"), free.loader.complete
    mapped = Cat(lite.read_address == r.address for r in REGISTERS).any()
    written_only = Cat(lite.read_address == r.address for r in REGISTERS if r.access == WRITE).any()
    quiet = Signal()
    m.d.comb += [
        Assert(~lite.write | known | lite.write_refused, "a write beside the map is refused"),
        Assert(lite.read_refused == ~mapped, "a read beside the map is refused, and no other"),
        Assert(~written_only | (lite.read_data == 0), "a register to write is read as 0"),
        Assert(lite.quiet == quiet, "QUIET stays as it was written"),
        Assert(~free.reads("STATUS") | (lite.read_data[PLACE["NO_SLVERR"]] == quiet), "NO_SLVERR says so"),
        Assert(~free.writes("CONTROL") | ~lite.write_refused, "a command is never refused"),
        Assert(block.flush == free.commands("FLUSH"), "FLUSH drops the frames"),
    ]
    with m.If(free.writes("QUIET")):
        m.d.sync += quiet.eq(lite.write_data[0])
    raised = {
        "OUT_OF_TURN": (word & ~(under_way & ~complete)) | (end & ~(under_way & complete)),
        "WRONG_CRC": end & under_way & complete & (lite.write_data != free.loader.crc),
        "WRONG_SHAPE": free.loader.push & (free.loader.count == 0) & (lite.write_data != SHAPE.identity),
        "ILLEGAL": (lite.write & ~known) | (lite.read & lite.read_refused),
        "TORN": block.torn,
        **{name: getattr(block, name.lower()) for name in MEMORY_FLAGS},
    }
    counted: dict[str, Value] = {
        "ID": Const(MAGIC, 32),
        "VERSION": Const(VERSION, 32),
        "SHAPE": Const(SHAPE.identity, 32),
        "IMAGE_WORDS": Const(SHAPE.image_words, 32),
        "LOADED": free.loader.count,
    }
    for name in ("IMAGES", "CYCLES", "SHORT_FRAMES", "LONG_FRAMES"):
        total = counted[name] = Signal(32, name=f"total_{name}")
        with m.If(free.commands("CLEAR")):
            m.d.sync += total.eq(0)
        with m.Elif(getattr(block, f"count_{name.lower()}")):
            m.d.sync += total.eq(total + 1)
        m.d.comb += Assert(free.opened.signal(name.lower()) == total, "inside: the counters")
    for name, value in counted.items():
        m.d.comb += Assert(~free.reads(name) | (lite.read_data == value), f"{name} reads as what it names")
    for name, event in raised.items():
        flag = Signal(name=f"raised_{name}")
        with m.If(event):
            m.d.sync += flag.eq(1)
        with m.Elif(free.commands("ACKNOWLEDGE")):
            m.d.sync += flag.eq(0)
        bit = lite.read_data[PLACE[name]]
        m.d.comb += [
            Assert(~free.reads("STATUS") | (bit == flag), f"{name} stays until it is acknowledged"),
            Assert(free.opened.signal(f"flag_{name.lower()}") == flag, "inside: the flags"),
        ]
    events = {
        "DONE": block.count_images,
        "ERROR": Cat(*raised.values()).any() | block.count_short_frames | block.count_long_frames,
    }
    _interrupts(free, events)
    m.d.comb += Assert(~free.reads("STATUS") | (lite.read_data[PLACE["BUSY"]] == block.busy), "BUSY says so")
    digest = Mux(free.opened.signal("valid"), block.digest, 0)
    for k in range(8):
        m.d.comb += Assert(
            ~free.reads(f"DIGEST{k}") | (lite.read_data == digest), "no digest without a model"
        )
    return m


def _interrupts(free: _Free, events: dict[str, Value]) -> None:
    """Each event is shown until a 1 is written to it, and the line is high while one that is enabled is."""
    m, lite = free.m, free.lite
    waits, enabled = Signal(len(INTERRUPTS)), Signal(len(INTERRUPTS))
    for bit in INTERRUPTS:
        with m.If(events[bit.name]):
            m.d.sync += waits[bit.place].eq(1)
        with m.Elif(free.writes("INTERRUPT_PENDING") & lite.write_data[bit.place]):
            m.d.sync += waits[bit.place].eq(0)
    with m.If(free.writes("INTERRUPT_ENABLE")):
        m.d.sync += enabled.eq(lite.write_data)
    inside = free.opened.submodule("interrupt")
    m.d.comb += [
        Assert(
            ~free.reads("INTERRUPT_PENDING") | (lite.read_data == waits), "INTERRUPT_PENDING tells events"
        ),
        Assert(
            ~free.reads("INTERRUPT_ENABLE") | (lite.read_data == enabled), "INTERRUPT_ENABLE is read back"
        ),
        Assert(free.block.irq == (waits & enabled).any(), "the line is high while an enabled event waits"),
        Assert(inside.pending == waits, "inside: the events"),
        Assert(inside.enabled == enabled, "inside: which are enabled"),
    ]
