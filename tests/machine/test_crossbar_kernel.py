"""The crossbar's fast loops give the specification's integers, every column's code included."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from examples import random_codes, random_model
from hypothesis import given, settings
from hypothesis import strategies as st

from qsim import InputFormat, Model, spec
from qsim.machine import crossbar_spec
from qsim.machine.crossbar import Adc, Mapping, Noise
from qsim.machine.crossbar_mapping import put_on_tiles
from qsim.machine.crossbar_run import column_codes


def random_tiles(seed: int, unit_bits: int, style: str, noisy: bool, whole: bool, kind: str) -> Model:
    """A model of random shape, tiles, cells and converters: even, uneven or each its own."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 9, rng.integers(2, 4)).tolist())
    grid = ("odd", "twos_complement")[seed % 2]
    form = InputFormat(int(rng.integers(1, 10)), bool(seed // 2 % 2))
    model = random_model(seed, shape, int(rng.integers(1, 7)), grid=grid, form=form)
    rows, cols, cell_bits, digit_bits = (int(rng.integers(a, b)) for a, b in ((1, 9), (2, 6), (1, 4), (1, 4)))
    mapping = Mapping(rows, cols, cell_bits, digit_bits, style, unit_bits)
    mapped = put_on_tiles(model, mapping, noise=Noise.of(mapping.unit * 1.5, seed % 2**32) if noisy else None)
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
@settings(max_examples=150)
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


@pytest.mark.parametrize("noisy", [False, True])
def test_every_column_code(noisy: bool) -> None:
    model = random_tiles(8, 3, "offset", noisy, False, "each")
    codes = random_codes(1, model, 3)
    watched = column_codes(model, codes, 5)
    inputs = [codes, *model.trace(codes, 5).hidden]
    for i, (layer, array) in enumerate(zip(model.layers, watched, strict=True)):
        assert layer.crossbar is not None
        assert array is not None
        for image, own in enumerate(inputs[i].tolist()):
            low, high = model.code_range(i)
            for t, s, g, read in crossbar_spec.columns_read(layer.crossbar, own, low, high, i, 5 + image):
                assert array[image, t, s, g].tolist() == read


def test_noise_depends_on_the_image_number_alone() -> None:
    """Whatever batch an image comes in, however many threads share it."""
    model = random_tiles(3, 6, "differential", True, True, "even")
    codes = np.repeat(random_codes(3, model, 3)[2:], 3000, axis=0)
    logits = model.logits(codes, 10)
    assert len(np.unique(logits, axis=0)) > 1
    for start, stop in ((0, 1), (255, 258), (1000, 2999)):
        assert (model.logits(codes[start:stop], 10 + start) == logits[start:stop]).all()


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_tiles(3, 6, "offset", True, False, "even")
    codes = random_codes(3, model, 5000)
    monkeypatch.setenv("QSIM_THREADS", "1")
    alone = model.logits(codes)
    monkeypatch.setenv("QSIM_THREADS", "3")
    assert (model.logits(codes) == alone).all()


def test_a_layer_may_stay_ideal() -> None:
    model = random_model(4, (6, 5, 3))
    codes = random_codes(4, model, 4)
    for layers in ([0], [1]):
        mapped = put_on_tiles(model, Mapping(rows=4, cols=3), layers=layers)
        assert (mapped.logits(codes) == model.logits(codes)).all()
        assert sum(array is None for array in column_codes(mapped, codes)) == 1
