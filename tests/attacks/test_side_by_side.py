"""Walks from several starts, side by side in the same arrays, are those that go one after another."""

from __future__ import annotations

import numpy as np
import pytest

from qsim import data, load
from qsim.attacks.climb import Path, climb
from qsim.attacks.norms import ball_of
from qsim.attacks.problem import Problem, doubled_margins


def test_walks_side_by_side_are_those_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load("models/digits-relu-q4.safetensors")
    codes, labels = (part[:90] for part in data.digits("test"))
    path = Path("ce", first=0.25, last=0.02, widths=(5.0, 0.3), aimed=True, emphasis=0.5)

    def broken(*groups: range) -> Problem:
        problem = Problem(model, codes, labels.astype(np.int64), None, ball_of(model, "inf", 1 / 8), 5)
        for group in groups:
            climb(problem, path, 3, group)
        return problem

    together = broken(range(7))
    alone = [broken(range(k, k + 1)) for k in range(7)]
    lost = [problem.margins < 0 for problem in alone]
    assert np.array_equal(together.margins < 0, np.any(lost, axis=0))
    standing = together.margins >= 0
    assert standing.any()
    assert np.array_equal(together.margins[standing], np.min([p.margins for p in alone], axis=0)[standing])
    assert (together.queries[standing] == 7 * 4 + 1).all()
    found = doubled_margins(model.logits(together.best), labels, None)
    assert np.array_equal(found, together.margins)
    assert np.any(lost, axis=0).sum() > lost[0].sum()
    monkeypatch.setattr("qsim.attacks.climb.ROWS", 20)
    assert np.array_equal(broken(range(7)).best, together.best)
