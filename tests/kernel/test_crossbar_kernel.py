"""The crossbar's fast loops give the specification's integers, every column's code included."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import random_codes, random_model
from hypothesis import given, settings
from hypothesis import strategies as st

from qsim import InputFormat, Layer, Model, spec
from qsim.crossbar.converters import evenly
from qsim.crossbar.mapping import map_to_crossbar
from qsim.jit import parallel
from qsim.kernel.crossbar import plan as crossbar_run
from qsim.kernel.crossbar.executor import column_codes
from qsim.kernel.sweep.api import smallest_fooling_step, sweep
from qsim.model.crossbar import Adc, Crossbar, Mapping, Noise
from qsim.spec import crossbar as crossbar_spec

JIT_OFF = os.environ.get("NUMBA_DISABLE_JIT") == "1"


def random_tiles(seed: int, unit_bits: int, style: str, noisy: bool, whole: bool, kind: str) -> Model:
    """A model of random shape, tiles, cells and converters: even, uneven or each its own."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 9, rng.integers(2, 4)).tolist())
    grid = ("odd", "twos_complement")[seed % 2]
    form = InputFormat(int(rng.integers(1, 10)), bool(seed // 2 % 2))
    model = random_model(seed, shape, int(rng.integers(1, 7)), grid=grid, form=form)
    rows, cols, cell_bits, digit_bits = (int(rng.integers(a, b)) for a, b in ((1, 9), (2, 6), (1, 4), (1, 4)))
    mapping = Mapping(rows, cols, cell_bits, digit_bits, style, unit_bits)
    mapped = map_to_crossbar(
        model, mapping, noise=Noise.of(mapping.unit * 1.5, seed % 2**32) if noisy else None
    )
    layers = []
    for layer in mapped.layers:
        crossbar: Any = layer.crossbar
        cells = crossbar.cells
        if not whole:
            cells = rng.integers(0, (mapping.top << unit_bits) + 5, cells.shape)
        slices, _, columns = cells.shape
        most = rows * (mapping.top << unit_bits) * ((1 << digit_bits) - 1)
        step = int(rng.integers(1, max(2, most // 3)))
        adc = Adc(-(most // 8) + step * np.arange(1, int(rng.integers(2, 20))), -(most // 8), step)
        if kind == "uneven":
            adc = Adc(np.sort(rng.integers(-5, most + 5, 7)), 0, step)
        if kind == "each":
            thresholds = np.sort(rng.integers(-5, most + 5, (slices, columns, 7)), axis=2)
            adc = Adc(thresholds, rng.integers(-5, 6, slices), rng.integers(1, 9, slices))
        layers.append(replace(layer, crossbar=replace(crossbar, cells=cells, adc=adc)))
    return replace(mapped, layers=tuple(layers))


@given(
    seed=st.integers(0, 2**40),
    unit_bits=st.integers(0, 6),
    style=st.sampled_from(["offset", "differential"]),
    noisy=st.booleans(),
    whole=st.booleans(),
    kind=st.sampled_from(["even", "uneven", "each"]),
    first=st.sampled_from([0, 1, 77, 2**32 - 2, 2**40]),
)
@settings(max_examples=25 if JIT_OFF else 150)
def test_random_tiles(
    seed: int, unit_bits: int, style: str, noisy: bool, whole: bool, kind: str, first: int
) -> None:
    model = random_tiles(seed, unit_bits, style, noisy, whole, kind)
    codes = random_codes(seed, model, 3)
    expected = list(spec.trace(model, codes.tolist(), first))
    trace = model.trace(codes, first)
    assert [h.tolist() for h in trace.hidden] == [
        list(h) for h in zip(*(h for h, _ in expected), strict=True)
    ]
    assert trace.logits.tolist() == [logits for _, logits in expected]
    assert model.logits(codes, first).tolist() == trace.logits.tolist()
    assert model.predict(codes, first).tolist() == spec.predict(model, codes.tolist(), first)
    for low, high in model.bounds[-1:]:
        assert low <= trace.logits.min()
        assert trace.logits.max() <= high


def check_every_code(model: Model, codes: Any) -> None:
    """Every column's code and the logits, against the specification."""
    assert model.logits(codes, 5).tolist() == spec.logits(model, codes.tolist(), 5)
    watched = column_codes(model, codes, 5)
    inputs = [codes, *model.trace(codes, 5).hidden]
    for i, (layer, array) in enumerate(zip(model.layers, watched, strict=True)):
        assert layer.crossbar is not None
        assert array is not None
        for image, own in enumerate(inputs[i].tolist()):
            low, high = model.code_range(i)
            for t, s, g, read in crossbar_spec.columns_read(layer.crossbar, own, low, high, i, 5 + image):
                assert array[image, t, s, g].tolist() == read


@pytest.mark.parametrize("noisy", [False, True])
def test_every_column_code(noisy: bool) -> None:
    model = random_tiles(8, 3, "offset", noisy, False, "each")
    check_every_code(model, random_codes(1, model, 3))


def way(model: Model) -> tuple[str, str, str]:
    """How the first layer's currents become codes; in which types its currents and a tile's sums are."""
    tiles = crossbar_run.prepare(model).tiles[0]
    assert tiles is not None
    names = {"halves": tiles.converters.zero, "tables": tiles.converters.tables}
    name = next((name for name, array in names.items() if len(array)), "words")
    return name, tiles.cells.dtype.name, np.dtype(tiles.part_type).name


SIX_BITS = evenly(6, np.array([0]), np.array([131]))
# how it is done, largest cell and what all are multiples of, converter, bits of an input
WAYS: dict[str, tuple[tuple[str, str, str], int, int, Adc, int]] = {
    "whole levels": (("halves", "uint8", "uint16"), 64, 64, SIX_BITS, 8),
    "perturbed cells": (("halves", "uint16", "uint16"), 150, 1, SIX_BITS, 8),
    "a range for each slice": (
        ("halves", "uint16", "uint16"), 150, 1, evenly(5, np.array([20, -30]), np.array([9, 17])), 8),
    "steps far apart": (
        ("tables", "uint16", "uint16"), 150, 1, evenly(6, np.array([0, 0]), np.array([2, 999])), 8),
    "steps of one": (("halves", "uint16", "uint16"), 150, 1, evenly(8, np.array([-3]), np.array([1])), 8),
    "one threshold": (("halves", "uint16", "uint16"), 150, 1, Adc([99], 0, 1), 8),
    "currents that need 17 bits": (
        ("words", "int32", "uint16"), 32767, 1, evenly(3, np.array([0]), np.array([16384])), 8),
    "a converter beyond 15 bits": (
        ("words", "uint16", "uint16"), 150, 1, evenly(6, np.array([33000]), np.array([131])), 8),
    "sums that need 17 bits": (
        ("halves", "uint16", "int64"), 150, 1, evenly(9, np.array([0]), np.array([1])), 8),
    "uneven": (("tables", "uint8", "uint16"), 64, 64, Adc([64, 100, 128, 200], 0, 1), 8),
    "uneven, repeated": (("tables", "uint16", "uint16"), 150, 1, Adc([70, 70, 90], 0, 1), 8),
    "uneven, with currents that need 17 bits": (
        ("tables", "int32", "uint16"), 32767, 1, Adc([-7, 5000, 40000, 99999], 0, 1), 8),
}  # fmt: skip


@pytest.mark.parametrize("rows", [16, 37, 128])
def test_long_tiles_drive_their_own_rows(rows: int) -> None:
    """Rows go sixteen together: tiles that end within sixteen, images whose next one begins there."""
    model = random_model(5, (83, 6, 3), 4, form=InputFormat(8))
    mapped = map_to_crossbar(model, Mapping(rows, 6))
    codes = random_codes(5, model, 6)
    check_every_code(mapped, codes)
    assert (mapped.logits(codes) == model.logits(codes)).all()  # lossless


@pytest.mark.parametrize("noisy", [False, True], ids=["quiet", "noisy"])
@pytest.mark.parametrize("name", WAYS)
def test_every_way_from_currents_to_codes(name: str, noisy: bool) -> None:
    """Chosen where it is proved and nowhere else; `words` and `tables` take over, narrow types and wide."""
    expected, top, every, adc, bits = WAYS[name]
    rng = np.random.default_rng(len(name))
    mapping = Mapping(rows=4, cols=40, unit_bits=6)
    layer = Layer(rng.integers(-1, 2, (20, 9)), np.zeros(20, int), 2, grid="twos_complement")
    cells = rng.integers(0, top // every + 1, (2, 9, mapping.columns(20))) * every
    noise = Noise.of(30.0, 3) if noisy else None
    model = Model((replace(layer, crossbar=Crossbar(mapping, cells, adc, noise)),), InputFormat(bits))
    assert way(model) == expected
    check_every_code(model, random_codes(1, model, 2))


@pytest.mark.parametrize("missing", [["_halves"], ["_halves", "_lines"]], ids=["words", "tables"])
@pytest.mark.parametrize("noisy", [False, True], ids=["quiet", "noisy"])
def test_slower_ways_give_the_same(missing: list[str], noisy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for whole in (False, True):
        model = random_tiles(6, 6, "differential", noisy, whole, "even")
        codes = random_codes(2, model, 50)
        assert way(model)[0] == "halves"
        with monkeypatch.context() as patched:
            for name in missing:
                patched.setattr(crossbar_run, name, lambda *_: None)
            slow = replace(model)
            assert way(slow)[0] == ("words" if len(missing) == 1 else "tables")
            assert (slow.logits(codes) == model.logits(codes)).all()


@given(
    steps=st.lists(st.integers(1, 700), min_size=1, max_size=3),
    first=st.integers(-3000, 9000),
    count=st.integers(1, 300),
    reach=st.tuples(st.integers(-5000, 0), st.integers(0, 40000)),
)
def test_halves_are_the_thresholds(steps: list[int], first: int, count: int, reach: tuple[int, int]) -> None:
    """In 16 bits as the loops compute, on every current within reach."""
    flat = first + np.array(steps)[:, None] * np.arange(count)
    found = crossbar_run._halves(flat, reach)
    if found is None:
        return
    zeros, slopes, shift = found
    currents = np.arange(reach[0], reach[1] + 1).astype(np.int16)
    for row, zero, slope in zip(flat, zeros.astype(np.int16), slopes.astype(np.uint16), strict=True):
        above = (currents - zero).clip(0).astype(np.uint32)
        codes = (above * slope >> 16 >> shift).clip(max=count)
        assert (codes == np.searchsorted(row, np.arange(reach[0], reach[1] + 1), "right")).all()


@pytest.mark.parametrize("bits", range(1, 9))
def test_converters_of_whole_tiles_have_halves(bits: int) -> None:
    """128 rows of 1-bit cells in 64ths of a level, whatever the range."""
    for full in range((1 << bits) - 1, 8200, 97):
        adc = evenly(bits, np.array([full // 9]), np.array([-(-full // ((1 << bits) - 1))]))
        assert crossbar_run._halves(adc.thresholds[0], (-600, 9000)) is not None


@pytest.mark.skipif(JIT_OFF, reason="this is the run without the JIT")
def test_the_same_without_compilation() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", __file__],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    (passed,) = re.findall(r"(\d+) passed, 1 skipped", done.stdout)  # all but this one
    assert int(passed) > 40


def test_noise_depends_on_the_image_number_alone() -> None:
    """Whatever batch an image comes in, however many threads share it."""
    model = random_tiles(3, 6, "differential", True, True, "even")
    codes = np.repeat(random_codes(3, model, 3)[2:], 300 if JIT_OFF else 3000, axis=0)
    logits = model.logits(codes, 10)
    assert len(np.unique(logits, axis=0)) > 1
    for start, stop in ((0, 1), (255, 258), (len(codes) // 3, len(codes) - 1)):
        assert (model.logits(codes[start:stop], 10 + start) == logits[start:stop]).all()


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_tiles(3, 6, "offset", True, False, "even")
    codes = random_codes(3, model, 150 if JIT_OFF else 5000)
    monkeypatch.setattr(parallel, "ALONE", 100)  # so that few images are shared too
    monkeypatch.setattr(parallel, "SMALLEST", 40)
    monkeypatch.setenv("QSIM_THREADS", "1")
    alone = model.logits(codes)
    monkeypatch.setenv("QSIM_THREADS", "3")
    assert (model.logits(codes) == alone).all()


def test_a_layer_may_stay_ideal() -> None:
    model = random_model(4, (6, 5, 3))
    codes = random_codes(4, model, 4)
    for layers in ([0], [1]):
        mapped = map_to_crossbar(model, Mapping(rows=4, cols=3), layers=layers)
        assert (mapped.logits(codes) == model.logits(codes)).all()
        assert sum(array is None for array in column_codes(mapped, codes)) == 1


def test_a_sweep_of_strengths_sees_the_tiles() -> None:
    model = random_tiles(5, 6, "offset", True, False, "even")
    codes = random_codes(5, model, 5 if JIT_OFF else 20)
    signs = np.random.default_rng(5).integers(-1, 2, codes.shape)
    steps, (low, high) = [0, 1, 3, 9, 1000], (model.input.low, model.input.high)
    direct = [spec.predict(model, (codes + s * signs).clip(low, high).tolist()) for s in steps]
    assert sweep(model, codes, signs, steps).T.tolist() == direct
    labels = np.array(direct[0])
    every = np.array([model.predict((codes + s * signs).clip(low, high)) for s in range(10)])
    first = np.where((every != labels).any(0), (every != labels).argmax(0), -1)
    assert smallest_fooling_step(model, codes, signs, labels, 9).tolist() == first.tolist()
