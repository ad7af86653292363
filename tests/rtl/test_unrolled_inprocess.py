"""The unrolled engine compiled into this process: whole test sets, every hidden code, logit and class."""

from pathlib import Path

import numpy as np
import pytest
from examples import random_codes, random_model

import qsim
from qsim import QsimError, data
from qsim.robustness.evaluate import matches_spec
from qsim_rtl.gateware.unrolled import blocks
from qsim_rtl.sim.unrolled import UnrolledSimulator

MODELS = Path(__file__).parents[2] / "models"
pytestmark = pytest.mark.usefixtures("compiler")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """What is compiled with other blocks than usual is not kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def check(model, codes, simulator, stall=0.0):
    outcome, trace = simulator.run(codes, stall), model.trace(codes)
    assert np.array_equal(outcome.logits, trace.logits)
    assert np.array_equal(outcome.classes, model.predict(codes))
    assert len(outcome.hidden) == len(model.layers) - 1
    for found, wanted in zip(outcome.hidden, trace.hidden, strict=True):
        assert np.array_equal(found, wanted)
    engine = simulator.engine
    if not stall:
        assert outcome.latency == engine.latency
        assert outcome.cycles == engine.latency + (len(codes) - 1) * engine.interval + 1


@pytest.mark.parametrize("interval", [pytest.param(1, marks=pytest.mark.slow), 5])
def test_a_graph_of_many_blocks(interval, own_cache, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 7)
    model = random_model(interval, (6, 7, 4), bits=3, levels=7, per_neuron=True)
    codes = random_codes(interval, model, 200)
    assert matches_spec(model, codes)  # the kernel stands for the specification
    simulator = UnrolledSimulator(model, interval=interval, optimize=0)
    for stall in (0.0, 0.4):
        check(model, codes, simulator, stall)
    with pytest.raises(QsimError, match=r"stall is 1; 0 to 0.9 is allowed"):
        simulator.run(codes, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["digits-step-q1", "digits-relu-q2", "digits-sigmoid-q4", "digits-sparse-q4"]
)
def test_all_digits(name):
    model, codes = qsim.load(MODELS / f"{name}.safetensors"), data.digits("test")[0]
    assert matches_spec(model, codes[::30])
    simulator = UnrolledSimulator(model, optimize=0)
    check(model, codes, simulator)
    check(model, codes[:100], simulator, stall=0.3)


@pytest.mark.slow
def test_a_large_model_by_bits(mnist_test):
    """Unoptimised: the compiler's time grows faster than the array otherwise."""
    model, (codes, _) = qsim.load(MODELS / "mnist-step-q1.safetensors"), mnist_test
    simulator = UnrolledSimulator(model, interval=18, optimize=0)
    assert simulator.engine.interval == 18
    check(model, codes[:20], simulator)
