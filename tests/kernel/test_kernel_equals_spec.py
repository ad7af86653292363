"""The kernel gives the integers of the specification: enumerated where small, by random shapes elsewhere."""

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from examples import random_codes, random_model
from hypothesis import given, settings
from hypothesis import strategies as st

from qsim import InputFormat, Layer, Model, spec
from qsim.kernel.thresholds.forms import find_staircase, find_table

JIT_OFF = os.environ.get("NUMBA_DISABLE_JIT") == "1"


def assert_equal(model: Model, codes: np.ndarray) -> None:
    """Kernel and spec agree on every hidden code, logit and class."""
    trace, expected = model.trace(codes), list(spec.trace(model, codes))
    assert trace.logits.tolist() == [logits for _, logits in expected]
    for i, hidden in enumerate(trace.hidden):
        assert hidden.tolist() == [layers[i] for layers, _ in expected]
    assert model.logits(codes).tolist() == trace.logits.tolist()
    assert model.predict(codes).tolist() == [spec.classify(logits) for _, logits in expected]


@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
@pytest.mark.parametrize("bits", [1, 2])
def test_every_network_of_two_inputs_one_neuron_and_one_output_on_every_input(bits: int, grid: str) -> None:
    stored = range(-(1 << bits - 1), 1 << bits - 1)
    values = [spec.weight(s, grid) for s in stored]
    images = np.array(list(product(range(4), repeat=2)))
    for first, second, out in product(values, repeat=3):
        for bias, threshold in product((-1, 0), (-2, 0, 1)):
            hidden = Layer([[first, second]], [bias], bits, [threshold, threshold + 2], grid)
            model = Model((hidden, Layer([[out]], [0], bits, grid=grid)), InputFormat(2))
            assert_equal(model, images)


@settings(max_examples=20 if JIT_OFF else 150)
@given(
    seed=st.integers(0, 2**32),
    shape=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    bits=st.integers(1, 10),
    levels=st.sampled_from([1, 2, 3, 7, 17, 255, 300]),
    grid=st.sampled_from(["odd", "twos_complement"]),
    form=st.builds(InputFormat, st.integers(1, 16), st.booleans()),
    per_neuron=st.booleans(),
    images=st.integers(1, 9),
)
def test_random_networks(
    seed: int,
    shape: list[int],
    bits: int,
    levels: int,
    grid: str,
    form: InputFormat,
    per_neuron: bool,
    images: int,
) -> None:
    model = random_model(seed, tuple(shape), bits, levels, grid=grid, form=form, per_neuron=per_neuron)
    assert_equal(model, random_codes(seed, model, images))


@pytest.mark.parametrize("bits", range(1, 11))
@pytest.mark.parametrize("levels", [1, 255])
def test_the_papers_network_at_every_width(bits: int, levels: int) -> None:
    model = random_model(bits, (784, 100, 10), bits, levels)
    assert_equal(model, random_codes(bits, model, 2 if JIT_OFF else 4))


def test_accumulators_that_need_64_bits() -> None:
    top = (1 << 16) - 1
    layer = Layer(np.full((1, 70), top), [1 << 60], bits=16, thresholds=[(1 << 60) + 1, 1 << 61])
    model = Model((layer, Layer([[1]], [0], bits=1)), InputFormat(16))
    codes = np.array([[0] * 70, [top] * 70])
    assert_equal(model, codes)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64, np.uint64])
def test_any_integer_type_and_layout_of_input(dtype: type[np.integer]) -> None:
    model = random_model(4, (6, 5, 3))
    codes = random_codes(4, model, 8).astype(dtype)
    for variant in (codes, np.asfortranarray(codes), codes[::2], codes.tolist()):
        assert_equal(model, np.asarray(variant))


def test_results_do_not_depend_on_threads_or_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(5, (20, 16, 5), 4, 255)
    codes = random_codes(5, model, 3000).astype(np.uint8)
    whole = model.logits(codes)
    pieces = np.concatenate([model.logits(codes[i : i + 100]) for i in range(0, len(codes), 100)])
    assert np.array_equal(whole, pieces)
    for count in ("1", "2", "5"):
        monkeypatch.setenv("QSIM_THREADS", count)
        assert np.array_equal(model.logits(codes), whole)


@given(start=st.integers(-500, 500), step=st.fractions(0.1, 90), count=st.integers(1, 255))
def test_a_staircase_is_taken_only_where_it_is_the_thresholds(start: int, step: float, count: int) -> None:
    thresholds = [start + int(k * step) for k in range(count)]
    layer = Layer([[1]], [0], bits=1, thresholds=thresholds)
    bounds = (min(thresholds) - 50, max(thresholds) + 50)
    stairs = find_staircase(layer, bounds)
    if stairs is not None:
        for acc in range(bounds[0], bounds[1] + 1, max(1, (bounds[1] - bounds[0]) // 3000)):
            code = min(max((acc * stairs.slope + stairs.offset) >> stairs.shift, 0), stairs.max_code)
            assert code == spec.activate(acc, thresholds)


def test_even_thresholds_get_a_staircase_and_uneven_ones_none() -> None:
    def stairs(thresholds: list[int]) -> object:
        layer = Layer([[1]], [0], bits=1, thresholds=thresholds)
        return find_staircase(layer, (-(10**6), 10**6))

    assert stairs([-(-(2 * k - 1) * 15 * 255 // 32) for k in range(1, 256)])
    assert stairs([0])
    assert not stairs([0, 1, 100])


@given(
    starts=st.lists(st.integers(-(1 << 20), 1 << 20) | st.just(-(1 << 31) + 1), min_size=1, max_size=3),
    gaps=st.lists(st.integers(1, 3000), min_size=1, max_size=60),
)
def test_a_table_is_the_thresholds(starts: list[int], gaps: list[int]) -> None:
    rows = np.array([start + np.cumsum([0, *gaps]) for start in starts])
    table = find_table(rows)
    if table is None:
        return
    for row, entries in zip(rows, table.entries.tolist(), strict=True):
        for acc in {value + more for value in row.tolist() for more in (-1, 0, 1)} | {-(1 << 31), 1 << 31}:
            value = min(max(acc, table.low), table.high)
            entry = entries[(value >> table.shift) - (table.low >> table.shift)]
            assert (entry + value) % (1 << 32) >> table.shift == spec.activate(acc, row.tolist())


def test_a_sigmoid_gets_a_table_and_crowded_thresholds_none() -> None:
    smooth = np.ceil(5000 * np.log(np.arange(1, 256) / np.arange(255, 0, -1))).astype(np.int64)
    assert find_table(smooth[None])
    assert not find_table(np.array([[1, 2, 10**6]]))
    assert not find_table(np.array([[1, 1, 10**6]]))


@pytest.mark.skipif(JIT_OFF, reason="this is the run without the JIT")
def test_the_same_without_compilation() -> None:
    tests = ["test_random_networks", "test_accumulators_that_need_64_bits", "test_any_integer_type"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", " or ".join(tests)],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
