"""Commands, flags, counters and the state of a load: what the registers mean in hardware."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...shape.loadable import Loadable
from .axi_lite import AxiLite
from .interrupt import Interrupt
from .loader import Loader
from .registers import ADDRESS, CONTROL, FLAGS, MAGIC, MEMORY_FLAGS, PLACE, REGISTERS, VERSION, WRITE
from .wishbone import Wishbone

REFUSALS = ("OUT_OF_TURN", "WRONG_CRC", "WRONG_SHAPE")  # what ends a load
COUNTERS = ("images", "cycles", "short_frames", "long_frames")


class Control(wiring.Component):
    """Stands between the bus and the engine.

    A model is valid from a load's right CRC to the next load's first word that changes a memory.

    Ports
    -----
    busy : in, a frame is inside
    torn : in, a beat came without a byte that holds codes
    count_images, count_cycles, count_short_frames, count_long_frames : in, add one to a counter
    memory_corrected, memory_failed : in, raise the flags of that name
    digest : in, the word of the digest memory that `lite.read_address` names, a cycle later
    hold : out, there is no model, or one is being loaded
    waiting : out, a load begins as soon as nothing is inside; no further frame must enter
    flush : out, all frames inside are to be dropped
    irq : out, the line of `Interrupt`
    """

    def __init__(self, shape: Loadable, lite: AxiLite | Wishbone, loader: Loader, preloaded: bool) -> None:
        self.shape, self.lite, self.loader, self.preloaded = shape, lite, loader, preloaded
        super().__init__(
            {
                "busy": In(1),
                "torn": In(1),
                **{f"count_{name}": In(1) for name in COUNTERS},
                **{name.lower(): In(1) for name in MEMORY_FLAGS},
                "digest": In(32),
                "hold": Out(1),
                "waiting": Out(1),
                "flush": Out(1),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lite = self.lite
        written = {
            register.name: lite.write & lite.whole & (lite.write_address == register.address)
            for register in REGISTERS
            if register.writable
        }
        command = {bit.name: written["CONTROL"] & lite.write_data[bit.place] for bit in CONTROL}
        known = Signal()
        m.d.comb += [known.eq(Cat(*written.values()).any()), self.flush.eq(command["FLUSH"])]
        valid, loading, refusals = self._load(m, written, command)
        illegal = (lite.write & ~known) | (lite.read & lite.read_refused)
        raised = {**refusals, "ILLEGAL": illegal, "TORN": self.torn}
        raised |= {name: getattr(self, name.lower()) for name in MEMORY_FLAGS}
        flags = {name: Signal(name=f"flag_{name.lower()}") for name in FLAGS}
        for name, flag in flags.items():
            with m.If(raised[name]):
                m.d.sync += flag.eq(1)
            with m.Elif(command["ACKNOWLEDGE"]):
                m.d.sync += flag.eq(0)
        m.d.comb += [
            self.hold.eq(~valid | loading),
            lite.write_refused.eq(~known | Cat(*refusals.values()).any()),
        ]
        counters = self._counters(m, command["CLEAR"])
        m.submodules.interrupt = interrupt = Interrupt()
        refused = self.count_short_frames | self.count_long_frames
        m.d.comb += [
            interrupt.events.eq(Cat(self.count_images, Cat(*raised.values()).any() | refused)),
            interrupt.data.eq(lite.write_data),
            interrupt.clear.eq(written["INTERRUPT_PENDING"]),
            interrupt.enable.eq(written["INTERRUPT_ENABLE"]),
            self.irq.eq(interrupt.line),
        ]
        with m.If(written["QUIET"]):
            m.d.sync += lite.quiet.eq(lite.write_data[0])
        state = {"VALID": valid, "LOADING": loading, "BUSY": self.busy, "WAITING": self.waiting}
        state |= {"NO_SLVERR": lite.quiet, **flags}
        values = {**counters, "interrupt_pending": interrupt.pending, "interrupt_enable": interrupt.enabled}
        self._read(m, state, values)
        return m

    def _load(
        self, m: Module, written: dict[str, Signal], command: dict[str, Signal]
    ) -> tuple[Signal, Signal, dict[str, Signal]]:
        """The load's progress: whether a model is valid, whether a load runs, what raises which flag."""
        loader = self.loader
        # Not reset: after a reset in the middle of a load, memories hold parts of two models.
        valid = Signal(init=self.preloaded, reset_less=True)
        loading = Signal()
        begin, turn, expected, ended = (Signal(name=name) for name in ("begin", "turn", "expected", "ended"))
        refusals = {name: Signal(name=f"raise_{name.lower()}") for name in REFUSALS}
        push, end = written["LOAD_DATA"], written["LOAD_CRC"]
        right = self.lite.write_data == loader.crc
        m.d.comb += [
            begin.eq(self.waiting & ~self.busy),
            turn.eq(loading & ~self.waiting),
            expected.eq(turn & ~loader.complete),
            ended.eq(turn & loader.complete & end),
            loader.start.eq(begin),
            loader.data.eq(self.lite.write_data),
            loader.push.eq(push & expected),
            refusals["OUT_OF_TURN"].eq((push & ~expected) | (end & ~ended)),
            refusals["WRONG_CRC"].eq(ended & ~right),
            refusals["WRONG_SHAPE"].eq(loader.wrong_shape),
        ]
        over = ended | Cat(*refusals.values()).any() | command["CANCEL"]
        with m.If(command["LOAD"]):
            m.d.sync += self.waiting.eq(1)
        with m.Elif(begin | over):
            m.d.sync += self.waiting.eq(0)
        with m.If(over):
            m.d.sync += loading.eq(0)
        with m.Elif(begin):
            m.d.sync += loading.eq(1)
        with m.If(loader.touched):
            m.d.sync += valid.eq(0)
        with m.Elif(ended & right):
            m.d.sync += valid.eq(1)
        return valid, loading, refusals

    def _counters(self, m: Module, clear: Signal) -> dict[str, Signal]:
        counters = {name: Signal(32, name=name) for name in COUNTERS}
        for name, counter in counters.items():
            m.d.sync += counter.eq(Mux(clear, 0, counter + getattr(self, f"count_{name}")))
        return counters

    def _read(self, m: Module, state: dict[str, Signal], counted: dict[str, Signal]) -> None:
        lite = self.lite
        status = Signal(32)
        m.d.comb += [status[PLACE[name]].eq(bit) for name, bit in state.items()]
        values = {
            "ID": MAGIC,
            "VERSION": VERSION,
            "SHAPE": self.shape.identity,
            "IMAGE_WORDS": self.shape.image_words,
            "STATUS": status,
            "LOADED": self.loader.count,
            **{name.upper(): value for name, value in counted.items()},
        }
        with m.Switch(lite.read_address):
            for name, value in values.items():
                with m.Case(ADDRESS[name]):
                    m.d.comb += lite.read_data.eq(value)
            with m.Case(*(register.address for register in REGISTERS if register.name.startswith("DIGEST"))):
                m.d.comb += lite.read_data.eq(Mux(state["VALID"], self.digest, 0))
            with m.Case(*(register.address for register in REGISTERS if register.access == WRITE)):
                pass  # a bus wider than a word reads them with their neighbours: as 0
            with m.Default():
                m.d.comb += lite.read_refused.eq(1)
