"""The committed model that was trained for certificates keeps what its card says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

import qsim
from qsim.certification.ladder import Certifier

MODELS = Path(__file__).parents[2] / "models"
NAME = "mnist-certified-q8"


def test_intervals_certify_what_the_card_states(mnist_test: tuple[np.ndarray, np.ndarray]) -> None:
    codes, labels = mnist_test
    card = (MODELS / "cards" / f"{NAME}.md").read_text()
    table = card.split("certified by intervals")[1]
    stated = {int(radius): float(share) for radius, share in re.findall(r"\| (\d+) \| ([\d.]+) \|", table)}
    certifier = Certifier(qsim.load(MODELS / f"{NAME}.safetensors"))
    pairs = list(zip(codes.astype(np.int64), labels.tolist(), strict=True))
    share = 100 * np.mean([certifier.by_intervals(image, label, 26) for image, label in pairs])
    assert round(share, 2) == stated[26]
    assert stated[3] > 94
    assert stated[13] > 85
    assert stated[26] > 75
