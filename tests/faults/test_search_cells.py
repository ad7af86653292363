"""The bit-flip attack on the cells of crossbars: the shadow promises, and no other flip would do more."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import random_codes, random_model

from qsim import Mapping, Model, QsimError, data, load, spec
from qsim.attacks.defective import aware_shadow
from qsim.crossbar.converters import with_converters
from qsim.crossbar.mapping import map_to_crossbar
from qsim.faults import search
from qsim.faults.draw import Space, draw_in_order
from qsim.faults.gradients import promised_by_cells
from qsim.faults.kinds import kind_of
from qsim.faults.lists import apply_faults, of_model
from qsim.faults.search import Goal, flip_attack
from qsim.shadow.network import to_real
from qsim.shadow.train import parameter_gradients

MODELS = Path(__file__).parents[2] / "models"
DIGITS = load(MODELS / "digits-relu-q4.safetensors")
CODES, LABELS = data.digits("test")


def broken_by(model: Model, table: np.ndarray) -> Model:
    return apply_faults(model, of_model(model, {"cell-bit": table}))


@pytest.mark.parametrize("mapping", [Mapping(32, 32, 2), Mapping(32, 32, 1, unit_bits=6)])
def test_what_a_cell_promises_is_slope_times_change(mapping: Mapping) -> None:
    model = map_to_crossbar(DIGITS, mapping)
    before = aware_shadow(model)
    x = to_real(CODES[:100], before.codes_per_unit, before.weights[0].dtype)
    slopes = parameter_gradients(before, x, LABELS[:100])
    rises = promised_by_cells(model, CODES[:100], LABELS[:100])
    for row in draw_in_order(model, "cell-bit", 30, seed=4):
        after = aware_shadow(broken_by(model, row[None]))
        pairs = zip(after.weights + after.biases, before.weights + before.biases, strict=True)
        moved = [new - old for new, old in pairs]
        expected = sum((slope * change).sum() for slope, change in zip(slopes, moved, strict=True))
        assert rises[row[0]][tuple(row[1:])] == pytest.approx(expected, rel=1e-3, abs=1e-6)


def every_flip(model: Model) -> np.ndarray:
    space = Space(model, kind_of("cell-bit"))
    return space.table(np.arange(len(space)))


@pytest.mark.parametrize(("outputs", "target"), [(3, None), (3, 0), (1, None), (1, 0)])
def test_each_flip_of_a_cell_is_the_best_of_all(
    outputs: int, target: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "CELL_CANDIDATES", 1 << 30)
    ideal = random_model(50 if outputs == 3 else 25, (6, 4, outputs), 2)  # classes in balance
    ideal = Model(tuple(replace(layer, activation="relu") for layer in ideal.layers), ideal.input)
    model = map_to_crossbar(ideal, Mapping(4, 8, 1))
    codes = random_codes(3, model, 40)
    labels = model.predict(codes)
    found = flip_attack(model, (codes, labels), (codes, labels), "cell-bit", 3, Goal(target))
    assert len(found.table)
    wanted, sign = (labels, 1) if target is None else (np.full(len(labels), target), -1)
    for k in range(len(found.table)):
        known = found.table[:k].tolist()
        ranks = [
            rank(broken_by(model, np.array([*known, row])), codes, wanted, sign)
            for row in every_flip(model).tolist()
            if row not in known
        ]
        assert rank(broken_by(model, found.table[: k + 1]), codes, wanted, sign) == min(ranks)


def rank(model: Model, codes: np.ndarray, wanted: np.ndarray, sign: int) -> tuple[int, int]:
    """Images in the wanted class, then by how much in sum; the lower, the better a flip."""
    logits = spec.logits(model, codes.tolist())
    if len(logits[0]) == 1:  # the class is whether the logit is at least 0: a margin around -1/2, doubled
        margins = [
            2 * row[0] + 1 if own else -2 * row[0] - 1 for row, own in zip(logits, wanted, strict=True)
        ]
    else:
        margins = [
            row[own] - max(row[:own] + row[own + 1 :])
            for row, own in zip(logits, wanted.tolist(), strict=True)
        ]
    hits = int((model.predict(codes) == wanted).sum())
    return sign * hits, sign * sum(margins)


def test_an_output_alone_ties_at_zero() -> None:
    model = map_to_crossbar(load(MODELS / "spiral-relu-q2.safetensors"), Mapping(32, 32, 1))
    codes = data.spiral("test")[0][::50]
    last, none = model.layers[-1], np.empty((0, 5), np.int64)
    for logit in model.logits(codes)[:, 0]:
        moved = replace(model, layers=(*model.layers[:-1], replace(last, bias=last.bias - logit)))
        for row in every_flip(model)[:3]:
            classes = broken_by(moved, row[None]).predict(codes)
            assert search._tried(moved, "cell-bit", none, row, (codes, classes))[0] == len(codes)


def test_few_cells_ruin_what_many_random_ones_do_not() -> None:
    model = with_converters(map_to_crossbar(DIGITS, Mapping(64, 64, 1)), 6)
    crafting, scoring = (CODES[:60], LABELS[:60]), (CODES[60:], LABELS[60:])
    found = flip_attack(model, crafting, scoring, "cell-bit", budget=4)
    for k in range(5):
        right = (broken_by(model, found.table[:k]).predict(scoring[0]) == scoring[1]).mean()
        assert found.accuracy[k] == right
    random = broken_by(model, draw_in_order(model, "cell-bit", 4, seed=0))
    assert found.accuracy[-1] < (random.predict(scoring[0]) == scoring[1]).mean() - 0.2


def test_cells_need_tiles_and_weights_none() -> None:
    own = CODES[:20], LABELS[:20]
    with pytest.raises(QsimError, match="flips of cells were asked of a model without tiles"):
        flip_attack(DIGITS, own, own, "cell-bit")
    with pytest.raises(QsimError, match="a layer here is on a crossbar"):
        flip_attack(map_to_crossbar(DIGITS, Mapping()), own, own)
