"""A LiteX SoC with an engine, driven by another project's bus manager: registers, images, interrupt."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotb_streams import Dut
from cocotbext.wishbone.driver import WBOp, WishboneMaster

from qsim_rtl.gateware.bus.registers import ADDRESS, INTERRUPTS, MASK

SCENARIO = json.loads(Path(os.environ["SCENARIO"]).read_text())
PLACES = json.loads((Path(os.environ["SCENARIO"]).parent / "csr.json").read_text())
ENGINE = PLACES["memories"][SCENARIO["name"]]["base"]
CSRS = PLACES["csr_registers"]
DONE = INTERRUPTS[0].mask
WIRES = {
    "datwr": "dat_w",
    "datrd": "dat_r",
    **{n: n for n in ("cyc", "stb", "we", "adr", "ack", "sel", "err")},
}


class Processor:
    """What software on the SoC would do."""

    def __init__(self, dut: Dut) -> None:
        self.dut = dut
        self.bus = WishboneMaster(dut, "host", dut.clk, timeout=100, signals_dict=WIRES)
        self.bus.log.setLevel("WARNING")

    async def start(self) -> Processor:
        Clock(self.dut.clk, 2, unit="ns").start()
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 3)
        self.dut.rst.value = 0
        await ClockCycles(self.dut.clk, 3)
        return self

    async def access(self, address: int, word: int | None = None) -> int:
        (answer,) = await self.bus.send_cycle([WBOp(address // 4, word)])
        assert answer.ack == 1, hex(address)
        return int(answer.datrd) if word is None else 0

    async def register(self, name: str, word: int | None = None) -> int:
        return await self.access(ENGINE + ADDRESS[name], word)

    async def csr(self, name: str, value: int | None = None) -> int:
        """A CSR of the streams, of as many words as it has, the highest first."""
        place = CSRS[f"{SCENARIO['name']}_{name}"]
        words = range(place["size"])
        if value is None:
            found = [await self.access(place["addr"] + 4 * k) for k in words]
            return sum(word << 32 * k for k, word in enumerate(reversed(found)))
        for k in words:
            await self.access(place["addr"] + 4 * k, value >> 32 * (place["size"] - 1 - k) & 0xFFFFFFFF)
        return 0

    async def send(self, beat: int, last: bool) -> None:
        while not await self.csr("streams_room"):
            pass
        await self.csr("streams_beat", beat)
        await self.csr("streams_send", int(last))

    async def take(self) -> tuple[int, int]:
        while not await self.csr("streams_available"):
            pass
        found = await self.csr("streams_result"), await self.csr("streams_last")
        await self.csr("streams_take", 1)
        return found

    async def answers(self, expected: list[str]) -> None:
        """Every result of every image, an image at a time."""
        beats, frame = SCENARIO["beats"], SCENARIO["frame_beats"]
        packet = len(expected) * frame // len(beats)
        for image in range(len(beats) // frame):
            for k, beat in enumerate(beats[image * frame : (image + 1) * frame]):
                await self.send(int(beat, 16), k == frame - 1)
            found = [await self.take() for _ in range(packet)]
            wanted = [int(word, 16) for word in expected[image * packet : (image + 1) * packet]]
            assert found == [(word, int(k == packet - 1)) for k, word in enumerate(wanted)]


@cocotb.test()
async def images_are_answered(dut: Dut) -> None:
    host = await Processor(dut).start()
    assert await host.register("ID") == 0x7173696D
    await host.answers(SCENARIO["expected"])
    assert await host.register("IMAGES") == len(SCENARIO["beats"]) // SCENARIO["frame_beats"]
    assert await host.register("STATUS") == MASK["VALID"]


@cocotb.test()
async def the_interrupt_arrives(dut: Dut) -> None:
    host = await Processor(dut).start()
    await host.register("INTERRUPT_ENABLE", DONE)
    assert await host.csr("ev_status") == 0
    await host.answers(SCENARIO["expected"])
    assert await host.csr("ev_status") == 1
    await host.register("INTERRUPT_PENDING", DONE)
    assert await host.csr("ev_status") == 0


@cocotb.test()
async def another_model_is_loaded(dut: Dut) -> None:
    """The last test: what is loaded stays, resets or not."""
    host = await Processor(dut).start()
    for register, word in SCENARIO["load"]:
        await host.register(register, word)
    assert await host.register("STATUS") == MASK["VALID"]
    await host.answers(SCENARIO["loaded"])
