"""What is certified on the committed MNIST models, no attack and no random image breaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import qsim
from qsim import Model
from qsim.attacks import ATTACKS

MODELS = Path(__file__).parents[2] / "models"
NAMES = [f"mnist-{activation}-q{bits}" for activation in ("step", "relu", "sigmoid") for bits in (1, 4, 8)]
RADIUS, IMAGES, NODES = 3, 40, 100
POINTS, CHUNK = 10**6, 20_000
QUICK = ["fgsm", "pgd", "lattice"]

Codes = npt.NDArray[np.integer]
MNIST = tuple[npt.NDArray[np.uint8], npt.NDArray[np.integer]]


def certified(model: Model, codes: Codes, labels: Codes) -> npt.NDArray[np.bool_]:
    found = qsim.certify(model, codes, labels, RADIUS, nodes=NODES)
    return np.array([finding.verdict == "robust" for finding in found])


def points_around(model: Model, image: Codes, rng: np.random.Generator, count: int) -> Codes:
    """Random images within the radius: half of them anywhere, half at ends of every input's range."""
    offsets = rng.integers(-RADIUS, RADIUS + 1, (count, len(image)), np.int8).astype(np.int16)
    ends = offsets[: count // 2]
    ends[:] = np.where(ends < 0, -RADIUS, RADIUS)
    return np.clip(image.astype(np.int16) + offsets, model.input.low, model.input.high).astype(image.dtype)


def assert_no_attack_breaks(model: Model, codes: Codes, labels: Codes, attacks: list[str]) -> None:
    proved = certified(model, codes, labels)
    assert proved.any()
    for name in attacks:
        attack = ATTACKS[name]
        result = attack(model, codes, labels, RADIUS / model.layers[0].codes_per_unit)
        assert result.lsb == RADIUS
        assert not (proved & result.success).any(), name


def test_quick_attacks_do_not(mnist_test: MNIST) -> None:
    codes, labels = (part[:IMAGES] for part in mnist_test)
    assert_no_attack_breaks(qsim.load(MODELS / "mnist-step-q4.safetensors"), codes, labels, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_attack_does(name: str, mnist_test: MNIST) -> None:
    codes, labels = (part[:IMAGES] for part in mnist_test)
    attacks = [name for name, attack in ATTACKS.items() if "inf" in attack.norms]
    assert_no_attack_breaks(qsim.load(MODELS / f"{name}.safetensors"), codes, labels, attacks)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_million_random_images_do_not(name: str, mnist_test: MNIST) -> None:
    model, rng = qsim.load(MODELS / f"{name}.safetensors"), np.random.default_rng(0)
    codes, labels = (part[:IMAGES] for part in mnist_test)
    proved = np.flatnonzero(certified(model, codes, labels))
    for i in range(POINTS // CHUNK):
        image = proved[i % len(proved)]
        around = points_around(model, codes[image], rng, CHUNK)
        assert (model.predict(around) == labels[image]).all()
