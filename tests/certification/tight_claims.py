"""Claims that hold by the least possible margin, and lies that fail by as little."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from examples import random_model
from small_boxes import contested, images_around

from qsim import InputFormat, Layer, Model
from qsim.certification.branch import Effort
from qsim.certification.certificate import certificate_of
from qsim.certification.ladder import Certifier, Finding
from qsim.certification.network import plain

Pair = tuple[dict[str, Any], dict[str, Any]]  # a network file and a certificate


@cache
def tight() -> tuple[list[Pair], list[Pair]]:
    """True claims that only just hold, and lies with the proof of a network whose last bias is 1 better."""
    true, lies = [], by_hand()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        shape = (2, *rng.integers(2, 5, rng.integers(0, 4)).tolist(), int(rng.integers(1, 4)))
        form, turned, single = InputFormat(4, signed=bool(rng.integers(2))), seed % 4 > 1, shape[-1] == 1
        grid = "odd" if turned else ("odd", "twos_complement")[seed // 4 % 2]
        model = random_model(seed, shape, bits=3, levels=4, grid=grid, form=form, per_neuron=bool(seed % 2))
        image, radius = rng.integers(form.low, form.high + 1, 2), int(rng.integers(1, 4))
        around = images_around(model, image, radius)
        just, failing = (contested(model, around, lead + turned) for lead in (0, -1))
        if turned:
            just, failing = turn(just), turn(failing)
        label = int(single != turned) if single else (shape[-1] - 1) * turned
        found = Certifier(just).decide(image, label, radius, Effort(100_000))
        assert found.verdict == "robust"
        true.append(pair(just, image, label, radius, found))
        lies.append(pair(failing, image, label, radius, found))
        found = Certifier(failing).decide(image, label, radius, Effort(100_000))
        assert found.verdict == "broken"
        true.append(pair(failing, image, label, radius, found))
    return true, lies


def pair(model: Model, image: npt.NDArray[np.int64], label: int, radius: int, finding: Finding) -> Pair:
    return plain(model), certificate_of(model, 0, image, label, radius, finding)


def turn(model: Model) -> Model:
    """The model with its classes in the opposite order: the one that came first now loses ties."""
    last = model.layers[-1]
    sign = -1 if model.outputs == 1 else 1
    last = replace(last, weights=sign * last.weights[::-1], bias=sign * last.bias[::-1])
    return replace(model, layers=(*model.layers[:-1], last))


def by_hand() -> list[Pair]:
    """Lies about the images 4, 5 and 6, one of which belies them, with proofs that nearly cover all."""
    cut: dict[str, Any] = {"split": [0, 0, 6], "below": {}, "above": {}}
    even = {"scale": 1, "multipliers": [[0, 1]], "cuts": [[0, 5, False, -1]], "rest": {}}  # just reaches it
    away = {"scale": 1, "multipliers": [[0, 0]], "cuts": [[0, 5, True, 0]], "rest": {}}
    corners = {"scale": 1, "multipliers": [[-1, 1]]}  # least at a threshold and just below another
    claims = [(loses_only(5), {"0": tree}) for tree in (cut, even, away, corners)]
    claims += [(loses_only(6), {"0": cut}), (loses_from_six(), {})]
    return [
        pair(model, np.array([5]), 1, 1, Finding("robust", "branch", 1, proof)) for model, proof in claims
    ]


def loses_only(value: int) -> Model:
    """One input, one output, negative for this input code alone."""
    thresholds = np.array([[value], [value + 1]])
    first = Layer(np.array([[1], [1]]), np.zeros(2, int), 2, thresholds, "twos_complement")
    last = Layer(np.array([[-2, 2]]), np.array([1]), 3, grid="twos_complement")
    return Model((first, last), InputFormat(4))


def loses_from_six() -> Model:
    """One input, two hidden layers, an output that is negative from code 6 on."""
    one, grid = np.array([[1]]), "twos_complement"
    first = Layer(one, np.array([0]), 2, np.array([6]), grid)
    second = Layer(one, np.array([0]), 2, np.array([1]), grid)
    last = Layer(-2 * one, np.array([1]), 2, grid=grid)
    return Model((first, second, last), InputFormat(4))
