"""An engine on Wishbone, spoken to by a master that others wrote: every register, refusals, a load."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotb_streams import Dut
from cocotbext.wishbone.driver import WBOp, WishboneMaster

from qsim_rtl.gateware.bus.registers import ADDRESS, MASK, READ, REGISTERS

SCENARIO = json.loads(Path(os.environ["SCENARIO"]).read_text())
WIRES = {
    "datwr": "dat_w",
    "datrd": "dat_r",
    **{n: n for n in ("cyc", "stb", "we", "adr", "ack", "sel", "err")},
}
ACK, ERR = 1, 2


class Master:
    def __init__(self, dut: Dut) -> None:
        self.dut = dut
        self.bus = WishboneMaster(dut, "s_wb", dut.aclk, timeout=20, signals_dict=WIRES)
        self.bus.log.setLevel("WARNING")

    async def start(self) -> Master:
        Clock(self.dut.aclk, 2, unit="ns").start()
        self.dut.s_axis_tvalid.value = self.dut.m_axis_tready.value = 0
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 3)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 1)
        return self

    async def cycle(self, *accesses: WBOp) -> list[tuple[int, int]]:
        """Accesses in one cycle of the bus, one after another: the answer and the data of each."""
        answers = await self.bus.send_cycle(list(accesses))
        return [(int(each.ack), int(each.datrd)) for each in answers]

    async def read(self, name: str) -> int:
        ((answer, word),) = await self.cycle(WBOp(ADDRESS[name] // 4))
        assert answer == ACK, name
        return word

    async def write(self, name: str, word: int, sel: int = 15) -> int:
        ((answer, _),) = await self.cycle(WBOp(ADDRESS[name] // 4, word, sel=sel))
        return answer


@cocotb.test()
async def every_word_of_the_map(dut: Dut) -> None:
    master = await Master(dut).start()
    mapped = {register.address for register in SCENARIO_REGISTERS}
    answers = await master.cycle(*(WBOp(word) for word in range(32)))
    assert [answer for answer, _ in answers] == [ACK if 4 * k in mapped else ERR for k in range(32)]
    assert answers[0][1] == 0x7173696D
    digest = "".join([f"{await master.read(f'DIGEST{k}'):08x}" for k in range(8)])
    assert digest == SCENARIO["digest"]


@cocotb.test()
async def what_is_refused_is_told(dut: Dut) -> None:
    master = await Master(dut).start()
    for register in SCENARIO_REGISTERS:
        if register.access == READ:
            assert await master.write(register.name, 0) == ERR
    for sel in range(15):
        assert await master.write("QUIET", 1, sel) == ERR
    assert await master.read("STATUS") == MASK["VALID"] | MASK["ILLEGAL"]
    assert await master.write("QUIET", 1) == ACK
    assert await master.write("ID", 0) == ACK
    assert await master.write("CONTROL", MASK["ACKNOWLEDGE"]) == ACK
    assert await master.read("STATUS") == MASK["VALID"] | MASK["NO_SLVERR"]


@cocotb.test(skip=not SCENARIO["load"])
async def a_model_is_loaded_in_one_cycle_of_the_bus(dut: Dut) -> None:
    """The last test: what is loaded stays. Every access follows the one before without a pause."""
    master = await Master(dut).start()
    writes = [WBOp(ADDRESS[name] // 4, word) for name, word in SCENARIO["load"]]
    assert {answer for answer, _ in await master.cycle(*writes)} == {ACK}
    assert await master.read("STATUS") == MASK["VALID"]
    assert f"{await master.read('DIGEST0'):08x}" == f"{SCENARIO['load'][2][1]:08x}"


SCENARIO_REGISTERS = [each for each in REGISTERS if each.name in SCENARIO["registers"]]
