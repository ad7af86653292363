"""A board of an export in Amaranth's simulator, behind an object that looks like pyserial's."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from qsim_rtl.gateware.bus.axi import Ports
from qsim_rtl.gateware.bus.top import AxiEngine
from qsim_rtl.gateware.bus.uart import Bridge
from qsim_rtl.shape.loadable import Loadable

DIVISOR = 4


class Board(wiring.Component):
    """What the generated `board_*.v` joins: the engine and the bridge."""

    def __init__(self, shape: Loadable) -> None:
        self.shape = shape
        super().__init__({"rx": In(1, init=1), "tx": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.board = domain = ClockDomain()
        m.submodules.engine = engine = AxiEngine(self.shape, preloaded=False)
        m.submodules.bridge = bridge = Bridge(self.shape)
        m.d.comb += [
            engine.aclk.eq(domain.clk),
            engine.aresetn.eq(1),
            bridge.clk.eq(domain.clk),
            bridge.divisor.eq(DIVISOR),
            bridge.rx.eq(self.rx),
            self.tx.eq(bridge.tx),
        ]
        frames, results, registers = engine.s_axis, engine.m_axis, engine.registers
        wiring.connect(m, Ports(bridge, "m_axis", frames), Ports(engine, "s_axis", frames.flip()))
        wiring.connect(m, Ports(engine, "m_axis", results), Ports(bridge, "s_axis", results.flip()))
        wiring.connect(m, Ports(bridge, "m_axil", registers), Ports(engine, "s_axil", registers.flip()))
        return m


class SimulatedLine:
    """Writes and reads bytes bit by bit; a read gives up after `patience` cycles of silence."""

    def __init__(self, shape: Loadable, patience: int = 4000) -> None:
        self.board, self.patience = Board(shape), patience
        self.simulator = Simulator(self.board)
        self.simulator.add_clock(1e-6, domain="board")
        self.outgoing = [1] * 4  # levels, one a bit time; a line rests high
        self.incoming = bytearray()
        self.quiet = 0
        self.bits: list[int] = []  # of the byte that comes in
        self.wait = 0  # cycles to the middle of its next bit
        self.simulator.add_testbench(self._run, background=True)

    async def _run(self, context) -> None:
        while True:
            context.set(self.board.rx, self.outgoing.pop(0) if self.outgoing else 1)
            for _ in range(DIVISOR):
                await context.tick("board")
                self._listen(context.get(self.board.tx))

    def _listen(self, level: int) -> None:
        """Each cycle: wait for a start bit, then take the middle of each bit."""
        if self.wait:
            self.wait -= 1
            return
        if not self.bits and level:
            self.quiet += 1
            return
        self.bits.append(level)
        self.wait = DIVISOR - 1
        if len(self.bits) == 1:
            self.wait += DIVISOR // 2
        if len(self.bits) == 10:
            assert level == 1, "no stop bit"
            self.incoming.append(sum(bit << k for k, bit in enumerate(self.bits[1:9])))
            self.bits, self.wait, self.quiet = [], 0, 0

    def write(self, data: bytes) -> None:
        for byte in data:
            self.outgoing += [0, *(byte >> k & 1 for k in range(8)), 1]

    def hold_low(self, bits: int) -> None:
        self.outgoing += [0] * bits + [1] * 3

    def read(self, size: int) -> bytes:
        self.quiet = 0
        while len(self.incoming) < size and self.quiet < self.patience:
            if self.outgoing:
                self.quiet = 0
            self.simulator.advance()
        data, self.incoming = bytes(self.incoming[:size]), self.incoming[size:]
        return data
