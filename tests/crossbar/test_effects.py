"""Device effects against figures worked out another way."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from examples import random_codes, random_model

from qsim import Model, QsimError, load, spec
from qsim.crossbar import effects as devices
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Integers, Mapping

MAPPING = Mapping(rows=16, cols=12, cell_bits=2, digit_bits=2)


def mapped(seed: int = 0, **kind: object) -> Model:
    return map_to_crossbar(random_model(seed, (40, 30, 5), 4), replace(MAPPING, **kind))


def cells(model: Model, layer: int = 0) -> Integers:
    crossbar = model.layers[layer].crossbar
    assert crossbar is not None
    return crossbar.cells


EFFECTS: dict[str, Callable[[Model], Model]] = {
    "on/off": lambda m: devices.on_off(m, 20),
    "programming error": lambda m: devices.programming_error(m, 0.05, 0.1, seed=3),
    "stuck": lambda m: devices.stuck(m, 0.1, 0.1, seed=3),
    "drift": lambda m: devices.drift(m, 3600, spread=0.01, seed=3),
    "line resistance": lambda m: devices.line_resistance(m, 0.001),
    "read noise": lambda m: devices.read_noise(m, 0.5, seed=3),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_makes_another_model_and_says_so(name: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = mapped()
    after, again = EFFECTS[name](model), EFFECTS[name](model)
    assert after.digest == again.digest != model.digest
    assert after.layers[0].crossbar.history[-1]["effect"] == name  # type: ignore[union-attr]
    after.save(tmp_path / "m.safetensors")
    assert load(tmp_path / "m.safetensors").digest == after.digest
    assert (after.layers[0].weights == model.layers[0].weights).all()
    codes = random_codes(0, model, 2)
    assert spec.logits(after, codes.tolist()) == after.logits(codes).tolist()


def test_effects_refuse_what_is_not_mapped() -> None:
    for name, effect in EFFECTS.items():
        with pytest.raises(QsimError, match=f"^{name}: no layer .* map it first$"):
            effect(random_model(0, (4, 3), 4))


def test_stuck_cells_are_as_many_as_asked_and_nested() -> None:
    model = map_to_crossbar(random_model(1, (200, 100, 5), 4), MAPPING)
    few, many = devices.stuck(model, 0.02, 0.01, seed=7), devices.stuck(model, 0.2, 0.1, seed=7)
    top = 3 * 64
    size = cells(model).size
    everywhere = devices.stuck(model, 1.0)
    assert (cells(everywhere) == 0).all()
    assert (cells(devices.stuck(model, 0, 1.0)) == top).all()
    changed = cells(few) != cells(model)
    assert (cells(many)[changed] == cells(few)[changed]).all()
    for after, low, high in ((few, 0.02, 0.01), (many, 0.2, 0.1)):
        for value, rate in ((0, low), (top, high)):
            share = (cells(after) == value).mean()
            expected = rate + (1 - low - high) * (cells(model) == value).mean()
            assert abs(share - expected) < 4 * (0.25 / size) ** 0.5


def test_stuck_low_conducts_what_a_lowest_level_does() -> None:
    model = devices.on_off(mapped(), 4)  # off = 3 * 64 / 3
    assert cells(model).min() == 64
    assert (cells(devices.stuck(model, 1.0)) == 64).all()
    assert (cells(devices.stuck(model, 0, 1.0)) == 4 * 64).all()


@pytest.mark.parametrize(("style", "grid"), [("differential", "odd"), ("offset", "twos_complement")])
def test_a_finite_ratio_cancels_where_both_columns_count_alike(style: str, grid: str) -> None:
    model = random_model(2, (20, 9, 3), 4, grid=grid)
    tiles = map_to_crossbar(model, Mapping(rows=7, cols=6, style=style, unit_bits=3))
    # a converter that has room for what is added
    wide = replace(
        tiles,
        layers=tuple(
            replace(
                layer,
                crossbar=replace(
                    layer.crossbar,
                    adc=replace(layer.crossbar.adc, thresholds=np.arange(1, 2000), base=0, step=1),
                ),
            )
            for layer in tiles.layers
        ),
    )
    codes = random_codes(2, model, 5)
    assert (devices.on_off(wide, 3).logits(codes) == model.logits(codes)).all()


def test_programming_error_has_its_deviation_at_each_level() -> None:
    model = map_to_crossbar(random_model(3, (300, 100, 2), 4), replace(MAPPING, unit_bits=8))
    missed = devices.programming_error(model, uniform=0.02, proportional=0.1, seed=1)
    span = 3 * 256
    for level in (1, 2, 3):
        here = cells(model) == level * 256
        errors = (cells(missed) - cells(model))[here]
        expected = np.hypot(0.02 * span, 0.1 * level * 256)
        assert np.std(errors) == pytest.approx(expected, rel=0.05)
        assert abs(np.mean(errors)) < 4 * expected / here.sum() ** 0.5


def test_drift_follows_its_power_law() -> None:
    model = mapped(unit_bits=8)
    later = devices.drift(model, 1e4, nu=0.05)
    assert (cells(later) == np.rint(cells(model) * 10**-0.2)).all()
    assert (cells(devices.drift(model, 0.5, nu=0.05)) == cells(model)).all()  # before it starts


def nodal(conductances: np.ndarray, ratio: float, driven: np.ndarray) -> np.ndarray:
    """Column currents of a tile with resistive wires, by solving Kirchhoff's equations of all nodes."""
    rows, columns = conductances.shape
    wire = 1 / ratio
    top = np.arange(rows * columns).reshape(rows, columns)
    bottom = top + rows * columns
    matrix, right = np.zeros((2 * rows * columns,) * 2), np.zeros(2 * rows * columns)

    def join(a: int, b: int | None, g: float, volts: float = 0.0) -> None:
        matrix[a, a] += g
        if b is None:
            right[a] += g * volts
        else:
            matrix[b, b] += g
            matrix[a, b] -= g
            matrix[b, a] -= g

    for i in range(rows):
        for j in range(columns):
            join(top[i, j], bottom[i, j], conductances[i, j])
            join(top[i, j], top[i, j - 1] if j else None, wire, driven[i])
            join(bottom[i, j], bottom[i + 1, j] if i + 1 < rows else None, wire)
    volts = np.linalg.solve(matrix, right)
    return volts[bottom[-1]] * wire


