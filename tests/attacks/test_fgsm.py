"""FGSM: directions, lattice steps, clipping, and scores, each against its definition."""

from dataclasses import replace

import numpy as np
import pytest

import qsim
from qsim import InputFormat, Layer, Model, QsimError, spec
from qsim.attacks import steps
from qsim.attacks.fgsm import gradient_signs
from qsim.robustness import evaluate
from qsim.shadow import network as nw


@pytest.fixture(scope="module")
def model() -> Model:
    recipe = qsim.Recipe(epochs=8, batch=32)
    return qsim.quantize(qsim.train("digits", bits=3, hidden=12, recipe=recipe))


@pytest.fixture(scope="module")
def test_set() -> qsim.data.Dataset:
    return qsim.data.load("digits", "test")


@pytest.mark.parametrize(
    ("one", "epsilon", "step"),
    [(255, 0.0, 0), (255, 0.0019, 0), (255, 0.002, 1), (255, 0.1, 26), (255, 0.7, 179), (1024, 0.005, 5)],
)
def test_a_step_is_epsilon_in_whole_lsbs_halves_up(one: int, epsilon: float, step: int) -> None:
    model = Model((Layer([[1]], [0], bits=1, codes_per_unit=one),), InputFormat(16, signed=True))
    assert steps.lattice_step(model, epsilon) == step


def test_it_moves_each_input_against_its_class(model: Model, test_set: qsim.data.Dataset) -> None:
    codes, labels = test_set.codes[:50], test_set.labels[:50]
    network = nw.of_model(model, np.float64)
    gradient = nw.input_gradient(network, nw.to_real(codes, 255, np.float64), labels)
    attacked = qsim.fgsm(model, codes, labels, 0.05)
    for x, moved, slope in zip(
        codes.ravel().tolist(), attacked.ravel().tolist(), gradient.ravel(), strict=True
    ):
        assert moved == min(max(x + 13 * int(np.sign(slope)), 0), 255)


def test_a_zero_gradient_moves_nothing() -> None:
    hidden = Layer([[1]], [-10_000], bits=1, thresholds=[0, 100], codes_per_unit=255, activation="relu")
    model = Model((hidden, Layer([[1]], [0], bits=1)), InputFormat(8))
    codes, labels = np.array([[7], [200]]), np.array([0, 1])
    assert qsim.fgsm(model, codes, labels, 0.3).tolist() == codes.tolist()
    dataset = qsim.data.Dataset("dead", codes, labels, model.input, 255)
    assert evaluate.attacked(model, dataset, [0.3])[0].zero_gradients == 1


def test_without_clipping_codes_leave_the_format_and_headroom_takes_them(
    model: Model, test_set: qsim.data.Dataset
) -> None:
    codes, labels = test_set.codes[:40], test_set.labels[:40]
    attacked = qsim.fgsm(model, codes, labels, 0.1, clip=False)
    assert (attacked.min(), attacked.max()) == (-26, 281)
    with pytest.raises(QsimError, match="codes run from -26 to 281; 0 to 255 are allowed"):
        model.predict(attacked)
    roomy = steps.with_headroom(model, 26)
    assert roomy.input == InputFormat(10, signed=True)
    assert roomy.digest != model.digest
    assert roomy.logits(attacked).tolist() == spec.logits(roomy, attacked)
    assert roomy.logits(codes).tolist() == model.logits(codes).tolist()


def test_headroom_has_an_end(model: Model) -> None:
    wide = replace(model, input=InputFormat(16, signed=True))
    with pytest.raises(QsimError, match="need 17 bits; 16 are allowed"):
        steps.with_headroom(wide, 1)


@pytest.mark.parametrize("clip", [True, False])
def test_scores_are_shares_of_right_answers(model: Model, test_set: qsim.data.Dataset, clip: bool) -> None:
    small = replace(test_set, codes=test_set.codes[:30], labels=test_set.labels[:30])
    (row,) = evaluate.attacked(model, small, [0.08], clip=clip)
    codes = qsim.fgsm(model, small.codes, small.labels, 0.08, clip=clip)
    target = model if clip else steps.with_headroom(model, 20)
    assert row.integer == np.mean(np.array(spec.predict(target, codes)) == small.labels)
    x = nw.to_real(small.codes, 255)
    x = x + np.float32(0.08) * gradient_signs(nw.of_model(model), small.codes, small.labels)
    shadow = nw.predict(nw.of_model(model), np.clip(x, 0, 1) if clip else x)
    assert row.shadow == np.mean(shadow == small.labels)
    assert (row.step, row.clip) == (20, clip)


