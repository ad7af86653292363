"""Faulty networks under attack: each figure is that of the faulty network alone, and encloses the truth."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from examples import random_model

from qsim import Model, QsimError, certify
from qsim.attacks import get
from qsim.faults import tables
from qsim.faults.campaigns import Plan, campaign
from qsim.faults.draw import draw
from qsim.faults.lists import apply_faults
from qsim.faults.threat import Threat, Withstood, never_wraps

MODEL = random_model(11, (3, 5, 3), 4, 5)
RADIUS = 2
EPSILON = RADIUS / MODEL.layers[0].codes_per_unit
CODES = np.random.default_rng(3).integers(MODEL.input.low, MODEL.input.high + 1, (12, 3))
LABELS = MODEL.predict(CODES)


def truly_robust(model: Model) -> int:
    """Images of which every input within the radius gets the label, by trying all."""
    moves = np.array(list(product(range(-RADIUS, RADIUS + 1), repeat=3)))
    count = 0
    for code, label in zip(CODES, LABELS, strict=True):
        count += bool((model.predict((code + moves).clip(model.input.low, model.input.high)) == label).all())
    return count


def test_what_is_withstood_encloses_the_truth() -> None:
    threat, found = Threat("strongest", EPSILON, certify=True), []
    for seed in range(6):
        broken = apply_faults(MODEL, draw(MODEL, ["weight-bit"], 0.05 * seed, seed))
        if broken.wraps:
            continue
        result = threat.withstood(broken, CODES, LABELS, seed=0)
        assert result.certified is not None
        assert result.certified <= truly_robust(broken) <= result.unbroken
        found.append(result)
    assert len(set(found)) > 2
    assert found[0].certified == found[0].unbroken  # small enough for proofs of all


def test_without_proofs_it_is_the_attack_alone() -> None:
    left = ~get("pgd")(MODEL, CODES, LABELS, EPSILON, seed=5).success
    assert Threat("pgd", EPSILON).withstood(MODEL, CODES, LABELS, 5) == Withstood(int(left.sum()), None)


def test_what_may_wrap_is_certified_where_it_does_not() -> None:
    """Some of the images are within reach of a sum that wraps around, some are not."""
    threat, certified = Threat("pgd", EPSILON, certify=True), []
    for seed in range(40):
        broken = apply_faults(MODEL, draw(MODEL, ["weight-bit", "bias-bit"], 0.06, seed))
        if not broken.wraps:
            continue
        with pytest.raises(QsimError, match="such a network cannot be certified"):
            certify(broken, CODES, LABELS, RADIUS)
        result = threat.withstood(broken, CODES, LABELS, seed=0)
        assert result.certified is not None
        assert result.certified <= truly_robust(broken) <= result.unbroken
        certified.append(result.certified)
    assert len(set(certified)) > 1
    assert max(certified) > 0


def test_sums_that_wrap_are_not_proved_away() -> None:
    """By the sums themselves: all inputs within the radius, through every layer."""
    moves, seen = np.array(list(product(range(-RADIUS, RADIUS + 1), repeat=3))), set()
    for seed in range(40):
        broken = apply_faults(MODEL, draw(MODEL, ["weight-bit", "bias-bit"], 0.06, seed))
        proved = never_wraps(broken, CODES, RADIUS)
        for code, holds in zip(CODES, proved.tolist(), strict=True):
            inputs = (code + moves).clip(MODEL.input.low, MODEL.input.high)
            wraps = False
            for layer, codes in zip(broken.layers, [inputs, *broken.trace(inputs).hidden], strict=True):
                sums = codes @ layer.weights.T + layer.bias
                half = 1 << (layer.wrap_bits or 63) - 1
                wraps |= bool(((sums < -half) | (sums >= half)).any())
            assert not (holds and wraps)
            seen.add((holds, wraps))
    assert {(True, False), (False, True)} <= seen


def test_the_campaign_s_rows_are_those_of_the_faulty_networks(tmp_path: Path) -> None:
    threat = Threat("strongest", EPSILON, certify=True)
    plan = Plan(("weight-bit",), (0.0, 0.03), trials=3, seed=7, threat=threat)
    rows = tables.read([campaign({"small": MODEL}, CODES, LABELS, plan, tmp_path)])
    assert rows["seed"].tolist() == [7, 8, 9] * 2
    for k, seed in enumerate(rows["seed"].tolist()):
        broken = apply_faults(MODEL, draw(MODEL, ["weight-bit"], rows["rate"][k], seed))
        wanted = threat.withstood(broken, CODES, LABELS, 7)
        assert (rows["unbroken"][k], rows["certified"][k]) == (wanted.unbroken, wanted.certified)
        assert rows["correct"][k] == (broken.predict(CODES) == LABELS).sum()
    assert len(set(rows["unbroken"].tolist())) > 1


def test_an_attack_asks_for_rates() -> None:
    with pytest.raises(
        QsimError, match="attacked inputs and clipped weights go with drawn faults; a rate is needed"
    ):
        Plan(("weight-bit",), threat=Threat("pgd", 0.1))
    with pytest.raises(QsimError, match="attack is 'moon'"):
        Threat("moon", 0.1)
