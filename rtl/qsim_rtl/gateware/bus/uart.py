"""A serial line to the buses of an engine: what a board needs to be asked from a host."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockDomain, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...shape.widths import BusWidths
from ...unrolled import copies
from ..stream.relay import Copies
from .axi import AXI4Lite, AXIStream, ports
from .registers import ADDRESS_BITS

READ, WRITE, SEND, TAKE = b"RWST"
ARGUMENTS = {READ: 1, WRITE: 5, SEND: 2, TAKE: 1}  # bytes after the command
BREAK = 16  # bit times of a low line that reset the bridge
DIVISOR_BITS = 12
NOTHING = Const(0, 0)


class Receiver(wiring.Component):
    """Bytes from a line of `divisor` cycles a bit, one start and one stop bit, lowest bit first.

    Ports
    -----
    line, divisor : in
    byte : out, while `valid` is high, one cycle
    broken : out, the line has been low for 16 bits
    """

    def __init__(self) -> None:
        ports = {
            "line": In(1),
            "divisor": In(DIVISOR_BITS),
            "byte": Out(8),
            "valid": Out(1),
            "broken": Out(1),
        }
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first, level, before = (Signal(name=name) for name in ("first", "level", "before"))
        timer = Signal(DIVISOR_BITS)
        low = Signal(range(BREAK + 1))
        left = Signal(range(11))
        shift = Signal(9)
        m.d.sync += [first.eq(self.line), level.eq(first), before.eq(level), self.valid.eq(0)]
        m.d.comb += [self.byte.eq(shift), self.broken.eq(low == BREAK)]
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += timer.eq(self.divisor - 1)
            m.d.sync += low.eq(Mux(level, 0, low + (low != BREAK)))
        with m.If((left == 0) & before & ~level):
            m.d.sync += [left.eq(10), timer.eq(self.divisor >> 1)]
        with m.Elif((left != 0) & (timer == 0)):
            m.d.sync += [left.eq(left - 1), shift.eq(Cat(shift[1:], level))]
            with m.If(left == 1):
                m.d.sync += self.valid.eq(level)
        return m


class Sender(wiring.Component):
    """The other direction: takes a byte when `valid` and `ready` are high."""

    def __init__(self) -> None:
        ports = {"line": Out(1), "divisor": In(DIVISOR_BITS), "byte": In(8), "valid": In(1), "ready": Out(1)}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer = Signal(DIVISOR_BITS)
        left = Signal(range(11))
        shift = Signal(10, init=0x3FF)
        idle = Signal(init=1)  # a register: all bytes of an answer move by it
        m.d.comb += [self.ready.eq(idle), self.line.eq(shift[0])]
        with m.If(idle), m.If(self.valid):
            m.d.sync += [
                shift.eq(Cat(Const(0, 1), self.byte, Const(1, 1))),
                left.eq(10),
                idle.eq(0),
                timer.eq(self.divisor - 1),
            ]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [
                shift.eq(Cat(shift[1:], Const(1, 1))),
                left.eq(left - 1),
                idle.eq(left == 1),
                timer.eq(self.divisor - 1),
            ]
        return m


class _Answer:
    """What is still to be sent, the first byte lowest; the register `free` is high when nothing is."""

    def __init__(self, m: Module, sender: Sender, most: int) -> None:
        self.bytes = Signal(8 * most, name="reply", reset_less=True)
        self.unsent = Signal(range(most + 1), name="unsent")
        self.free = Signal(init=1, name="free")
        m.d.comb += [sender.byte.eq(self.bytes), sender.valid.eq(~self.free)]
        with m.If(sender.valid & sender.ready):
            m.d.sync += [
                self.bytes.eq(self.bytes >> 8),
                self.unsent.eq(self.unsent - 1),
                self.free.eq(self.unsent == 1),
            ]

    def give(self, m: Module, when: Value, first: Value, rest: Value = NOTHING) -> None:
        """Once `free`: send a byte that holds `first`, then the bytes of `rest`.

        They are copied whether `when` is high or not: all of `bytes` is far from where that is known.
        """
        whole = Cat(first, Const(0, 8 - len(first)), rest)
        m.d.sync += self.bytes[: len(whole)].eq(whole)  # nobody asks what is above
        with m.If(when):
            m.d.sync += [self.unsent.eq(len(whole) // 8), self.free.eq(0)]


class _Count:
    """Counts down what is to come; `done` is a register and rises the second cycle after the last `less`."""

    def __init__(self, m: Module, most: int, name: str) -> None:
        self.left = Signal(range(most + 1), name=name)
        self.done = Signal(name=f"{name}_done")
        m.d.sync += self.done.eq(self.left == 0)

    def start(self, m: Module, count: Value | int) -> None:
        m.d.sync += [self.left.eq(count), self.done.eq(0)]

    def less(self, m: Module) -> None:
        m.d.sync += self.left.eq(self.left - 1)


class Bridge(wiring.Component):
    """Turns bytes into accesses, one command after another; a break returns it to its start.

    R address                  reads a register: answer and four bytes, the lowest first
    W address, four bytes      writes a register: answer
    S count (2 bytes), beats   sends a frame of `count` beats, each in whole bytes; no answer
    T count                    takes so many results, waiting for each: a byte that is its TLAST, its bytes

    The answer is 0 for OKAY and 2 for SLVERR. Ports are the far ends of `AxiEngine`'s; `rst` is
    active high.
    """

    def __init__(self, shape: BusWidths) -> None:
        self.shape = shape
        super().__init__(
            {
                "clk": In(1),
                "rst": In(1),
                "rx": In(1),
                "tx": Out(1),
                "divisor": In(DIVISOR_BITS),
                **ports("m_axis", AXIStream(shape.input_width, keep=True)),
                **ports("s_axis", AXIStream(sum(shape.result_widths), keep=True).flip()),
                **ports("m_axil", AXI4Lite(ADDRESS_BITS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain(local=True)
        m.submodules.receiver = receiver = Receiver()
        m.submodules.sender = sender = Sender()
        restart = Signal(init=1, reset_less=True)  # a register: it has far to go
        m.d.sync += restart.eq(self.rst | receiver.broken)
        m.d.comb += [
            domain.clk.eq(self.clk),
            domain.rst.eq(restart),
            receiver.line.eq(self.rx),
            receiver.divisor.eq(self.divisor),
            sender.divisor.eq(self.divisor),
            self.tx.eq(sender.line),
        ]
        answer = _Answer(m, sender, max(5, sum(self.shape.result_widths) // 8 + 1))
        arguments = Signal(40, reset_less=True)
        missing = _Count(m, max(5, self.shape.input_width // 8), "missing")
        beats = _Count(m, 0xFFFF, "beats")
        ready = Signal()  # high in the state RESULT
        m.d.comb += self.s_axis_tready.eq(ready)
        with m.FSM():
            self._command(m, receiver, arguments, missing, beats)
            self._read(m, arguments, answer)
            self._write(m, arguments, answer)
            self._send(m, receiver, missing, beats)
            self._take(m, beats, answer, ready)
        # Not in that state's branch: all of an answer is far from where the state is decoded.
        with m.If(ready):
            answer.give(m, self.s_axis_tvalid, self.s_axis_tlast, self.s_axis_tdata)
        return m

    def _command(
        self, m: Module, receiver: Receiver, arguments: Signal, missing: _Count, beats: _Count
    ) -> None:
        """A command's byte, then its arguments, then what it asks for."""
        command = Signal(8)
        with m.State("COMMAND"):
            m.d.sync += command.eq(receiver.byte)
            with m.If(receiver.valid), m.Switch(receiver.byte):
                for name, count in ARGUMENTS.items():
                    with m.Case(name):
                        missing.start(m, count)
                        m.next = "ARGUMENTS"
        with m.State("ARGUMENTS"):
            with m.If(receiver.valid):
                m.d.sync += arguments.eq(Cat(arguments[8:], receiver.byte))
                missing.less(m)
            with m.Elif(missing.done):
                beats.start(m, Mux(command == TAKE, arguments[32:], arguments[24:]))
                missing.start(m, self.shape.input_width // 8)
                m.next = "BEGIN"
        with m.State("BEGIN"), m.Switch(command):  # meanwhile `beats` knows whether there are any
            for name, state in ((READ, "READ"), (WRITE, "WRITE"), (SEND, "SEND"), (TAKE, "TAKE")):
                with m.Case(name):
                    m.next = state

    def _read(self, m: Module, arguments: Signal, answer: _Answer) -> None:
        m.d.comb += self.m_axil_araddr.eq(arguments[32:])
        with m.State("READ"):
            m.d.comb += self.m_axil_arvalid.eq(1)
            with m.If(self.m_axil_arready):
                m.next = "READ ANSWER"
        with m.State("READ ANSWER"), m.If(answer.free):
            m.d.comb += self.m_axil_rready.eq(1)
            answer.give(m, self.m_axil_rvalid, self.m_axil_rresp, self.m_axil_rdata)
            with m.If(self.m_axil_rvalid):
                m.next = "COMMAND"

    def _write(self, m: Module, arguments: Signal, answer: _Answer) -> None:
        address_taken = Signal()
        data_taken = Signal()
        m.d.comb += [
            self.m_axil_awaddr.eq(arguments),
            self.m_axil_wdata.eq(arguments[8:]),
            self.m_axil_wstrb.eq(0b1111),
        ]
        with m.State("WRITE"):
            m.d.comb += [
                self.m_axil_awvalid.eq(~address_taken),
                self.m_axil_wvalid.eq(~data_taken),
            ]
            with m.If(self.m_axil_awready):
                m.d.sync += address_taken.eq(1)
            with m.If(self.m_axil_wready):
                m.d.sync += data_taken.eq(1)
            with m.If(answer.free):
                m.d.comb += self.m_axil_bready.eq(1)
                answer.give(m, self.m_axil_bvalid, self.m_axil_bresp)
                with m.If(self.m_axil_bvalid):
                    m.d.sync += [address_taken.eq(0), data_taken.eq(0)]
                    m.next = "COMMAND"

    def _send(self, m: Module, receiver: Receiver, missing: _Count, beats: _Count) -> None:
        data = Signal(self.shape.input_width, reset_less=True)
        byte = Signal(8, reset_less=True)  # a register: all of `data` is near enough to it
        taken, offered, last = (Signal(name=name) for name in ("taken", "offered", "last"))
        near, shifted = Copies(), Cat(data, byte)[8:]
        m.d.sync += byte.eq(receiver.byte)
        for part in range(0, len(data), copies.BITS):
            bits = slice(part, part + copies.BITS)
            m.d.sync += data[bits].eq(Mux(near.of(taken, f"taken_{part}"), shifted[bits], data[bits]))
        near.build(m)
        m.d.comb += [
            self.m_axis_tdata.eq(data),
            self.m_axis_tkeep.eq(-1),
            self.m_axis_tlast.eq(last),
            self.m_axis_tvalid.eq(offered),
        ]
        with m.State("SEND"):
            with m.If(beats.done):
                m.next = "COMMAND"
            with m.Elif(receiver.valid):
                m.d.comb += taken.eq(1)
                missing.less(m)
            with m.Elif(missing.done):
                m.d.sync += [offered.eq(1), last.eq(beats.left == 1)]
                m.next = "OFFER"
        with m.State("OFFER"), m.If(self.m_axis_tready):
            m.d.sync += offered.eq(0)
            beats.less(m)
            missing.start(m, self.shape.input_width // 8)
            m.next = "SEND"

    def _take(self, m: Module, beats: _Count, answer: _Answer, ready: Signal) -> None:
        with m.State("TAKE"):
            with m.If(beats.done):
                m.next = "COMMAND"
            with m.Elif(answer.free):
                m.d.sync += ready.eq(1)
                m.next = "RESULT"
        with m.State("RESULT"), m.If(self.s_axis_tvalid):
            m.d.sync += ready.eq(0)
            beats.less(m)
            m.next = "TAKE"
