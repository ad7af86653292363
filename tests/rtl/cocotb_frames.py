"""Play a scenario (`scenario.py`) on an engine: every logit, class, hidden code and error pulse."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotb.utils import get_sim_time
from cocotb_streams import LONG_PAUSE, Beat, Dut, receive, reset, send, strobed

PERIOD = 2  # ns
QUIET = 3 * LONG_PAUSE  # cycles at least, after the last result due, in which no other may come
SCENARIO = json.loads(Path(os.environ["SCENARIO"]).read_text())


def results(beats: list[Beat]) -> list[list[Beat]]:
    """Beats cut into frames after each that is marked as the last."""
    frames: list[list[Beat]] = [[]]
    for beat in beats:
        frames[-1].append(beat)
        if beat.last:
            frames.append([])
    return frames if frames[-1] else frames[:-1]


@cocotb.test()
async def frames(dut: Dut) -> None:
    Clock(dut.clk, PERIOD, unit="ns").start()
    await reset(dut)
    beats: list[Beat] = []
    short: list[int] = []
    long: list[int] = []
    hidden: list[list[int]] = [[] for _ in SCENARIO["hidden"]]
    cocotb.start_soon(receive(dut, beats, SCENARIO["stall"][1], seed=1))
    cocotb.start_soon(strobed(dut, "short_frame", "short_frame", short))
    cocotb.start_soon(strobed(dut, "long_frame", "long_frame", long))
    for layer, codes in enumerate(hidden):
        cocotb.start_soon(strobed(dut, f"code{layer}_valid", f"code{layer}", codes))
    sending = cocotb.start_soon(send(dut, SCENARIO["beats"], SCENARIO["stall"][0], seed=2))
    expected = [[Beat(*beat) for beat in result] for result in SCENARIO["results"]]
    count = sum(map(len, expected))

    while not sending.done() or len(beats) < count:
        await ClockCycles(dut.clk, QUIET)
        cycles = int(get_sim_time("ns") / PERIOD)
        assert cycles < SCENARIO["cycles"], f"{len(beats)} of {count} result beats in {cycles} cycles"
    await ClockCycles(dut.clk, QUIET)

    found = results(beats)
    for i, (want, got) in enumerate(zip(expected, found, strict=False)):
        assert got == want, f"result {i}: {got}, not {want}"
    assert len(found) == len(expected), f"{len(found)} results, not {len(expected)}"
    for layer, (want, got) in enumerate(zip(SCENARIO["hidden"], hidden, strict=True)):
        assert got == want, f"hidden codes of layer {layer} differ"
    assert len(short) == SCENARIO["short_frames"], f"short_frame was high in {len(short)} cycles"
    assert len(long) == SCENARIO["long_frames"], f"long_frame was high in {len(long)} cycles"
