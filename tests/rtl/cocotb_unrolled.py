"""An unrolled export on its streams, with both sides pausing at random: every logit and class, in order."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb_streams import Dut, pauses

SCENARIO = json.loads(Path(os.environ["SCENARIO"]).read_text())


async def send(dut: Dut, beats: list[int], stall: float) -> None:
    """Offer beats, hexadecimal, each with TLAST where the frame ends; an offer stays until it is taken."""
    clock, pause = RisingEdge(dut.aclk), pauses(stall, 1)
    for number, beat in enumerate(beats):
        while next(pause):
            dut.s_axis_tvalid.value = 0
            await clock
        dut.s_axis_tvalid.value = 1
        dut.s_axis_tdata.value = beat
        dut.s_axis_tlast.value = number % SCENARIO["frame_beats"] == SCENARIO["frame_beats"] - 1
        await clock
        while not dut.s_axis_tready.value:
            await clock
    dut.s_axis_tvalid.value = 0


async def receive(dut: Dut, results: list[int], stall: float) -> None:
    """Append each result, for ever; one that is not taken must stay as it is."""
    clock, pause, waiting = RisingEdge(dut.aclk), pauses(stall, 2), None
    while True:
        ready = not next(pause)
        dut.m_axis_tready.value = ready
        await clock
        if not dut.m_axis_tvalid.value:
            assert waiting is None, "a result was offered, not taken, and withdrawn"
            continue
        result = int(dut.m_axis_tdata.value)
        assert waiting in (None, result), "a result was offered, not taken, and changed"
        assert dut.m_axis_tlast.value
        waiting = None if ready else result
        if ready:
            results.append(result)


@cocotb.test()
async def images(dut: Dut) -> None:
    Clock(dut.aclk, 2, unit="ns").start()
    for port in ("s_axis_tvalid", "m_axis_tready", "s_axil_awvalid", "s_axil_wvalid", "s_axil_arvalid"):
        getattr(dut, port).value = 0
    dut.s_axis_tkeep.value = (1 << len(dut.s_axis_tkeep)) - 1
    dut.aresetn.value = 0
    await ClockCycles(dut.aclk, 3)
    dut.aresetn.value = 1
    results: list[int] = []
    expected = [int(line, 16) for line in SCENARIO["expected"]]
    cocotb.start_soon(receive(dut, results, SCENARIO["stall"]))
    cocotb.start_soon(send(dut, [int(line, 16) for line in SCENARIO["beats"]], SCENARIO["stall"]))
    for _ in range(SCENARIO["cycles"]):
        await RisingEdge(dut.aclk)
        if len(results) >= len(expected):
            break
    await ClockCycles(dut.aclk, 300)
    assert results == expected
