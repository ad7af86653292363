"""The cocotb runner can fail, says why, and builds once for all models of a shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scenario import Scenario, images, network

from qsim import InputFormat, Model, QsimError
from qsim_rtl.export import verilog
from qsim_rtl.sim import cocotb_run as simulate
from qsim_rtl.sim import verilator as verilate

HERE = Path(__file__).parent
HIDDEN, OUTPUT = network((4, 3, 2), 2, "relu", seed=20, codes=InputFormat(3)).layers
MODEL = Model(  # its thresholds, one for each integer, let no change of an accumulator pass unseen
    (replace(HIDDEN, thresholds=np.arange(-127, 128)), OUTPUT), InputFormat(3)
)

pytestmark = pytest.mark.usefixtures("simulator")


def engine(folder: Path, model: Model = MODEL) -> dict[str, str]:
    """Write an engine and a scenario; the settings that play it."""
    verilog.write(model, folder, monitor=True)
    Scenario(model).frames(images(model, 20, seed=21)).save(
        folder / "scenario.json", stall=(0.0, 0.0), cycles=2000, monitor=True
    )
    return {"SCENARIO": str(folder / "scenario.json")}


def play(folder: Path, settings: dict[str, str]) -> str:
    return simulate.run(folder, HERE / "cocotb_frames.py", timeout=60, settings=settings)


def test_models_of_one_shape_share_one_build(tmp_path: Path) -> None:
    other = Model((MODEL.layers[0], replace(OUTPUT, bias=OUTPUT.bias - 1)), MODEL.input)
    play(tmp_path / "a", engine(tmp_path / "a"))
    play(tmp_path / "b", engine(tmp_path / "b", other))
    assert verilate.build(tmp_path / "a") == verilate.build(tmp_path / "b")
    with pytest.raises(QsimError, match="frames failed"):
        play(tmp_path / "b", engine(tmp_path / "a"))


@pytest.mark.parametrize(
    ("memory", "bit"),
    [("layer0_weights", 0), ("layer0_bias", 0), ("threshold0_stage0", 4), ("layer1_weights", 0)],
)
def test_one_wrong_bit_is_noticed(memory: str, bit: int, tmp_path: Path) -> None:
    settings = engine(tmp_path)
    file = tmp_path / f"{memory}.mem"
    first, *rest = file.read_text().split()
    file.write_text("\n".join([f"{int(first, 16) ^ 1 << bit:x}", *rest]))
    with pytest.raises(QsimError, match="frames failed"):
        play(tmp_path, settings)


def test_a_bench_without_tests_is_no_success(tmp_path: Path) -> None:
    settings = engine(tmp_path)
    bench = tmp_path / "empty.py"
    bench.write_text("")
    with pytest.raises(QsimError, match=r"empty\.py ran no test"):
        simulate.run(tmp_path, bench, timeout=60, settings=settings)


def test_a_bench_that_hangs_is_ended(tmp_path: Path) -> None:
    settings = engine(tmp_path)
    bench = tmp_path / "endless.py"
    bench.write_text(
        "import cocotb\n\n@cocotb.test()\nasync def endless(dut):\n    while True:\n        pass\n"
    )
    with pytest.raises(QsimError, match="took more than 5 s"):
        simulate.run(tmp_path, bench, timeout=5, settings=settings)


def test_a_folder_without_verilog_is_named(tmp_path: Path) -> None:
    with pytest.raises(QsimError, match="holds no Verilog"):
        verilate.build(tmp_path)


def test_verilog_that_is_none_repeats_what_verilator_says(tmp_path: Path) -> None:
    (tmp_path / "bad.v").write_text("module engine(input clk; endmodule")
    with pytest.raises(QsimError, match=r"verilator_bin ended with status \d+(.|\n)*syntax error"):
        verilate.build(tmp_path)