def test_attenuation_against_an_exact_solution() -> None:
    """First order: exact without resistance, and the error falls with its square."""
    random = np.random.default_rng(0)
    conductances = random.integers(0, 4, (12, 10)) / 3
    driven = (random.random(12) < 0.5).astype(float)
    errors = []
    for ratio in (1e-3, 1e-4, 1e-5):
        exact = nodal(conductances, ratio, driven)
        ours = driven @ devices.attenuated(conductances, ratio, float(driven.mean()))
        ideal = driven @ conductances
        assert np.abs(ours - exact).max() < 0.35 * np.abs(ideal - exact).max()
        errors.append(np.abs(ours - exact).max())
    assert errors[0] < 0.02 * (driven @ conductances).max()
    assert errors[2] < errors[0] / 50


def test_all_rows_driven_is_exact_to_first_order() -> None:
    conductances = np.random.default_rng(1).random((9, 7))
    driven = np.ones(9)
    for ratio, most in ((1e-4, 20), (1e-5, 200)):
        exact, ideal = nodal(conductances, ratio, driven), driven @ conductances
        ours = driven @ devices.attenuated(conductances, ratio, 1.0)
        assert np.abs(ours - exact).max() * most < np.abs(ideal - exact).max()


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        (lambda m: devices.stuck(m, 1.5), "stuck-low rate is 1.5; 0 to 1 is allowed"),
        (lambda m: devices.stuck(m, 0.6, 0.6), "both rates is 1.2; 0 to 1 is allowed"),
        (lambda m: devices.on_off(m, 1), "on/off ratio is 1; more than 1 is needed"),
        (lambda m: devices.drift(m, -1), "drift time is -1; 0 to 1e\\+12 is allowed"),
        (lambda m: devices.stuck(m, 0.1, seed=-1), "seed is -1; an integer of 0 or more is needed"),
        (lambda m: devices.programming_error(m, float("nan")), "uniform programming error is nan"),
    ],
)
def test_what_cannot_be_is_refused(effect: Callable[[Model], Model], message: str) -> None:
    with pytest.raises(QsimError, match=message):
        effect(mapped())
