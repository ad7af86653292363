"""Play traffic on an engine with tiles: cells written first, then every column code, logit and class."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.utils import get_sim_time
from cocotb_streams import Beat, Dut, receive, reset, send, strobed

PERIOD = 2  # ns
SCENARIO = json.loads(Path(os.environ["SCENARIO"]).read_text())


async def write_cells(dut: Dut, layer: str, words: list[list[int]]) -> None:
    """Write words (bank, address, word) of a layer's cells, one a cycle."""
    port = {name: getattr(dut, f"cells{layer}_{name}") for name in ("enable", "bank", "address", "word")}
    port["enable"].value = 1
    for bank, address, word in words:
        port["bank"].value, port["address"].value, port["word"].value = bank, address, word
        await RisingEdge(dut.clk)
    port["enable"].value = 0


@cocotb.test()
async def crossbar(dut: Dut) -> None:
    Clock(dut.clk, PERIOD, unit="ns").start()
    for layer in SCENARIO["columns"]:
        getattr(dut, f"cells{layer}_enable").value = 0
    if SCENARIO["first_image"] is not None:
        dut.first_image.value = SCENARIO["first_image"]
    await reset(dut)
    for layer, words in SCENARIO["cells"].items():
        await write_cells(dut, layer, words)

    beats: list[Beat] = []
    columns: dict[str, list[int]] = {layer: [] for layer in SCENARIO["columns"]}
    cocotb.start_soon(receive(dut, beats, SCENARIO["stall"], seed=1))
    for layer, read in columns.items():
        cocotb.start_soon(strobed(dut, f"columns{layer}_valid", f"columns{layer}", read))
    cocotb.start_soon(send(dut, SCENARIO["beats"], SCENARIO["stall"], seed=2))
    expected = [Beat(*beat) for result in SCENARIO["results"] for beat in result]
    while len(beats) < len(expected):
        await ClockCycles(dut.clk, 100)
        cycles = int(get_sim_time("ns") / PERIOD)
        assert cycles < SCENARIO["cycles"], f"{len(beats)} of {len(expected)} results in {cycles} cycles"
    await ClockCycles(dut.clk, 300)

    assert beats == expected
    for layer, (masks, wanted) in SCENARIO["columns"].items():
        found = columns[layer]
        assert len(found) == len(wanted), f"{len(found)} reads of layer {layer}, not {len(wanted)}"
        for n, (code, word) in enumerate(zip(found, wanted, strict=True)):
            assert code & masks[n % len(masks)] == word, f"layer {layer}, read {n}: {code:x}, not {word:x}"
