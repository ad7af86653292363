"""The float twin of a model that is only thresholds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import random_codes, random_model

import qsim
from qsim import Model, QsimError
from qsim.robustness import evaluate
from qsim.shadow import network as nw
from qsim.shadow.lines import activation_of, lines

MODELS = Path(__file__).parent.parent.parent / "models"


def nameless(name: str) -> Model:
    """A trained model that no longer says what its thresholds sample."""
    model = qsim.load(MODELS / f"{name}.safetensors")
    return Model([replace(layer, activation=None) for layer in model.layers], model.input)


@pytest.mark.parametrize("name", ["digits-relu-q4", "digits-sigmoid-q4", "digits-step-q4"])
def test_its_accuracy_and_its_attack_are_near_those_of_the_named_twin(name: str) -> None:
    dataset = qsim.data.load("digits", "test")
    named, bare = qsim.load(MODELS / f"{name}.safetensors"), nameless(name)
    clean = [evaluate.clean(model, dataset) for model in (named, bare)]
    assert clean[0].integer == clean[1].integer
    assert clean[1].shadow is not None
    assert clean[1].shadow > clean[1].integer - 0.12
    attacked = [evaluate.attacked(model, dataset, [0.1])[0].integer for model in (named, bare)]
    assert attacked[1] < clean[1].integer - 0.25
    assert attacked[1] < attacked[0] + 0.25


def test_a_line_goes_through_the_middle_of_every_stair_of_a_uniform_staircase() -> None:
    model = nameless("digits-relu-q4")
    layer, line = model.layers[0], lines(model)[0]
    assert layer.thresholds is not None
    z = line.slope[:, None] * (layer.thresholds - 0.5) + line.offset[:, None]
    codes = (z + 1) / 2 * layer.max_code  # half way between the codes that a threshold parts
    assert np.abs(codes - (np.arange(layer.max_code) + 0.5)).max() < 0.1


def test_its_hidden_activations_are_the_codes_without_rounding() -> None:
    model = nameless("digits-relu-q4")
    assert activation_of(model) == "hard_tanh"
    codes: Any = random_codes(0, model, 50)
    network = nw.of_model(model, np.float64)
    found = nw.forward(network, nw.to_real(codes, network.codes_per_unit, np.float64)).hidden[0]
    assert np.abs((found + 1) / 2 * 255 - model.trace(codes).hidden[0]).max() < 1


def test_neurons_that_never_change_have_no_slope() -> None:
    model = random_model(2, per_neuron=True)
    first = model.layers[0]
    rows = np.array(first.thresholds)
    rows[0], rows[1] = 10**6, -(10**6)
    changed = Model([replace(first, thresholds=rows), *model.layers[1:]], model.input)
    line = lines(changed)[0]
    assert line.slope[:2].tolist() == [0, 0]
    assert line.offset[:2].tolist() == [-1, 1]


def test_named_and_nameless_layers_do_not_mix() -> None:
    model = random_model(1, (5, 4, 4, 3))
    mixed = [replace(model.layers[0], activation="relu"), *model.layers[1:]]
    with pytest.raises(
        QsimError, match=r"hidden layers name the activations \['relu', None\]; one of hard_tanh"
    ):
        nw.of_model(Model(mixed, model.input))
