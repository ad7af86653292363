"""Reset an engine wherever it happens to be; the frames after each reset must come out right."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from streams import Beat, Dut, receive, reset, send

PERIOD = 2  # ns
SCENARIO = json.loads(Path(os.environ["SCENARIO"]).read_text())


@cocotb.test()
async def resets(dut: Dut) -> None:
    """After 1, 2, 3, … cycles of the same traffic, from its first beat to its last result."""
    Clock(dut.clk, PERIOD, unit="ns").start()
    await reset(dut)
    expected = [Beat(*beat) for result in SCENARIO["results"] for beat in result]
    beats: list[Beat] = []
    length = 0
    while len(beats) < len(expected):
        length += 1
        assert length <= SCENARIO["cycles"], f"{len(beats)} of {len(expected)} beats in {length} cycles"
        beats = []
        receiving = cocotb.start_soon(receive(dut, beats, SCENARIO["stall"][1], seed=1))
        sending = cocotb.start_soon(send(dut, SCENARIO["beats"], SCENARIO["stall"][0], seed=2))
        await ClockCycles(dut.clk, length)
        sending.cancel()
        receiving.cancel()
        assert beats == expected[: len(beats)], f"reset before cycle {length}: {beats}, not {expected}"
        await reset(dut, cycles=1)
