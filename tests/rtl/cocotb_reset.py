"""Reset an engine wherever it happens to be; the frames after each reset must come out right."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotb_streams import Beat, Dut, receive, reset, send

PERIOD = 2  # ns
SCENARIO = json.loads(Path(os.environ["SCENARIO"]).read_text())


@cocotb.test()
async def resets(dut: Dut) -> None:
    """Reset after 1, 2, 3, … cycles of the same traffic, up to its end; play all of it after each."""
    Clock(dut.clk, PERIOD, unit="ns").start()
    await reset(dut)
    expected = [Beat(*beat) for result in SCENARIO["results"] for beat in result]

    async def play(cycles: int) -> list[Beat]:
        """The result beats of so many cycles of traffic, or of all of it if that is sooner."""
        beats: list[Beat] = []
        receiving = cocotb.start_soon(receive(dut, beats, SCENARIO["stall"][1], seed=1))
        sending = cocotb.start_soon(send(dut, SCENARIO["beats"], SCENARIO["stall"][0], seed=2))
        while cycles and not (sending.done() and len(beats) == len(expected)):
            await RisingEdge(dut.clk)
            cycles -= 1
        sending.cancel()
        receiving.cancel()
        await reset(dut, cycles=1)
        return beats

    beats: list[Beat] = []
    length = 0
    while len(beats) < len(expected):
        length += 1
        beats = await play(length)
        assert beats == expected[: len(beats)], f"{length} cycles give {beats}, not {expected}"
        beats_after = await play(SCENARIO["cycles"])
        assert beats_after == expected, f"after a reset in cycle {length}: {beats_after}, not {expected}"
