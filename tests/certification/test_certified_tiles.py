"""Layers on crossbar tiles: what is certified holds for every image, whatever cells and converters do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from examples import random_codes, random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from small_boxes import contested, images_around

import qsim
from qsim import InputFormat, Model
from qsim.certification import checker, run, tiles
from qsim.certification.branch import Effort
from qsim.certification.certificate import certificate_of, packed
from qsim.certification.network import plain
from qsim.crossbar.converters import with_converters
from qsim.crossbar.mapping import map_to_crossbar
from qsim.errors import QsimError
from qsim.model.crossbar import MAX_CELL, Mapping, Noise

STEP = Path(__file__).parents[2] / "models" / "digits-step-q4.safetensors"
Case = tuple[Model, npt.NDArray[np.int64], int]


@st.composite
def mappings(draw: st.DrawFn) -> Mapping:
    return Mapping(
        rows=draw(st.integers(1, 5)),
        cols=draw(st.integers(2, 5)),
        cell_bits=draw(st.integers(1, 3)),
        digit_bits=draw(st.integers(1, 4)),
        style=draw(st.sampled_from(["offset", "differential"])),
        unit_bits=draw(st.integers(0, 2)),
    )


@st.composite
def mapped(draw: st.DrawFn) -> Case:
    """A model of which at least one layer is on tiles, an image and a radius."""
    inputs, depth = draw(st.integers(1, 4)), draw(st.integers(0, 2))
    hidden = draw(st.lists(st.integers(2, 4), min_size=depth, max_size=depth))
    form = InputFormat(draw(st.integers(1, 5)), draw(st.booleans()))
    grid, seed = draw(st.sampled_from(["odd", "twos_complement"])), draw(st.integers(0, 10**6))
    shape = (inputs, *hidden, draw(st.integers(1, 3)))
    model = random_model(seed, shape, bits=3, levels=3, grid=grid, form=form, per_neuron=draw(st.booleans()))
    on_tiles = draw(st.sets(st.integers(0, depth), min_size=1))
    model = map_to_crossbar(model, draw(mappings()), layers=on_tiles)
    image = np.array([draw(st.integers(form.low, form.high)) for _ in range(inputs)], np.int64)
    return model, image, draw(st.integers(0, 2))


def disturbed(model: Model, seed: int, most: int) -> Model:
    """Cells off by up to `most` units."""
    rng, layers = np.random.default_rng(seed), []
    for layer in model.layers:
        if layer.crossbar is not None:
            off = rng.integers(-most, most + 1, layer.crossbar.cells.shape)
            cells = np.clip(layer.crossbar.cells + off, 0, MAX_CELL)
            layer = replace(layer, crossbar=replace(layer.crossbar, cells=cells))
        layers.append(layer)
    return replace(model, layers=tuple(layers))


def verdict_of(model: Model, image: npt.NDArray[np.int64], radius: int, label: int) -> str:
    """What is found, with its evidence: the judge confirms proofs, the model runs witnesses."""
    certifier = tiles.TiledCertifier(model)
    found = certifier.decide(image, label, radius, Effort(1000))
    network = certifier.network(label)
    made = certificate_of(network, 0, image, label, radius, found)
    assert checker.check(checker.Network(plain(network)), packed(made)) == found.verdict
    if found.witness is not None:
        assert np.abs(found.witness - image).max() <= radius
        assert model.predict(found.witness[None])[0] != label
    return found.verdict


@settings(max_examples=60)
@given(mapped())
def test_without_loss_the_verdict_is_that_of_enumeration(case: Case) -> None:
    model, image, radius = case
    found = set(model.predict(images_around(model, image, radius)).tolist())
    label = int(model.predict(image[None])[0])
    assert verdict_of(model, image, radius, label) == ("robust" if found == {label} else "broken")


@settings(max_examples=120)
@given(
    mapped(), st.integers(1, 5), st.sampled_from(["max", "granular"]), st.integers(0, 3), st.integers(0, 99)
)
def test_what_is_certified_holds_for_every_image(
    case: Case, bits: int, fit: str, off: int, seed: int
) -> None:
    model, image, radius = case
    model = disturbed(with_converters(model, bits, fit), seed, off)
    around = images_around(model, image, radius)
    model = contested(model, around, -(seed % 3))
    found = set(model.predict(around).tolist())
    label = int(model.predict(image[None])[0])
    for other in range(model.classes):
        if verdict_of(model, image, radius, other) == "robust":
            assert found == {other} == {label}


@given(mapped(), st.integers(1, 5), st.integers(0, 3), st.integers(0, 99))
def test_the_ranges_of_logits_hold(case: Case, bits: int, off: int, seed: int) -> None:
    """Of the last layer alone; the least and the largest rounding are those of exact division."""
    model = disturbed(with_converters(case[0], bits), seed, off)
    last = replace(model, layers=model.layers[-1:], input=InputFormat(3, signed=bool(seed % 2)))
    codes = random_codes(seed, last, 50)
    sums = tiles.sums_of(last.layers[0], 0, last.input.low, last.input.high)
    real, products = sums.unit * last.logits(codes), codes @ sums.weights.T
    assert (products + sums.low - sums.rounding[1] <= real).all()
    assert (real <= products + sums.high - sums.rounding[0]).all()


@pytest.mark.parametrize(
    ("thresholds", "step", "currents", "error"),
    [
        ([1, 2, 3], 1, (3, 1), (0, 0)),
        ([1, 2, 3], 1, (5, 1), (-2, 0)),
        ([2, 6], 4, (7, 1), (-1, 2)),
        ([2, 6], 4, (8, 4), (0, 0)),
        ([2, 2], 1, (3, 1), (-1, 0)),
        ([1], 1, (0, 1), (0, 0)),
        ([-1, 0], 1, (0, 1), (2, 2)),
    ],
)
def test_how_far_a_converter_is_off(
    thresholds: list[int], step: int, currents: tuple[int, int], error: tuple[int, int]
) -> None:
    assert tiles.error_of(np.array(thresholds, np.int64), 0, step, *currents) == error


def test_a_digit_on_tiles_is_certified_from_files(tmp_path: Path) -> None:
    model = with_converters(map_to_crossbar(qsim.load(STEP), Mapping(rows=16, cell_bits=2, digit_bits=2)), 6)
    plan = run.Plan({"tiled": model}, qsim.data.load("digits", "test"), (0,), 6, Effort(50))
    rows = run.run(plan, tmp_path, lambda *_: None)
    assert [row["digest"] for row in rows] == [model.digest] * 6
    judged = list(run.judged(tmp_path))
    assert len(judged) == 6
    assert not any(why for _, why in judged)


def test_read_noise_is_refused() -> None:
    model = map_to_crossbar(qsim.load(STEP), Mapping(), noise=Noise.of(0.5))
    with pytest.raises(QsimError, match="layer 0 has read noise; only networks without it can be certified"):
        qsim.certify(model, np.zeros((1, 64), int), np.zeros(1, int), 1)
