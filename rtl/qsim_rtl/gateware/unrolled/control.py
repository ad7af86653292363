"""The registers of an engine without a model to load: commands, flags, counters, digest."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...shape.unrolled import UnrolledShape
from ..bus.axi_lite import AxiLite
from ..bus.control import COUNTERS
from ..bus.interrupt import Interrupt
from ..bus.registers import ADDRESS, CONTROL, MAGIC, PLACE, REGISTERS, STATUS, VERSION
from ..bus.wishbone import Wishbone

LOADING = ("LOAD_DATA", "LOAD_CRC", "LOADED")  # registers that only a model to load needs
UNROLLED_REGISTERS = tuple(register for register in REGISTERS if register.name not in LOADING)
WRITTEN = tuple(register.name for register in UNROLLED_REGISTERS if register.writable)
UNROLLED_CONTROL = tuple(bit for bit in CONTROL if bit.name not in ("LOAD", "CANCEL"))
FLAGS = ("ILLEGAL", "TORN")
UNROLLED_STATUS = tuple(bit for bit in STATUS if bit.name in ("VALID", "BUSY", "NO_SLVERR", *FLAGS))


class UnrolledControl(wiring.Component):
    """Stands between the bus and the engine: the map of `Control` without what loads a model.

    A write to CONTROL with LOAD or CANCEL is refused like any access that the map does not have.

    Ports
    -----
    busy : in, an image is inside
    torn : in, a beat came without a byte that holds codes
    count_images, count_cycles, count_short_frames, count_long_frames : in, add one to a counter
    flush : out, all images inside are to be dropped
    irq : out, the line of `Interrupt`
    """

    def __init__(self, shape: UnrolledShape, lite: AxiLite | Wishbone) -> None:
        self.shape, self.lite = shape, lite
        counts = {f"count_{name}": In(1) for name in COUNTERS}
        super().__init__({"busy": In(1), "torn": In(1), **counts, "flush": Out(1), "irq": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lite = self.lite
        at = {name: lite.whole & (lite.write_address == ADDRESS[name]) for name in WRITTEN}
        known = Signal()
        foreign = Cat(lite.write_data[bit.place] for bit in CONTROL if bit not in UNROLLED_CONTROL).any()
        m.d.comb += [
            known.eq(Cat(*at.values()).any() & ~(at["CONTROL"] & foreign)),
            lite.write_refused.eq(~known),
        ]
        accepted = lite.write & known & at["CONTROL"]
        command = {bit.name: accepted & lite.write_data[bit.place] for bit in UNROLLED_CONTROL}
        m.d.comb += self.flush.eq(command["FLUSH"])
        raised = {
            "ILLEGAL": (lite.write & lite.write_refused) | (lite.read & lite.read_refused),
            "TORN": self.torn,
        }
        state = {"VALID": Const(1), "BUSY": self.busy, "NO_SLVERR": lite.quiet}
        for name, reason in raised.items():
            state[name] = flag = Signal(name=f"flag_{name.lower()}")
            with m.If(reason):
                m.d.sync += flag.eq(1)
            with m.Elif(command["ACKNOWLEDGE"]):
                m.d.sync += flag.eq(0)
        counters = {name: Signal(32, name=name) for name in COUNTERS}
        clear = Signal()
        m.d.sync += clear.eq(command["CLEAR"])
        for name, counter in counters.items():
            m.d.sync += counter.eq(Mux(clear, 0, counter + getattr(self, f"count_{name}")))
        with m.If(lite.write & at["QUIET"]):
            m.d.sync += lite.quiet.eq(lite.write_data[0])
        m.submodules.interrupt = interrupt = Interrupt()
        refused = self.count_short_frames | self.count_long_frames
        m.d.comb += [
            interrupt.events.eq(Cat(self.count_images, Cat(*raised.values()).any() | refused)),
            interrupt.data.eq(lite.write_data),
            interrupt.clear.eq(lite.write & at["INTERRUPT_PENDING"]),
            interrupt.enable.eq(lite.write & at["INTERRUPT_ENABLE"]),
            self.irq.eq(interrupt.line),
        ]
        values = {**counters, "interrupt_pending": interrupt.pending, "interrupt_enable": interrupt.enabled}
        self._read(m, state, values)
        return m

    def _read(self, m: Module, state: dict[str, Signal], counted: dict[str, Signal]) -> None:
        lite, status = self.lite, Signal(32)
        m.d.comb += [status[PLACE[name]].eq(bit) for name, bit in state.items()]
        digest = Array(int(self.shape.digest[8 * k : 8 * k + 8], 16) for k in range(8))
        values = {
            "ID": MAGIC,
            "VERSION": VERSION,
            "SHAPE": self.shape.identity,
            "IMAGE_WORDS": 0,
            "STATUS": status,
            **{name.upper(): value for name, value in counted.items()},
        }
        with m.Switch(lite.read_address):
            for name, value in values.items():
                with m.Case(ADDRESS[name]):
                    m.d.comb += lite.read_data.eq(value)
            with m.Case(*(ADDRESS[f"DIGEST{k}"] for k in range(8))):
                m.d.comb += lite.read_data.eq(digest[lite.read_address[2:5]])
            with m.Case(ADDRESS["CONTROL"], ADDRESS["QUIET"]):
                pass  # a bus wider than a word reads them with their neighbours: as 0
            with m.Default():
                m.d.comb += lite.read_refused.eq(1)
