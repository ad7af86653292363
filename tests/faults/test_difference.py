"""Single faults followed by what they change are what the whole faulty model computes."""

from pathlib import Path

import numpy as np
import pytest
from examples import random_codes, random_model

from qsim import Mapping, Model, QsimError, data, load
from qsim.crossbar.mapping import map_to_crossbar
from qsim.faults.difference import KINDS, Baseline, Effects
from qsim.faults.draw import Space, draw_in_order
from qsim.faults.kinds import KINDS as ALL_KINDS
from qsim.faults.lists import apply_faults, of_model
from qsim.faults.memory import Integers

MODELS_FOLDER = Path(__file__).parents[2] / "models"
MODELS = {
    "three layers": random_model(9, (9, 6, 5, 3), (3, 4, 2), (7, 3)),
    "thresholds of each neuron, not 2**n - 1 of them": random_model(10, (9, 6, 4), 4, 5, per_neuron=True),
    "one output": random_model(3, (7, 5, 1), 3, 6, grid="twos_complement"),
    "one layer": random_model(5, (7, 4), 3),
}


def recomputed(model: Model, kind: str, table: Integers, codes: Integers, labels: Integers) -> Effects:
    """The same by the whole network, fault by fault."""
    logits, classes = model.logits(codes), model.predict(codes)
    rows, by_image = [], np.zeros((int(table[:, -1].max()) + 1, len(codes)), np.int64)
    for fault in table:
        broken = apply_faults(model, of_model(model, {kind: fault[None]}))
        found, said = broken.logits(codes), broken.predict(codes)
        if model.outputs == 1:
            margin = np.where(labels == 1, found[:, 0], -1 - found[:, 0])
        else:
            others = found.copy()
            others[np.arange(len(found)), labels] = np.iinfo(np.int64).min
            margin = found[np.arange(len(found)), labels] - others.max(1)
        same = (found == logits).all(1)
        rows.append(((said == labels).sum(), (said != classes).sum(), same.sum(), margin.sum()))
        by_image[fault[-1]] += said != classes
    return Effects(*np.array(rows).T, by_image)


def check(model: Model, kind: str, table: Integers, codes: Integers, labels: Integers) -> Effects:
    """Refuse a difference; give what was found."""
    found = Baseline.of(model, codes, labels).effects(kind, table)
    wanted = recomputed(model, kind, table, codes, labels)
    for name, values in vars(wanted).items():
        assert np.array_equal(getattr(found, name), values), name
    return found


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", KINDS)
def test_small_networks(name: str, kind: str) -> None:
    model = MODELS[name]
    if name == "one layer" and kind == "threshold-bit":
        pytest.skip("it has no thresholds")
    codes = random_codes(7, model, 60)
    labels = np.random.default_rng(8).integers(0, model.classes, 60)
    space = Space(model, ALL_KINDS[kind])
    count = min(len(space), 150)
    found = check(model, kind, draw_in_order(model, kind, count, seed=9), codes, labels)
    assert found.changed.any()
    assert (found.masked < 60).any()


@pytest.mark.parametrize("kind", KINDS)
def test_digits(kind: str) -> None:
    model = load(MODELS_FOLDER / "digits-relu-q4.safetensors")
    found = check(model, kind, draw_in_order(model, kind, 60, seed=1), *data.digits("test"))
    assert found.by_image.sum() == found.changed.sum()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_faults_on_mnist(kind: str, mnist_test: tuple[Integers, Integers]) -> None:
    model = load(MODELS_FOLDER / "mnist-relu-q8.safetensors")
    codes, labels = (array[:1000] for array in mnist_test)
    check(model, kind, draw_in_order(model, kind, 1000, seed=2), codes, labels)


def test_what_cannot_be_followed_is_refused() -> None:
    model = MODELS["three layers"]
    codes = random_codes(7, model, 4)
    with pytest.raises(QsimError, match="a layer here is on a crossbar"):
        Baseline.of(map_to_crossbar(model, Mapping()), codes, np.zeros(4, int))
    with pytest.raises(QsimError, match="labels run from 3 to 3"):
        Baseline.of(model, codes, np.full(4, 3))
    with pytest.raises(QsimError, match="single faults of kind 'cell'; weight-bit,"):
        Baseline.of(model, codes, np.zeros(4, int)).effects("cell", np.zeros((1, 5), np.int64))
