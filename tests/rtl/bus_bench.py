"""An engine on its buses in Amaranth's simulator: a stream that never pauses, and accesses in its midst.

Every cycle is held against the rules of AXI4-Stream: what is offered stays until it is taken.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.sim import Simulator

from qsim import Model
from qsim_rtl.gateware.bus.registers import ADDRESS, MASK
from qsim_rtl.gateware.bus.top import AxiEngine
from qsim_rtl.memory.frames import decoded, encoded
from qsim_rtl.memory.pack import image
from qsim_rtl.shape.loadable import Loadable, crc

OKAY, SLVERR = 0, 2
PATIENCE = 400  # cycles in which an access must be answered


@dataclass
class Traffic:
    """What both streams do while accesses go on.

    `offered` : the share of cycles in which a new beat is offered, `taken` in which one is taken
    """

    offered: float = 1.0
    taken: float = 1.0
    seed: int = 0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)


class Bench:
    """One engine, driven cycle by cycle; `codes[k % len(codes)]` is the k-th frame that is sent."""

    def __init__(self, context: Any, engine: AxiEngine, codes: np.ndarray, traffic: Traffic) -> None:
        self.context, self.engine, self.traffic = context, engine, traffic
        data, last = encoded(engine.shape, codes)
        self.beats = [
            (int.from_bytes(beat.tobytes(), "little"), int(end)) for beat, end in zip(data, last, strict=True)
        ]
        self.keep: Callable[[int, int], int] = lambda data, last: (1 << len(engine.s_axis_tkeep)) - 1
        self.sent = 0  # beats taken by the engine
        self.packets: list[list[int]] = [[]]  # results, the last packet still open
        self.offering = False
        self.waiting: tuple[int, int] | None = None  # a result that was offered and not taken

    @property
    def frames(self) -> int:
        """Frames of which every beat was taken."""
        whole, rest = divmod(self.sent, len(self.beats))
        return sum(last for _, last in self.beats) * whole + sum(last for _, last in self.beats[:rest])

    async def cycle(self) -> None:
        """One clock cycle of both streams."""
        get, put, engine = self.context.get, self.context.set, self.engine
        chance = self.traffic.chance
        self.offering = self.offering or chance.random() < self.traffic.offered
        data, last = self.beats[self.sent % len(self.beats)]
        put(engine.s_axis_tvalid, self.offering)
        put(engine.s_axis_tdata, data)
        put(engine.s_axis_tlast, last)
        put(engine.s_axis_tkeep, self.keep(data, last) if self.offering else 0)
        ready = chance.random() < self.traffic.taken
        put(engine.m_axis_tready, ready)
        if get(engine.aresetn):
            if self.offering and get(engine.s_axis_tready):
                self.sent, self.offering = self.sent + 1, False
            result = None
            if get(engine.m_axis_tvalid):
                result = get(engine.m_axis_tdata), get(engine.m_axis_tlast)
            assert self.waiting in (None, result), "an offered result was changed or withdrawn"
            self.waiting = None if ready else result
            if ready and result is not None:
                self.packets[-1].append(result[0])
                if result[1]:
                    self.packets.append([])
        else:
            assert not get(engine.s_axis_tready), "ready in a reset"
            self.waiting = None
        await self.context.tick("bench")

    async def idle(self, cycles: int) -> None:
        for _ in range(cycles):
            await self.cycle()

    async def reset(self, cycles: int = 1) -> None:
        self.context.set(self.engine.aresetn, 0)
        await self.idle(cycles)
        self.context.set(self.engine.aresetn, 1)

    async def write(self, register: str | int, value: int) -> int:
        """A write of one word; its answer."""
        put, get, engine = self.context.set, self.context.get, self.engine
        put(engine.s_axil_awaddr, ADDRESS[register] if isinstance(register, str) else register)
        put(engine.s_axil_wdata, value)
        put(engine.s_axil_wstrb, 15)
        open_ = {"aw": engine.s_axil_awready, "w": engine.s_axil_wready}
        valid = {"aw": engine.s_axil_awvalid, "w": engine.s_axil_wvalid}
        put(engine.s_axil_bready, 1)
        for _ in range(PATIENCE):
            for name, signal in valid.items():
                put(signal, name in open_)
            open_ = {name: ready for name, ready in open_.items() if not get(ready)}
            answer = get(engine.s_axil_bresp) if get(engine.s_axil_bvalid) else None
            await self.cycle()
            for name, signal in valid.items():
                put(signal, name in open_)
            if answer is not None:
                return int(answer)
        raise AssertionError(f"the write to {register} is not answered")

    async def read(self, register: str | int) -> tuple[int, int]:
        """The word of a register, and the answer."""
        put, get, engine = self.context.set, self.context.get, self.engine
        put(engine.s_axil_araddr, ADDRESS[register] if isinstance(register, str) else register)
        put(engine.s_axil_rready, 1)
        put(engine.s_axil_arvalid, 1)
        for _ in range(PATIENCE):
            taken = get(engine.s_axil_arvalid) and get(engine.s_axil_arready)
            answer = None
            if get(engine.s_axil_rvalid):
                answer = get(engine.s_axil_rdata), get(engine.s_axil_rresp)
            await self.cycle()
            if taken:
                put(engine.s_axil_arvalid, 0)
            if answer is not None:
                return answer
        raise AssertionError(f"the read of {register} is not answered")

    async def status(self) -> set[str]:
        """Names of the bits of STATUS that are 1."""
        value, answer = await self.read("STATUS")
        assert answer == OKAY
        return {name for name, mask in MASK.items() if name not in COMMANDS and value & mask}

    async def until(self, name: str, reads: int = 100) -> None:
        """Read STATUS until a bit of it is 1."""
        for _ in range(reads):
            if name in await self.status():
                return
        raise AssertionError(f"{name} does not come in {reads} reads of STATUS")

    async def words(self, model: Model) -> None:
        """The words of a load and its CRC, all accepted."""
        words = self.engine.shape.words(model)
        for word in words.tolist():
            assert await self.write("LOAD_DATA", word) == OKAY
        assert await self.write("LOAD_CRC", crc(words)) == OKAY

    def answers(self) -> np.ndarray:
        """The logits (N, outputs) of all whole packets."""
        shape = self.engine.shape
        width = sum(shape.result_widths) // 8
        flat = b"".join(word.to_bytes(width, "little") for packet in self.packets[:-1] for word in packet)
        logits, _ = decoded(shape, np.frombuffer(flat, np.uint8).reshape(-1, width))
        return logits.reshape(len(self.packets) - 1, -1)


COMMANDS = {"LOAD", "CLEAR", "ACKNOWLEDGE", "FLUSH", "CANCEL"}


def run(
    model: Model,
    codes: np.ndarray,
    scenario: Callable[[Bench], Awaitable[None]],
    traffic: Traffic | None = None,
    **folding: Any,
) -> Bench:
    """Play a scenario on an engine that holds a model; what came of it."""
    shape = Loadable.of(model, **folding)
    engine = AxiEngine(shape)
    held = {"model_digest": [int(model.digest[k : k + 8], 16) for k in range(0, 64, 8)]}
    held |= {name: words.integers() for name, words in image(shape.embedded(model), shape.engine).items()}
    for name, memory in engine.memories.items():
        memory.init = held[name]
    top = Module()
    top.domains.bench = ClockDomain(reset_less=True)
    top.submodules.engine = engine
    top.d.comb += engine.aclk.eq(ClockSignal("bench"))
    benches = []

    async def play(context: Any) -> None:
        context.set(engine.aresetn, 0)
        benches.append(bench := Bench(context, engine, codes, traffic or Traffic()))
        await bench.reset(2)
        await scenario(bench)

    simulator = Simulator(top)
    simulator.add_clock(1e-6, domain="bench")
    simulator.add_testbench(play)
    simulator.run()
    return benches[0]
