"""Play a scenario (`scenario.py`) on an engine: every logit, class, hidden code and error pulse."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, with_timeout
from streams import Beat, Dut, count, receive, reset, send, strobes

PERIOD = 2  # ns
QUIET = 64  # cycles after the last expected result in which no other may come
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
    pulses = {name: [0] for name in ("short_frame", "long_frame")}
    hidden: list[list[int]] = [[] for _ in SCENARIO["hidden"]]
    cocotb.start_soon(receive(dut, beats, SCENARIO["stall"][1], seed=1))
    for name in pulses:
        cocotb.start_soon(count(dut, name, pulses[name]))
    for layer, codes in enumerate(hidden):
        cocotb.start_soon(strobes(dut, layer, codes))
    sending = cocotb.start_soon(send(dut, SCENARIO["beats"], SCENARIO["stall"][0], seed=2))
    expected = [[Beat(*beat) for beat in result] for result in SCENARIO["results"]]

    async def finish() -> None:
        await sending
        while len(beats) < sum(map(len, expected)):
            await ClockCycles(dut.clk, 16)

    await with_timeout(finish(), SCENARIO["cycles"] * PERIOD, "ns")
    await ClockCycles(dut.clk, QUIET)

    found = results(beats)
    for i, (want, got) in enumerate(zip(expected, found, strict=False)):
        assert got == want, f"result {i}: {got}, not {want}"
    assert len(found) == len(expected), f"{len(found)} results, not {len(expected)}"
    for layer, (want, got) in enumerate(zip(SCENARIO["hidden"], hidden, strict=True)):
        assert got == want, f"hidden codes of layer {layer} differ"
    for name, (got,) in pulses.items():
        assert got == SCENARIO[name], f"{name} was high in {got} cycles, not {SCENARIO[name]}"
