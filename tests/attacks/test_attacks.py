"""All attacks: inside ball and format, honest about success, the same for every batch, order and thread."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from attacked_models import deep, digits, images, tiny

import qsim
from qsim import Mapping, QsimError, spec
from qsim.attacks import ATTACKS, Attack, attack, get
from qsim.attacks.norms import NORMS, ball_of
from qsim.crossbar.effects.stuck_cells import stuck
from qsim.crossbar.mapping import map_to_crossbar
from qsim.robustness import evaluate
from qsim.shadow.network import of_model

STRENGTHS = {"inf": 0.05, "2": 0.6, "0": 4}
OURS = ("annealed", "annealed-wide", "lattice")
FEW = {"steps": 6, "restarts": 2}
CASES = [(a, norm) for a in ATTACKS.values() for norm in a.norms if a.name != "strongest"]
NAMES = [f"{a.name}-{norm}" for a, norm in CASES]


@pytest.mark.parametrize(("one", "norm"), CASES, ids=NAMES)
@pytest.mark.parametrize("targeted", [False, True], ids=["untargeted", "targeted"])
def test_no_result_leaves_ball_or_format(one: Attack, norm: str, targeted: bool) -> None:
    model, (codes, labels) = digits("relu", 2), images()
    targets = (labels + 3) % 10 if targeted else None
    result = one(model, codes, labels, STRENGTHS[norm], norm=norm, targets=targets, **FEW)
    assert result.codes.dtype == model.input.dtype
    moved = result.codes.astype(int) - codes
    if norm == "inf":
        assert np.abs(moved).max() <= 13 == result.lsb
    elif norm == "2":
        assert np.square(moved).sum(1).max() <= 153**2
    else:
        assert (moved != 0).sum(1).max() <= 4 == result.lsb
    classes = np.array(spec.predict(model, result.codes))
    assert (result.success == (classes == targets if targeted else classes != labels)).all()
    shadow = evaluate.predict_codes(of_model(model), result.codes)
    assert (result.shadow_success == (shadow == targets if targeted else shadow != labels)).all()
    assert targeted or result.success.any()
    assert (result.queries >= 1).all()


@pytest.mark.parametrize("last", [False, True], ids=["first-norm", "last-norm"])
@pytest.mark.parametrize("one", ATTACKS.values(), ids=list(ATTACKS))
def test_an_image_fares_the_same_in_every_batch_and_order(
    one: Attack, last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, (codes, labels) = digits("step", 2), images(30)
    few = {} if one.name == "strongest" else FEW
    norm = one.norms[-1] if last else one.norms[0]
    epsilon = {"inf": 0.02, "2": 0.2, "0": 1}[norm]
    whole = one(model, codes, labels, epsilon, norm=norm, seed=5, **few)
    order = np.random.default_rng(0).permutation(30)
    shuffled = one(model, codes[order], labels[order], epsilon, norm=norm, seed=5, **few)
    assert (shuffled.codes == whole.codes[order]).all()
    assert (shuffled.queries == whole.queries[order]).all()
    monkeypatch.setattr(attack, "BLOCK", 7)
    monkeypatch.setenv("QSIM_THREADS", "3")
    parts = one(model, codes, labels, epsilon, norm=norm, seed=5, **few)
    assert (parts.codes == whole.codes).all()
    assert (parts.success == whole.success).all()


def test_seeds_matter() -> None:
    model, (codes, labels) = digits("step", 2), images(30)
    found = [get("pgd")(model, codes, labels, 0.02, seed=seed, steps=1, restarts=1).codes for seed in (0, 1)]
    assert (found[0] != found[1]).any()


@pytest.mark.parametrize(("norm", "epsilon"), [("inf", 2 / 15), ("2", 2.5 / 15), ("0", 1)])
@pytest.mark.parametrize("activation", ["step", "sigmoid", "relu"])
def test_the_strongest_is_within_reach_of_all_codes_tried(activation: str, norm: str, epsilon: float) -> None:
    """On a network so small that every code vector of the ball can be tried."""
    codes = np.random.default_rng(1).integers(0, 16, (60, 5)).astype(np.uint8)
    moves = np.array(list(product((-2, -1, 0, 1, 2), repeat=5)))
    if norm == "2":
        moves = moves[np.square(moves).sum(1) <= 6]  # 2.5 squared, rounded down
    if norm == "0":
        moves = np.concatenate([np.outer(np.arange(-15, 16), row) for row in np.eye(5, dtype=int)])
    broken, exact = 0, 0
    for seed in range(4):
        model = tiny(activation, seed=seed)
        labels = model.predict(codes)
        everywhere = (codes[:, None, :].astype(int) + moves).clip(0, 15).astype(np.uint8)
        classes = model.predict(everywhere.reshape(-1, 5)).reshape(len(codes), -1)
        possible = (classes != labels[:, None]).any(axis=1)
        found = get("strongest")(model, codes, labels, epsilon, norm=norm).success
        assert not (found & ~possible).any()
        broken, exact = broken + found.sum(), exact + possible.sum()
    assert exact > 20
    assert broken >= 0.95 * exact


@pytest.mark.parametrize("activation", ["step", "sigmoid", "relu"])
def test_networks_of_more_layers_are_attacked_too(activation: str) -> None:
    model, (codes, _) = deep(activation), images()
    labels = model.predict(codes)
    left = {name: get(name)(model, codes, labels, 0.05).robust_accuracy for name in ("random", *OURS)}
    assert min(left[name] for name in OURS) < min(left["random"], 1)


def test_one_output_and_signed_codes() -> None:
    model = qsim.load(digits_path("spiral-relu-q8"))
    codes, labels = qsim.data.spiral("test")
    for name in ("fgsm", "pgd", "lattice", "square"):
        result = get(name)(model, codes, labels, 0.1)
        assert np.abs(result.codes.astype(int) - codes).max() <= 102
        assert result.robust_accuracy < (model.predict(codes) == labels).mean() - 0.1
        assert (result.success == (model.predict(result.codes) != labels)).all()


def digits_path(name: str) -> str:
    from attacked_models import MODELS

    return str(MODELS / f"{name}.safetensors")


def test_fgsm_is_the_function_of_that_name() -> None:
    model, (codes, labels) = digits("sigmoid", 4), images(100)
    result = qsim.attacks.fgsm(model, codes, labels, 0.1)
    moved = qsim.fgsm(model, codes, labels, 0.1)
    right = model.predict(codes) == labels
    assert (result.success[right] == (model.predict(moved) != labels)[right]).all()


def test_the_order_of_strength_on_digits() -> None:
    model, (codes, labels) = digits("step", 1), images(360)
    left = {
        name: get(name)(model, codes, labels, 0.05).robust_accuracy
        for name in ("random", "square", "fgsm", "pgd", "annealed", "lattice", "strongest")
    }
    assert left["random"] > left["square"] > left["strongest"]
    assert left["fgsm"] > left["pgd"] > left["annealed"]
    assert left["strongest"] <= min(left.values())


def test_the_order_of_strength_in_other_norms() -> None:
    model, (codes, labels) = digits("step", 1), images(200)
    for norm, epsilon, black_box in (("2", 0.2, "square"), ("0", 2, "sparse-rs")):
        left = {
            name: get(name)(model, codes, labels, epsilon, norm=norm).robust_accuracy
            for name in ("random", black_box, "pgd", "lattice", "strongest")
        }
        assert left["random"] > left[black_box] >= left["lattice"]
        assert left["pgd"] > left["lattice"]
        assert left["strongest"] <= min(left.values())


def test_matched_slopes_break_steps_that_plain_ones_do_not() -> None:
    model, (codes, labels) = digits("step", 8), images(360)
    plain = get("pgd")(model, codes, labels, 0.05, loss="unsaturated").robust_accuracy
    assert get("pgd")(model, codes, labels, 0.05, loss="unsaturated", matched=1.4).robust_accuracy < plain


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"norm": "1"}, "norm is '1'; one of inf, 2, 0 is needed"),
        ({"epsilon": 0.001}, "epsilon is 0.001, 0 LSB: nothing can move"),
        ({"epsilon": 0.5, "norm": "0"}, "norm 0 counts changed inputs, a whole number up to 64"),
        ({"epsilon": 9, "norm": "2"}, "no two images are more than 2040 LSB apart"),
        ({"steps": 0}, "steps is 0; an integer from 1 to 1000000 is needed"),
        ({"restarts": 1.5}, "restarts is 1.5; an integer from 1"),
        ({"seed": -1}, "seed is -1; an integer from 0"),
        ({"loss": "hinge"}, "loss is 'hinge'; one of ce, unsaturated, margin, dlr is needed"),
        ({"matched": 0}, "matched is 0; a factor above 0"),
        ({"targets": "labels"}, "the target of image 0 is its label, "),
        ({"targets": np.arange(4)}, r"targets have shape \(4,\)"),
    ],
)
def test_bad_input_is_one_sentence(arguments: dict[str, object], sentence: str) -> None:
    codes, labels = images(10)
    if isinstance(arguments.get("targets"), str):
        arguments = {"targets": labels}
    with pytest.raises(QsimError, match=sentence):
        get("pgd")(digits("relu", 2), codes, labels, **{"epsilon": 0.05} | arguments)  # type: ignore[arg-type]


def test_what_an_attack_cannot_take_is_refused() -> None:
    codes, labels = images(10)
    with pytest.raises(QsimError, match="attack is 'deepfool'; one of fgsm, bim"):
        get("deepfool")
    with pytest.raises(QsimError, match="norm is '2'; sparse-rs knows 0"):
        get("sparse-rs")(digits("relu", 2), codes, labels, 0.5, norm="2")
    with pytest.raises(QsimError, match="square takes no gradient"):
        get("square")(digits("relu", 2), codes, labels, 0.05, loss="ce")
    points, arms = qsim.data.spiral("test")
    spiral = qsim.load(digits_path("spiral-relu-q8"))
    with pytest.raises(QsimError, match="the loss dlr needs 3 classes; this model has 2"):
        get("apgd")(spiral, points, arms, 0.1, loss="dlr")


@pytest.mark.parametrize("norm", NORMS)
def test_balls_hold_their_starts_and_steps(norm: str) -> None:
    from qsim.attacks.draws import image_keys
    from qsim.attacks.norms import Points

    model, (codes, labels) = digits("relu", 2), images()
    ball, rng = ball_of(model, norm, STRENGTHS[norm]), np.random.default_rng(0)
    points = Points(codes, ball.start(codes, image_keys(codes, labels, 0)))
    rows, sizes = np.arange(len(codes)), np.full(len(codes), 0.7, np.float32)
    for inertia in (1.0, 0.75, 0.75, 0.5):
        snapped = ball.snapped(points, rows)
        assert ball.holds(codes, snapped).all()
        assert (ball.distance(codes, snapped) > 0).all()
        ball.step(points, rows, rng.normal(size=codes.shape), sizes, inertia)


def test_progress_is_told() -> None:
    model, (codes, labels) = digits("relu", 2), images()
    told: list[tuple[int, int, int]] = []
    result = get("fgsm")(model, codes, labels, 0.1, report=lambda *numbers: told.append(numbers))
    assert told == [(40, 40, result.success.sum())]


def test_tiles_that_lose_nothing_change_nothing() -> None:
    model, (codes, labels) = digits("step", 2), images(20)
    mapped = map_to_crossbar(model, Mapping(rows=32))
    for name in ("pgd", "annealed", "square", "lattice"):
        found = [get(name)(m, codes, labels, 0.03, **FEW) for m in (model, mapped)]
        assert (found[0].codes == found[1].codes).all()
        assert (found[0].success == found[1].success).all()


def test_broken_tiles_are_attacked_as_they_are() -> None:
    model, (codes, labels) = digits("relu", 4), images(60)
    broken = stuck(map_to_crossbar(model, Mapping()), 0.02, 0.02, 0)
    result = get("pgd")(broken, codes, labels, 0.05, **FEW)
    assert (result.success == (broken.predict(result.codes) != labels)).all()
    assert result.robust_accuracy < (broken.predict(codes) == labels).mean()
