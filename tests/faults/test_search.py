"""The bit-flip attack: gradients that are right, choices that are best, results that anyone can replay."""

from pathlib import Path

import numpy as np
import pytest
from examples import random_codes, random_model

from qsim import Model, QsimError, data, load
from qsim.faults import search
from qsim.faults.difference import KINDS, Baseline
from qsim.faults.draw import Space, draw, draw_in_order
from qsim.faults.gradients import promised
from qsim.faults.kinds import KINDS as ALL_KINDS
from qsim.faults.lists import apply_faults, of_model
from qsim.faults.search import Goal, chance, flip_attack, random_flips
from qsim.shadow.network import of_model as shadow_of
from qsim.shadow.network import to_real
from qsim.shadow.train import parameter_gradients

MODELS_FOLDER = Path(__file__).parents[2] / "models"
DIGITS = load(MODELS_FOLDER / "digits-relu-q4.safetensors")
CODES, LABELS = data.digits("test")
CRAFTING, SCORING = (CODES[:100], LABELS[:100]), (CODES[100:], LABELS[100:])


@pytest.mark.parametrize("kind", ["weight-bit", "bias-bit"])
def test_what_a_flip_promises_is_slope_times_change(kind: str) -> None:
    network = shadow_of(DIGITS, np.float64)
    gradients = parameter_gradients(network, to_real(CRAFTING[0], 255, np.float64), LABELS[:100])
    gradients = gradients[:2] if kind == "weight-bit" else gradients[2:]
    rises = promised(DIGITS, DIGITS.accumulator_bits, kind, *CRAFTING)
    for layer, *place, bit in draw_in_order(DIGITS, kind, 30, seed=4).tolist():
        flip = of_model(DIGITS, {kind: np.array([[layer, *place, bit]])})
        after = shadow_of(apply_faults(DIGITS, flip), np.float64)
        part = "weights" if kind == "weight-bit" else "biases"
        change = getattr(after, part)[layer] - getattr(network, part)[layer]
        assert rises[layer][(*place, bit)] == pytest.approx((gradients[layer] * change).sum(), abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_with_flipped_memories_is_the_faulty_model(kind: str) -> None:
    model = random_model(10, (9, 6, 4), 4, 5, per_neuron=True)
    codes = random_codes(7, model, 40)
    engine = Baseline.of(model, codes, np.zeros(40, int))
    for seed in range(10):
        faults = draw(model, [kind], 0.1, seed)
        table = faults.tables[kind]
        found = engine.flipped(kind, table)
        assert np.array_equal(found.accs[-1].T, apply_faults(model, faults).logits(codes))
        more = draw_in_order(model, kind, 20, seed)
        new = more[[row not in table.tolist() for row in more.tolist()]]
        effects = found.effects(kind, new)
        for k, row in enumerate(new):
            both = of_model(model, {kind: np.concatenate([table, row[None]])})
            assert effects.correct[k] == (apply_faults(model, both).predict(codes) == 0).sum()


@pytest.mark.parametrize("target", [None, 3])
def test_each_flip_is_the_best_of_all(target: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "CANDIDATES", 1 << 30)
    small: Model = load(MODELS_FOLDER / "digits-step-q1.safetensors")
    found = flip_attack(small, CRAFTING, SCORING, budget=2, goal=Goal(target))
    space = Space(small, ALL_KINDS["weight-bit"])
    every = space.table(np.arange(len(space)))
    wanted = CRAFTING[1] if target is None else np.full(100, target)
    sign = 1 if target is None else -1
    engine = Baseline.of(small, CRAFTING[0], wanted)
    for k in range(2):
        flipped = engine.flipped("weight-bit", found.table[:k])
        best = (sign * flipped.effects("weight-bit", every).correct).min()
        assert sign * engine.flipped("weight-bit", found.table[: k + 1]).correct == best


def test_the_attack_ruins_with_few_flips_and_can_be_replayed() -> None:
    found = flip_attack(DIGITS, CRAFTING, SCORING, budget=60)
    assert found.done
    assert found.accuracy[-1] <= chance(SCORING[1]) < 0.15 < 0.9 < found.accuracy[0]
    assert (np.diff(found.accuracy) < 0.05).all()
    for k in (0, 1, len(found.table)):
        broken = apply_faults(DIGITS, of_model(DIGITS, {"weight-bit": found.table[:k]}))
        assert found.accuracy[k] == (broken.predict(SCORING[0]) == SCORING[1]).mean()
    again = flip_attack(DIGITS, CRAFTING, SCORING, budget=60)
    assert np.array_equal(again.table, found.table)
    random = random_flips(DIGITS, SCORING, seed=1)
    assert random[-1][2]
    assert random[-1][0] > 20 * len(found.table)


def test_a_target_class_is_reached() -> None:
    found = flip_attack(DIGITS, CRAFTING, SCORING, budget=80, goal=Goal(5))
    broken = apply_faults(DIGITS, of_model(DIGITS, {"weight-bit": found.table}))
    assert found.done
    assert (broken.predict(SCORING[0]) == 5).mean() == found.hits[-1] >= 0.9


@pytest.mark.parametrize("kind", ["bias-bit", "threshold-bit"])
def test_biases_and_thresholds_fall_soon(kind: str) -> None:
    model = load(MODELS_FOLDER / "digits-step-q4.safetensors")
    assert flip_attack(model, CRAFTING, SCORING, kind, budget=3).done


def test_random_flips_are_those_of_one_order() -> None:
    found = random_flips(DIGITS, SCORING, seed=2)
    order = draw_in_order(DIGITS, "weight-bit", found[-1][0], seed=2)
    for count, accuracy, _ in found[:: len(found) // 3]:
        broken = apply_faults(DIGITS, of_model(DIGITS, {"weight-bit": order[:count]}))
        assert accuracy == (broken.predict(SCORING[0]) == SCORING[1]).mean()
    assert [done for *_, done in found[:-1]] == [False] * (len(found) - 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"kind": "cell"},
            "flips of kind 'cell'; one of weight-bit, bias-bit, threshold-bit, cell-bit is needed",
        ),
        ({"budget": 0}, "number of flips is 0; an integer from 1"),
        ({"goal": Goal(10)}, "target class is 10; an integer from 0 to 9 is needed"),
    ],
)
def test_what_cannot_be_attacked_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(QsimError, match=message):
        flip_attack(DIGITS, CRAFTING, SCORING, **arguments)  # type: ignore[arg-type]
