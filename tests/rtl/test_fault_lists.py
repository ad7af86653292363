"""A fault list in the hardware's memories gives every integer that it gives in the emulator."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from random_models import random_codes, random_model

from qsim import Mapping, Model, QsimError, data, load
from qsim.crossbar.converters import with_converters
from qsim.crossbar.mapping import map_to_crossbar
from qsim.faults.draw import draw
from qsim.faults.lists import apply_faults, of_model
from qsim_rtl import Simulator, compare
from qsim_rtl.memory import faults as memory_faults

MODELS_FOLDER = Path(__file__).parents[2] / "models"
BITS = ("weight-bit", "bias-bit", "threshold-bit")
TILES = ("cell", "cell-bit", "converter-bit")


def replay(
    simulator: Simulator, model: Model, codes: np.ndarray, kinds: Sequence[str], rate: float, seeds: range
) -> list[int]:
    """Compare lists in memories with the emulator; how many logits each list changes."""
    changed = []
    for seed in seeds:
        faults = draw(model, kinds, rate, seed)
        broken = apply_faults(model, faults)
        if set(kinds) <= set(BITS):
            simulator.load(model, faults)
        else:
            simulator.load(broken)
        found, wanted = simulator.run(codes), broken.trace(codes)
        for hidden, codes_wanted in zip(found.hidden, wanted.hidden, strict=True):
            assert np.array_equal(hidden, codes_wanted), (kinds, seed)
        assert np.array_equal(found.logits, wanted.logits), (kinds, seed)
        assert np.array_equal(found.classes, broken.predict(codes))
        changed.append(int((wanted.logits != model.logits(codes)).sum()))
    return changed


@pytest.fixture(scope="module")
def small() -> tuple[Simulator, Model]:
    model = random_model((6, 5, 4, 3), 3, (5, 7), per_neuron=True, seed=3)
    return Simulator(model, 2, 2, optimize=0), model


@pytest.mark.parametrize("kinds", [*((kind,) for kind in BITS), BITS], ids="+".join)
def test_small_engines(compiler: list[str], small: tuple[Simulator, Model], kinds: tuple[str, ...]) -> None:
    simulator, model = small
    codes = random_codes(model, 30)
    changed = replay(simulator, model, codes, kinds, 0.08, range(6))
    assert np.count_nonzero(changed) > 2


def tiles(model: Model) -> Model:
    return with_converters(map_to_crossbar(model, Mapping(rows=4, cols=3, cell_bits=2, digit_bits=4)), 3)


def test_small_tiles(compiler: list[str]) -> None:
    model = tiles(random_model((6, 3, 2), 3, 3, seed=1))
    simulator, codes = Simulator(model, 2, 2, optimize=0), random_codes(model, 10)
    for kind in (*TILES, "bias-bit", "threshold-bit"):
        assert np.count_nonzero(replay(simulator, model, codes, [kind], 0.08, range(2))), kind


def test_a_bit_that_is_off_by_one_is_noticed(
    compiler: list[str], small: tuple[Simulator, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator, model = small

    def shifted(place: Callable[..., memory_faults.Places]) -> Callable[..., memory_faults.Places]:
        return lambda *a: {name: where ^ [0, 1] for name, where in place(*a).items()}

    monkeypatch.setattr(
        memory_faults, "PLACES", {k: shifted(place) for k, place in memory_faults.PLACES.items()}
    )
    with pytest.raises(AssertionError):
        replay(simulator, model, random_codes(model, 30), ["weight-bit"], 0.08, range(4))


def test_lists_that_do_not_fit_are_refused(compiler: list[str], small: tuple[Simulator, Model]) -> None:
    simulator, model = small
    other = random_model((6, 5, 4, 3), 3, (5, 7), per_neuron=True, seed=4)
    with pytest.raises(QsimError, match="the faults are of network"):
        simulator.load(model, draw(other, ["weight-bit"], 0.1))
    with pytest.raises(QsimError, match=r"neuron, input \[5, 0\] of layer 0; there is no such weight"):
        simulator.load(model, of_model(model, {"weight-bit": np.array([[0, 5, 0, 0]])}))
    mapped = tiles(model)
    with pytest.raises(QsimError, match="faults of kind cell are no bit of a memory each; load the model"):
        memory_faults.places(mapped, simulator.shape, draw(mapped, ["cell"], 0.1))


@pytest.mark.parametrize("kinds", [BITS, ("cell", "bias-bit")], ids="+".join)
def test_a_comparison_with_faults(compiler: list[str], kinds: tuple[str, ...]) -> None:
    model = random_model((6, 3, 2), 3, 3, seed=1)
    model = tiles(model) if "cell" in kinds else model
    codes, faults = random_codes(model, 10), draw(model, kinds, 0.05, 2)
    result = compare(model, codes, 2, 2, faults=faults)
    assert result.equal, result.first
    simulator = Simulator(model, 2, 2)
    assert not np.array_equal(simulator.run(codes).logits, apply_faults(model, faults).logits(codes))


REAL = [("digits-relu-q4", kind) for kind in BITS] + [("digits-step-q1", kind) for kind in BITS]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), REAL)
def test_two_hundred_lists_on_digits(compiler: list[str], name: str, kind: str) -> None:
    model = load(MODELS_FOLDER / f"{name}.safetensors")
    codes = data.digits("test")[0][:50]
    simulator = Simulator(model, 5, 8)
    rates = {"weight-bit": 0.003, "bias-bit": 0.01, "threshold-bit": 0.2 if "step" in name else 0.002}
    changed = replay(simulator, model, codes, [kind], rates[kind], range(200))
    assert np.count_nonzero(changed) > 100


@pytest.mark.slow
@pytest.mark.parametrize("kind", TILES)
def test_two_hundred_lists_on_digits_on_tiles(compiler: list[str], kind: str) -> None:
    given = load(MODELS_FOLDER / "digits-relu-q4.safetensors")
    model = with_converters(map_to_crossbar(given, Mapping(rows=32)), 6)
    simulator = Simulator(model, 4, 32)
    changed = replay(simulator, model, data.digits("test")[0][:8], [kind], 0.003, range(200))
    assert np.count_nonzero(changed) > 100


@pytest.mark.slow
@pytest.mark.parametrize("kind", BITS)
def test_two_hundred_lists_on_mnist(
    compiler: list[str], kind: str, mnist_test: tuple[np.ndarray, np.ndarray]
) -> None:
    model = load(MODELS_FOLDER / "mnist-relu-q8.safetensors")
    rates = {"weight-bit": 0.0003, "bias-bit": 0.01, "threshold-bit": 0.002}
    changed = replay(Simulator(model, 5, 8), model, mnist_test[0][:30], [kind], rates[kind], range(200))
    assert np.count_nonzero(changed) > 100
