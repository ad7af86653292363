import multiprocessing
import shutil
import sys
from importlib import util

import numpy as np
import pytest
from examples import expected, random_codes, random_model

from qsim import Layer, Model, QsimError
from qsim_rtl import EngineShape, Simulator, Timing, compare
from qsim_rtl.sim import (
    compare as comparison,
)
from qsim_rtl.sim import (
    cxxrtl as library,
)
from qsim_rtl.sim import (
    in_process as inprocess,
)
from qsim_rtl.sim import (
    toolchain,
)

MODEL = random_model(0, (6, 4, 3), 3, 7)
CODES = random_codes(0, MODEL, 20)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "qsim" / "rtl"


def libraries(cache):
    return list(cache.rglob("*.so"))


def simulate(_=None):
    return Simulator(MODEL, 2, 2, optimize=0).run(CODES)


def test_a_shape_is_compiled_once_for_all_its_models(empty_cache, monkeypatch):
    simulate()
    assert len(libraries(empty_cache)) == 1
    monkeypatch.setattr(library, "netlist", None)
    last = MODEL.layers[1]
    other = Model([MODEL.layers[0], Layer(last.weights[::-1], last.bias[::-1], last.bits)], MODEL.input)
    assert np.array_equal(Simulator(other, 2, 2, optimize=0).run(CODES).logits, expected(other, CODES).logits)


def test_a_failed_compilation_leaves_nothing(empty_cache, monkeypatch):
    monkeypatch.setattr(library, "netlist", lambda shape, writer: "this is no C++")
    with pytest.raises(QsimError, match=r"ended with status 1, not 0(.|\n)*error"):
        simulate()
    assert not libraries(empty_cache)


def test_two_processes_may_compile_the_same_shape(empty_cache):
    wanted = expected(MODEL, CODES).logits
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = pool.map(simulate, range(2))
    assert all(np.array_equal(result.logits, wanted) for result in results)
    assert len(libraries(empty_cache)) == 1


@pytest.fixture
def no_compiler_on_path(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    toolchain.cxx_version.cache_clear()
    yield
    toolchain.cxx_version.cache_clear()


@pytest.mark.slow  # its first use builds a C++ library
@pytest.mark.skipif(util.find_spec("ziglang") is None, reason="ziglang is not installed")
def test_the_compiler_from_pip_will_do(no_compiler_on_path):
    assert toolchain.cxx()[:3] == [sys.executable, "-m", "ziglang"]
    assert np.array_equal(simulate().logits, expected(MODEL, CODES).logits)


def test_no_compiler_at_all_is_said_plainly(no_compiler_on_path, monkeypatch):
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        QsimError, match=r"^no C\+\+ compiler was found; install g\+\+ or clang\+\+, or run `pip install"
    ):
        simulate()


@pytest.fixture(scope="module")
def simulator():
    return Simulator(MODEL, 2, 2, optimize=0)


def test_no_images_give_no_results(simulator):
    result = simulator.run(CODES[:0])
    assert (result.logits.shape, result.classes.shape, result.cycles) == ((0, 3), (0,), 0)
    assert [codes.shape for codes in result.hidden] == [(0, 4)]


def test_stalls_cost_cycles_and_the_same_seed_costs_the_same(simulator):
    free, slow, again = (simulator.run(CODES, stall, seed=5).cycles for stall in (0, 0.7, 0.7))
    timing = simulator.shape.timing()
    assert free <= timing.latency + 1 + (len(CODES) - 1) * timing.interval
    assert free < slow == again != simulator.run(CODES, 0.7, seed=6).cycles


@pytest.mark.parametrize("stall", [-0.1, 0.95, float("nan")])
def test_a_stall_out_of_range_is_refused(simulator, stall):
    with pytest.raises(QsimError, match=r"0 to 0\.9 is allowed"):
        simulator.run(CODES, stall)


def test_an_engine_that_stops_is_named_and_not_waited_for(simulator, monkeypatch):
    monkeypatch.setattr(EngineShape, "timing", lambda self: Timing(-32, 1))  # no patience at all
    with pytest.raises(QsimError, match="the engine hangs: 0 of 60 input beats and 0 results"):
        simulator.run(CODES)


def test_a_frame_that_is_lost_is_an_error(simulator, monkeypatch):
    data, last = simulator.beats(CODES)
    last[3, 0] = 1
    monkeypatch.setattr(simulator, "beats", lambda codes: (data, last))
    with pytest.raises(QsimError, match="in 19 frames; 20 images need"):
        simulator.run(CODES)


def test_an_equal_comparison(monkeypatch):
    monkeypatch.setattr(comparison, "FAST_PE", 2)
    monkeypatch.setattr(comparison, "FAST_SIMD", 2)
    found = compare(MODEL, CODES)
    assert found.equal
    assert (found.images, found.hidden, found.logits, found.classes, found.first) == (20, (0,), 0, 0, "")
    assert found.cycles > 0
    assert found.seconds > 0


def test_a_wrong_neuron_is_found_and_located(monkeypatch):
    first = MODEL.layers[0]
    weights = first.weights.copy()
    weights[2] = -weights[2]
    wrong = Model([Layer(weights, first.bias, first.bits, first.thresholds), MODEL.layers[1]], MODEL.input)
    monkeypatch.setattr(inprocess, "image", lambda model, shape, image=inprocess.image: image(wrong, shape))
    found = compare(MODEL, CODES, 2, 2)
    true, bad = expected(MODEL, CODES), expected(wrong, CODES)
    places = np.argwhere(true.hidden[0] != bad.hidden[0])
    i, j = places[0]
    assert not found.equal
    assert found.hidden == (len(places),)
    assert found.logits == np.count_nonzero(true.logits != bad.logits)
    assert found.classes == np.count_nonzero(true.classes != bad.classes)
    assert found.first == (
        f"image {i}: the code of layer 0, neuron {j} is {bad.hidden[0][i, j]} in the RTL, "
        f"{true.hidden[0][i, j]} in the model"
    )
