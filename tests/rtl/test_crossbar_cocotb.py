"""Networks on tiles as Verilog in Verilator: every column code, and defects written while it runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from crossbar_models import Devices, mnist_on_tiles, tiled
from random_models import random_codes
from scenario import Scenario
from test_crossbar_mnist import kernel_may_stand_for_the_specification

import qsim
from qsim import Model
from qsim.kernel.crossbar.executor import column_codes
from qsim.model.crossbar import Mapping
from qsim_rtl import EngineShape
from qsim_rtl.export import verilog
from qsim_rtl.memory.column_order import in_hardware_order
from qsim_rtl.memory.pack import image, pack
from qsim_rtl.sim import cocotb_run as simulate

HERE = Path(__file__).parent

pytestmark = pytest.mark.usefixtures("simulator")


def play(
    written: Model,
    model: Model,
    codes: np.ndarray,
    folder: Path,
    *,
    pe: int,
    simd: int,
    stall: float = 0.3,
    first: int = 0,
    write: bool = True,
    timeout: float = 120,
) -> None:
    """Write the Verilog of one model, put the cells of another in through its ports, and check the other."""
    shape = EngineShape.of(model, pe, simd, monitor=True)
    assert shape == EngineShape.of(written, pe, simd, monitor=True)
    verilog.write(written, folder, pe=pe, simd=simd, monitor=True)
    scenario = Scenario(model, pe=pe, simd=[layer.simd for layer in shape.layers])
    for row in codes:
        scenario._beats(row)
    trace, reads = model.trace(codes, first), column_codes(model, codes, first)
    columns = {}
    for i, folded in shape.mapped:
        lanes = in_hardware_order(reads[i], model.layers[i], folded)
        masks = [[(1 << folded.adc_bits) - 1 if used else 0 for used in row] for row in lanes[1]]
        columns[i] = (
            pack(np.array(masks), folded.adc_bits).integers(),
            pack(lanes[0], folded.adc_bits).integers(),
        )
    content = {
        "beats": scenario.beats,
        "results": [results(row) for row in trace.logits.tolist()],
        "columns": columns,
        "cells": {i: changed_cells(written, model, shape, i) for i, _ in shape.mapped if write},
        "first_image": first if shape.noisy else None,
        "stall": stall,
        "cycles": 100 + round((len(codes) + 2) * shape.timing().latency * (1 + 40 * stall)),
    }
    (folder / "scenario.json").write_text(json.dumps(content))
    settings = {"SCENARIO": str(folder / "scenario.json")}
    simulate.run(folder, HERE / "cocotb_crossbar.py", timeout=timeout, settings=settings)


def results(logits: list[int]) -> list[tuple[int, int, int]]:
    """(logit, class so far, last) of each result beat."""
    return [
        (
            logit,
            qsim.spec.classify(logits[: j + 1]) if len(logits) == 1 or j else 0,
            int(j == len(logits) - 1),
        )
        for j, logit in enumerate(logits)
    ]


def changed_cells(old: Model, new: Model, shape: EngineShape, layer: int) -> list[tuple[int, int, int]]:
    """(bank, address, word) of every word of cells in which two models differ."""
    before, after = image(old, shape), image(new, shape)
    banks = [name for name in after if name.startswith(f"layer{layer}_columns_cells")]
    return [
        (bank, address, word)
        for bank, name in enumerate(banks)
        for address, (was, word) in enumerate(
            zip(before[name].integers(), after[name].integers(), strict=True)
        )
        if was != word
    ]


CASES = {
    "offset": (Mapping(4, 4, 2, 3, "offset", 3), Devices("stuck", "column"), 2, 2),
    "differential, noise": (Mapping(3, 6, 1, 1, "differential", 4), Devices("spread", "both", 1 << 18), 3, 1),
}


@pytest.mark.parametrize("name", CASES)
def test_column_codes_and_results(name: str, tmp_path: Path) -> None:
    mapping, devices, pe, simd = CASES[name]
    model = tiled((7, 5, 3), mapping, devices, input_bits=5, signed=True)
    codes = random_codes(model, 12)
    kernel_may_stand_for_the_specification(model, codes)
    play(model, model, codes, tmp_path, pe=pe, simd=simd, first=0 if name == "offset" else 2**32 - 3)


def test_defects_written_through_the_ports(tmp_path: Path) -> None:
    model = tiled((6, 5, 3), Mapping(4, 4, 2, 2, "offset", 2), Devices("spread"), input_bits=4)
    layers = []
    for layer in model.layers:
        cells = layer.crossbar.cells.copy()
        cells[:, ::2, ::3] = 12 - cells[:, ::2, ::3].clip(0, 12)
        layers.append(replace(layer, crossbar=replace(layer.crossbar, cells=cells)))
    faulty = Model(layers, model.input)
    codes = random_codes(model, 6)
    assert not np.array_equal(faulty.logits(codes), model.logits(codes))
    play(model, faulty, codes, tmp_path, pe=2, simd=2)
    with pytest.raises(qsim.QsimError, match="crossbar failed"):
        play(model, faulty, codes, tmp_path / "unwritten", pe=2, simd=2, write=False)


@pytest.mark.slow  # some minutes
@pytest.mark.parametrize("adc_bits", [5, 6, 8])
def test_fifty_mnist_images(adc_bits: int, mnist_test: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    model = mnist_on_tiles(qsim.load("models/mnist-relu-q4.safetensors"), adc_bits)
    codes = mnist_test[0][:50].astype(int)
    kernel_may_stand_for_the_specification(model, codes[:1])
    play(model, model, codes, tmp_path, pe=4, simd=32, stall=0.0, timeout=900)
