"""The audit raises its flags where something is hidden, and only there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attacked_models import MODELS, digits, images

from qsim import attacks
from qsim.attacks import Result
from qsim.attacks.audit import Audit, audit
from qsim.cli import main
from qsim.shadow.network import of_model


def flags(found: Audit) -> set[str]:
    return {finding.name for finding in found.findings if finding.flagged}


def test_one_step_on_few_bits_is_flagged() -> None:
    codes, labels = images(150)
    found = audit(digits("step", 1), codes, labels, 0.05, attack=attacks.fgsm)
    assert {"strongest wins", "black box wins"} <= flags(found)
    assert found.under_attack > found.under_strongest + 0.1


def test_pgd_on_a_smooth_network_is_not() -> None:
    codes, labels = images(150)
    found = audit(digits("sigmoid", 8), codes, labels, 0.05, sibling=digits("sigmoid", 4))
    assert flags(found) == set()
    assert not found.flagged
    assert len(found.findings) == 10


def test_a_gradient_of_zero_is_found() -> None:
    model, (codes, labels) = digits("sigmoid", 8), images(80)
    network = of_model(model)
    blind = replace(network, weights=tuple(np.zeros_like(w) for w in network.weights))
    found = audit(model, codes, labels, 0.05, network=blind)
    assert {"zero gradient", "black box wins"} <= flags(found)


def test_a_ball_too_small_is_found() -> None:
    def careful(model: Any, codes: Any, labels: Any, epsilon: float, **options: Any) -> Result:
        return attacks.pgd(model, codes, labels, epsilon / 4, **options)

    codes, labels = images(80)
    found = audit(digits("sigmoid", 8), codes, labels, 0.1, attack=careful)
    assert {"ball not used", "strongest wins"} <= flags(found)


def test_a_start_that_is_not_random_is_found() -> None:
    codes, labels = images(360)
    found = audit(digits("step", 1), codes, labels, 0.05, attack=attacks.bim)
    assert "more effort pays" in flags(found)


def test_dead_units_are_found() -> None:
    """The 1-bit ReLU network has images with no gradient at all."""
    codes, labels = images(360)
    found = audit(digits("relu", 1), codes, labels, 0.05, attack=attacks.fgsm)
    assert found.flagged


def test_the_command_tells_all_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "r.json"
    file = str(MODELS / "digits-step-q1.safetensors")
    options = ["--epsilon", "0.05", "--attack", "fgsm", "--images", "60", "--json", str(report)]
    with pytest.raises(SystemExit) as stop:
        main(["audit", file, *options])
    assert not stop.value.code
    told = json.loads(report.read_text())
    codes, labels = images(60)
    found = audit(digits("step", 1), codes, labels, 0.05, attack=attacks.fgsm)
    assert [row["figure"] for row in told["findings"]] == [one.figure for one in found.findings]
    out = capsys.readouterr().out
    assert "FLAG" in out
    assert "is not to be trusted" in out
