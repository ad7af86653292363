"""The engine on AXI under cocotbext-axi and Verilator: protocol, reloading, refusals, resets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import qsim
from qsim_rtl.export import folder as export
from qsim_rtl.sim import cocotb_run as simulate

HERE = Path(__file__).parent
MODELS = [
    str(HERE.parent.parent / f"models/digits-{name}.safetensors")
    for name in ("relu-q4", "step-q1", "sigmoid-q8")
]
FOLDING = {"pe": 25, "simd": 8, "bits": 8}


@pytest.mark.usefixtures("simulator")
def test_the_bus(tmp_path: Path) -> None:
    settings = export.Settings(*FOLDING.values(), vectors=1, name="qsim")
    made = export.files(qsim.load(MODELS[0]), settings)
    for name, content in made.items():
        if name == "qsim.v" or name.endswith(".mem"):
            (tmp_path / name).write_bytes(content)
    codes = qsim.data.load("digits", "test").codes[:200].tolist()
    scenario = tmp_path / "scenario.json"
    scenario.write_text(json.dumps({"models": MODELS, "codes": codes, **FOLDING}))
    simulate.run(tmp_path, HERE / "cocotb_axi.py", timeout=400, settings={"SCENARIO": str(scenario)})
