"""The committed models that were trained for certificates keep what their cards say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import qsim
from qsim.certification.ladder import Certifier

MODELS = Path(__file__).parents[2] / "models"
SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("bits", "radius"),
    [
        (8, 26),
        pytest.param(4, 13, marks=SLOW),
        pytest.param(2, 13, marks=SLOW),
        pytest.param(1, 13, marks=SLOW),
    ],
)
def test_intervals_certify_what_the_card_states(
    bits: int, radius: int, mnist_test: tuple[np.ndarray, np.ndarray]
) -> None:
    codes, labels = mnist_test
    certifier = Certifier(qsim.load(MODELS / f"mnist-certified-q{bits}.safetensors"))
    pairs = list(zip(codes.astype(np.int64), labels.tolist(), strict=True))
    share = 100 * np.mean([certifier.by_intervals(image, label, radius) for image, label in pairs])
    assert round(share, 2) == stated(bits)[radius]


@pytest.mark.parametrize(("bits", "least"), [(8, {3: 94, 13: 85, 26: 75}), (4, {}), (2, {}), (1, {})])
def test_cards_state_what_was_aimed_at(bits: int, least: dict[int, float]) -> None:
    shares = stated(bits)
    assert shares[3] > shares[13] > shares[26]
    assert all(shares[radius] > share for radius, share in least.items())


def stated(bits: int) -> dict[int, float]:
    """Certified percent by radius, of a card."""
    table = (MODELS / "cards" / f"mnist-certified-q{bits}.md").read_text().split("certified by intervals")[1]
    return {int(radius): float(share) for radius, share in re.findall(r"\| (\d+) \| ([\d.]+) \|", table)}
