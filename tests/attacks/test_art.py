"""Attacks of ART run on models as they are, and its PGD agrees with ours."""

from __future__ import annotations

import numpy as np
import pytest
from attacked_models import MODELS, digits, images

import qsim
from benches import art_attacks
from qsim import QsimError
from qsim.art import Classifier
from qsim.attacks.losses import LOSSES

QUICK = ("FastGradientMethod", "AutoProjectedGradientDescent", "SquareAttack", "DeepFool", "NewtonFool")
QUICK += ("CarliniL2Method", "HopSkipJump", "VirtualAdversarialMethod", "SimBA")


def test_every_attack_of_art_is_run_or_told_why_not() -> None:
    assert art_attacks.known() == set(art_attacks.RUN) | set(art_attacks.CANNOT)
    assert not set(art_attacks.RUN) & set(art_attacks.CANNOT)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", QUICK)
def test_an_attack_of_art_runs(name: str) -> None:
    model, (codes, labels) = digits("sigmoid", 2), images(12)
    row = art_attacks.run(name, model, codes, labels, 8)
    assert 0 <= row["accuracy"] <= 1
    if "eps" in art_attacks.RUN[name] and name != "VirtualAdversarialMethod":
        assert row["lsb"] <= 13


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(set(art_attacks.RUN) - set(QUICK)))
def test_the_others_run_too(name: str, mnist_test: tuple[np.ndarray, np.ndarray]) -> None:  # type: ignore[type-arg]
    codes, labels = mnist_test
    model = qsim.load(MODELS / "mnist-sigmoid-q8.safetensors")
    row = art_attacks.run(name, model, codes[:2], labels[:2], 28)
    assert 0 <= row["accuracy"] <= 1


@pytest.mark.filterwarnings("ignore")
def test_art_s_pgd_and_ours_agree() -> None:
    model, (codes, labels) = digits("sigmoid", 4), images(360)
    theirs = art_attacks.run("ProjectedGradientDescent", model, codes, labels, 8)["accuracy"]
    assert abs(theirs - qsim.attacks.pgd(model, codes, labels, 13 / 255, restarts=1).robust_accuracy) <= 0.02


def test_predictions_are_the_integers_gradients_the_shadow_s() -> None:
    model, (codes, labels) = digits("sigmoid", 8), images(20)
    for matched in (None, 0.1):
        classifier = Classifier(model, (8, 8, 1), loss="margin", matched=matched)
        x = (codes / np.float32(255)).reshape(-1, 8, 8, 1)
        assert (classifier.codes(x) == codes).all()
        assert (classifier.predict(x).argmax(1) == model.predict(codes)).all()
        gradients = classifier.class_gradient(x)
        one = classifier.class_gradient(x, label=labels)[:, 0]
        assert (one == gradients[np.arange(20), labels]).all()
        assert classifier.loss_gradient(x, labels).shape == x.shape
    smooth = Classifier(model, (8, 8, 1))
    slope = smooth.class_gradient(x, label=3)[:, 0].astype(float)
    step = np.zeros_like(x)
    step[:, 4, 4] = 1e-2
    ends = [smooth._logits(smooth._flat(x + s * step))[:, 3] for s in (1, -1)]
    np.testing.assert_allclose((ends[0] - ends[1]) / 2e-2, slope[:, 4, 4, 0], atol=1e-3)


def test_probabilities_and_losses() -> None:
    model, (codes, labels) = digits("relu", 4), images(20)
    x = codes / np.float32(255)
    assert Classifier(model, probabilities=True).predict(x).sum(1) == pytest.approx(1, abs=1e-5)
    logits = Classifier(model).predict(x).astype(float)
    one_hot = np.eye(10)[labels]
    for loss in LOSSES:
        found = Classifier(model, loss=loss).compute_loss(x, one_hot)
        np.testing.assert_allclose(found, LOSSES[loss](logits, labels, None)[0], rtol=1e-3, atol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    model = digits("relu", 4)
    with pytest.raises(QsimError, match=r"shape is \(28, 28\); one that holds 64 inputs"):
        Classifier(model, (28, 28))
    with pytest.raises(QsimError, match="loss is 'hinge'; one of ce, "):
        Classifier(model, loss="hinge")
    with pytest.raises(NotImplementedError, match="a model is frozen"):
        Classifier(model).fit(np.zeros((1, 64)), np.zeros(1))