def test_zero_strength_is_clean(model: Model, test_set: qsim.data.Dataset) -> None:
    clean = evaluate.clean(model, test_set)
    (row,) = evaluate.attacked(model, test_set, [0.0])
    assert (row.integer, row.shadow, row.step) == (clean.integer, clean.shadow, 0)


def test_the_spirals_are_attacked_on_their_signed_lattice() -> None:
    model = qsim.quantize(qsim.train("spiral", bits=8, recipe=qsim.Recipe(epochs=150, batch=32, gain=10)))
    test = qsim.data.load("spiral", "test")
    attacked = qsim.fgsm(model, test.codes, test.labels, 0.05)
    assert set(np.unique(attacked - test.codes)) <= {-51, 0, 51}
    rows = evaluate.attacked(model, test, [0.05, 0.3], clip=False)
    assert rows[0].integer > rows[1].integer


def test_a_sample_is_held_against_the_spec(model: Model, test_set: qsim.data.Dataset) -> None:
    assert evaluate.matches_spec(model, test_set.codes[:5])
    one_layer = Model((Layer([[1, -1]], [3], bits=1),), InputFormat(8))
    assert evaluate.matches_spec(one_layer, np.array([[1, 2], [255, 0]]))


@pytest.mark.parametrize("epsilon", [-0.1, float("nan"), float("inf")])
def test_impossible_strengths_are_refused(model: Model, test_set: qsim.data.Dataset, epsilon: float) -> None:
    with pytest.raises(QsimError, match="a finite number of 0 or more is needed"):
        evaluate.attacked(model, test_set, [epsilon])


def test_labels_and_data_that_do_not_fit_are_refused(model: Model, test_set: qsim.data.Dataset) -> None:
    codes = test_set.codes[:3]
    for labels, sentence in [
        (np.array([0, 1, 10]), "labels run from 0 to 10; 0 to 9 are allowed"),
        (np.array([0, 1]), r"labels have shape \(2,\); \(3,\) is needed"),
        (np.array([0.0, 1.0, 2.0]), "labels have type float64"),
    ]:
        with pytest.raises(QsimError, match=sentence):
            qsim.fgsm(model, codes, labels, 0.1)
    with pytest.raises(QsimError, match="spiral has 2 inputs an image; this model takes 64"):
        evaluate.clean(model, qsim.data.load("spiral", "test"))
    signed = replace(model, input=InputFormat(9, signed=True))
    with pytest.raises(QsimError, match="digits has 8-bit unsigned codes; this model takes 9-bit signed"):
        evaluate.clean(signed, test_set)


@pytest.mark.parametrize(
    ("epsilon", "sentence"),
    [
        (1e9, r"epsilon is 1e\+09, more than the whole range of an input, 1;"),
        (8, "in input units, where 1.0 is the code 15: 8 LSB are 0.5333"),
        ([0.1], r"epsilon is \[0.1\]; a finite number of 0 or more is needed"),
        ("0.1", "epsilon is '0.1'; a finite number"),
        (None, "epsilon is None; a finite number"),
        (True, "epsilon is True; a finite number"),
        (float("nan"), "epsilon is nan; a finite number"),
    ],
)
def test_a_strength_that_is_none_is_one_sentence(epsilon: object, sentence: str) -> None:
    hidden = Layer([[1], [3]], [0, 0], bits=2, thresholds=[0], activation="step", codes_per_unit=15)
    model = Model((hidden, Layer([[1, 1], [3, -1]], [0, 0], bits=2)), InputFormat(4))
    with pytest.raises(qsim.QsimError, match=sentence):
        qsim.fgsm(model, np.array([[3]]), np.array([1]), epsilon)  # type: ignore[arg-type]


def test_the_whole_range_is_a_strength() -> None:
    model = Model((Layer([[1]], [0], bits=1, codes_per_unit=15),), InputFormat(4))
    assert steps.lattice_step(model, np.float32(1)) == 15
