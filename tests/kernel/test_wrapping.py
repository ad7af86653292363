"""Accumulators that wrap around: the same integers in specification, kernels, file and hardware."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import expected, random_codes, random_model

from qsim import Mapping, Model, QsimError, load, spec, sweep
from qsim.certification.network import arrays_of
from qsim.crossbar.mapping import map_to_crossbar
from qsim.executors import executor
from qsim.exporters.api import to_onnx
from qsim.kernel import isa

SHAPES = [((5, 4, 3), 3), ((30, 9, 6, 4), 8), ((20, 1), 12)]


def wrapping(model: Model, less: int = 2) -> Model:
    """The model with accumulators some bits narrower than its sums."""
    layers = []
    for layer, bits in zip(model.layers, model.accumulator_bits, strict=True):
        half, rows = 1 << bits - less - 1, layer.thresholds
        narrow = None if rows is None else rows.clip(-half, half - 1)
        layers.append(replace(layer, thresholds=narrow, wrap_bits=bits - less))
    return replace(model, layers=layers)


@pytest.mark.parametrize(("acc", "wrapped"), [(7, 7), (8, -8), (-8, -8), (-9, 7), (23, 7), (-40, -8)])
def test_the_lowest_bits_are_left(acc: int, wrapped: int) -> None:
    assert spec.wrap(acc, 4) == wrapped
    assert spec.wrap(acc, None) == acc


@pytest.mark.parametrize(("shape", "bits"), SHAPES)
@pytest.mark.parametrize("name", isa.available())
def test_kernels_wrap_as_the_specification(shape: tuple[int, ...], bits: int, name: str) -> None:
    plain = random_model(1, shape, bits, per_neuron=True)
    model, codes = wrapping(plain), random_codes(2, plain, 300)
    wanted = expected(model, codes)
    assert (wanted.logits != expected(plain, codes).logits).any()
    found = executor(model, name).logits(model.checked(codes))
    assert np.array_equal(found, wanted.logits)


def test_all_strengths_of_a_sweep_wrap() -> None:
    model = wrapping(random_model(4, (30, 9, 4), 8))
    codes, steps = random_codes(5, model, 20), np.arange(0, 60, 7)
    signs = np.random.default_rng(6).integers(-1, 2, codes.shape).astype(np.int8)
    swept = sweep(model, codes, signs, steps)
    for i, step in enumerate(steps):
        moved = (codes + step * signs).clip(model.input.low, model.input.high)
        assert np.array_equal(swept[:, i], expected(model, moved).classes)


def test_mapped_layers_wrap() -> None:
    plain = map_to_crossbar(random_model(3, (12, 6, 4), 4), Mapping(rows=8, cols=6))
    model, codes = wrapping(plain, 4), random_codes(4, plain, 40)
    assert np.array_equal(model.logits(codes), spec.logits(model, codes.tolist()))
    assert (model.logits(codes) != plain.logits(codes)).any()


def test_a_width_that_is_too_wide_to_wrap_changes_nothing() -> None:
    plain, codes = random_model(1), random_codes(1, random_model(1), 50)
    assert np.array_equal(wrapping(plain, -1).logits(codes), plain.logits(codes))
    assert wrapping(plain, 0).accumulator_bits == plain.accumulator_bits


def test_it_is_part_of_the_model(tmp_path: Path) -> None:
    plain = random_model(1)
    model = wrapping(plain)
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.digest == model.digest != plain.digest
    assert [layer.wrap_bits for layer in again.layers] == [b - 2 for b in plain.accumulator_bits]
    with pytest.raises(QsimError, match="thresholds of an accumulator that wraps around at 3 bits"):
        replace(plain.layers[0], wrap_bits=3)
    with pytest.raises(
        QsimError, match="width at which an accumulator wraps around is 63; an integer from 2"
    ):
        replace(plain.layers[0], wrap_bits=63)


def test_what_knows_of_no_wrapping_refuses_it() -> None:
    model = wrapping(random_model(1))
    with pytest.raises(QsimError, match=r"an accumulator wraps around, .* cannot be certified"):
        arrays_of(model)
    with pytest.raises(QsimError, match=r"an accumulator wraps around, .* ONNX has no such sums"):
        to_onnx(model)


def test_hardware_wraps_and_an_export_is_refused(compiler: list[str]) -> None:
    from qsim_rtl import Simulator
    from qsim_rtl.shape.loadable import Loadable

    plain = random_model(0, (6, 4, 3), 3)
    model, codes = wrapping(plain, 3), random_codes(0, plain, 60)
    result, wanted = Simulator(model, 2, 2, optimize=0).run(codes), expected(model, codes)
    assert np.array_equal(result.logits, wanted.logits)
    assert np.array_equal(result.hidden[0], wanted.hidden[0])
    assert np.array_equal(result.classes, wanted.classes)
    with pytest.raises(QsimError, match="layer 0 wraps around at"):
        Loadable.of(model)
