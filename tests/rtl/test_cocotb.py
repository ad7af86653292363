"""The generated Verilog in Verilator, against the specification: values, streams, errors, resets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from networks import mixed
from scenario import Scenario, images, network

from qsim import InputFormat, Model, from_onnx, load
from qsim_rtl.export import verilog
from qsim_rtl.sim import cocotb_run as simulate

HERE = Path(__file__).parent
MODELS = HERE.parents[1] / "models"
STALLS = [(0.0, 0.0), (0.4, 0.4)]

pytestmark = pytest.mark.usefixtures("simulator")


def play(
    scenario: Scenario,
    folder: Path,
    *,
    bench: str = "cocotb_frames",
    stall: tuple[float, float] = (0.4, 0.4),
    cycles: int = 100_000,
    monitor: bool = True,
    timeout: float = 120,
) -> None:
    """Write the engine of a scenario's model and run a bench on it."""
    verilog.write(scenario.model, folder, pe=scenario.pe, simd=scenario.simd, monitor=monitor)
    scenario.save(folder / "scenario.json", stall=stall, cycles=cycles, monitor=monitor)
    settings = {"SCENARIO": str(folder / "scenario.json")}
    simulate.run(folder, HERE / f"{bench}.py", timeout=timeout, settings=settings)


@pytest.mark.parametrize("kind", ["step", "relu", "sigmoid"])
@pytest.mark.parametrize("bits", range(1, 11))
def test_every_width_and_activation(bits: int, kind: str, tmp_path: Path) -> None:
    model = network((7, 5, 3), bits, kind, seed=bits)
    scenario = Scenario(model, pe=1 + bits % 3, simd=1 + bits % 4).frames(images(model, 10, seed=bits))
    play(scenario, tmp_path)


def test_an_imported_network(tmp_path: Path) -> None:
    """Another tool's file: signed inputs, thresholds for each neuron, neurons turned round."""
    model = from_onnx(mixed())
    play(Scenario(model, pe=2, simd=3).frames(images(model, 20, seed=0)), tmp_path)


ODD = {
    "one input": network((1, 3, 2), 4, "relu", seed=3),
    "one neuron": network((6, 1, 4), 3, "sigmoid", seed=3),
    "one output": network((9, 4, 1), 5, "relu", seed=3),
    "one of each": network((1, 1, 1), 1, "step", seed=3),
    "one layer": network((11, 4), 2, "relu", seed=3),
    "four layers": network((5, 6, 3, 7, 2), 4, "sigmoid", seed=3),
    "signed 16-bit input": network((2, 8, 3), 8, "sigmoid", seed=3, codes=InputFormat(16, True)),
    "1-bit input": network((13, 4, 3), 6, "relu", seed=3, codes=InputFormat(1)),
    "17 thresholds": network((5, 4, 3), 4, "coarse", seed=3),
    "17 thresholds for each neuron": network((5, 4, 3), 4, "coarse", seed=3, row_each=True),
    "two's complement": network((7, 5, 3), 3, "relu", seed=3, grid="twos_complement"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_shapes(name: str, tmp_path: Path) -> None:
    model = ODD[name]
    scenario = Scenario(model, pe=2, simd=2).frames(images(model, 12, seed=4))
    play(scenario, tmp_path)


def test_one_output_tells_the_sign_of_its_logit(tmp_path: Path) -> None:
    hidden, output = network((4, 3, 1), 2, "relu", seed=5).layers
    codes = images(Model((hidden, output), InputFormat(8)), 5, seed=6)
    for shift in (-1, 0):  # the largest logit is then -1, and 0
        bias = output.bias - Model((hidden, output), InputFormat(8)).logits(codes).max() + shift
        model = Model((hidden, replace(output, bias=bias)), InputFormat(8))
        scenario = Scenario(model).frames(codes)
        assert max(user for ((_, user, _),) in scenario.results) == 1 + shift
        play(scenario, tmp_path / str(shift))


def test_a_tie_goes_to_the_lowest_index(tmp_path: Path) -> None:
    hidden, output = network((4, 3, 6), 2, "relu", seed=7).layers
    pairs = [0, 1, 0, 2, 1, 2]  # each logit comes twice
    twins = replace(output, weights=output.weights[pairs], bias=output.bias[pairs])
    model = Model((hidden, twins), InputFormat(8))
    play(Scenario(model).frames(images(model, 20, seed=8)), tmp_path)


@pytest.mark.parametrize("stall", STALLS, ids=["flowing", "stalling"])
@pytest.mark.parametrize("simd", [1, 3, 7])
def test_frames_of_wrong_length_are_dropped(simd: int, stall: tuple[float, float], tmp_path: Path) -> None:
    """Every short length and some long ones, alone and two in a row, between good frames."""
    model = network((7, 5, 3), 4, "relu", seed=9)
    scenario = Scenario(model, simd=simd)
    right = scenario.frame_beats
    lengths = [*range(1, right), right + 1, right + 2, 2 * right, 3 * right + 1]
    wrong = [(n,) for n in lengths] + [(n, m) for n in lengths for m in (1, right + 1) if m != right]
    for codes, group in zip(images(model, len(wrong), seed=10), wrong, strict=False):
        for beats in group:
            scenario.wrong(beats)
        scenario.frames(codes[None])
    play(scenario, tmp_path, stall=stall)


@pytest.mark.parametrize("stall", STALLS, ids=["flowing", "stalling"])
@pytest.mark.parametrize("folding", [1, 2])
def test_reset_at_every_moment(folding: int, stall: tuple[float, float], tmp_path: Path) -> None:
    """In mid-frame, good or wrong, mid-computation, mid-result: nothing from before it comes after it."""
    model = network((5, 4, 3), 3, "coarse", seed=11, row_each=True)
    codes = images(model, 2, seed=12)
    scenario = Scenario(model, pe=folding, simd=folding)
    scenario.frames(codes[:2]).wrong(7).wrong(2).frames(codes[2:])
    play(scenario, tmp_path, bench="cocotb_reset", stall=stall, cycles=2000, monitor=False)


def test_a_large_engine_stalls_well(tmp_path: Path) -> None:
    model = network((784, 100, 10), 4, "sigmoid", seed=13)
    scenario = Scenario(model, pe=(20, 5), simd=(28, 4)).frames(images(model, 8, seed=14))
    play(scenario, tmp_path)


@pytest.mark.parametrize("name", ["mnist-relu-q1", "mnist-relu-q4", "mnist-relu-q10"])
def test_a_thousand_mnist_images(
    name: str, mnist_test: tuple[npt.NDArray[np.uint8], npt.NDArray[np.integer]], tmp_path: Path
) -> None:
    """Every logit, hidden code and class of the trained models, under light stalls."""
    model = load(MODELS / f"{name}.safetensors")
    scenario = Scenario(model, pe=(20, 5), simd=(28, 4)).frames(mnist_test[0][:1000].astype(np.int64))
    play(scenario, tmp_path, stall=(0.1, 0.1), cycles=1_000_000)
