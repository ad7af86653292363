"""tanh and hard tanh from training to hardware: trained, frozen, run, attacked, on tiles, in gates."""

from pathlib import Path

import pytest
from examples import expected, random_codes

import qsim
from qsim.attacks.defective import aware_shadow
from qsim.crossbar.effects import stuck
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Mapping
from qsim.shadow import network as nw
from qsim_rtl import compare


@pytest.fixture(scope="module", params=["tanh", "hard_tanh"])
def model(request: pytest.FixtureRequest) -> qsim.Model:
    recipe = qsim.Recipe(epochs=25, batch=32)
    network = qsim.train("digits", bits=3, activation=request.param, hidden=(20, 12), recipe=recipe)
    return qsim.quantize(network, hidden_bits=5, provenance={"data": "digits"})


def test_integers_follow_the_shadow_and_an_attack_hits(model: qsim.Model) -> None:
    codes, labels = qsim.data.digits("test")
    network = nw.of_model(model)
    shadow = nw.predict(network, nw.to_real(codes, network.codes_per_unit))
    clean = (model.predict(codes) == labels).mean()
    assert clean > 0.85
    assert (shadow == model.predict(codes)).mean() > 0.95
    attacked = qsim.fgsm(model, codes, labels, epsilon=0.2)
    assert (model.predict(attacked) == labels).mean() < clean - 0.3


def test_the_kernel_and_the_file_give_the_integers_of_the_specification(
    model: qsim.Model, tmp_path: Path
) -> None:
    model.save(tmp_path / "m.safetensors")
    again = qsim.load(tmp_path / "m.safetensors")
    assert again.digest == model.digest
    assert [layer.zero_code for layer in again.layers] == [0, 15, 15]
    codes = random_codes(0, model, 30)
    wanted, found = expected(model, codes), again.trace(codes)
    assert all((a == b).all() for a, b in zip(wanted.hidden, found.hidden, strict=True))
    assert (wanted.logits == found.logits).all()


def test_ideal_tiles_change_nothing_and_the_aware_shadow_follows_defects(model: qsim.Model) -> None:
    codes, _ = qsim.data.digits("test")
    mapped = map_to_crossbar(model, Mapping(rows=16, cols=12, cell_bits=2, digit_bits=2))
    assert (mapped.logits(codes[:50]) == model.logits(codes[:50])).all()
    defective = stuck(mapped, 0.01, 0.01, seed=1)
    x = nw.to_real(codes, model.layers[0].codes_per_unit)
    integers = defective.predict(codes)
    unaware, aware = (
        (nw.predict(network, x) == integers).mean()
        for network in (nw.of_model(model), aware_shadow(defective))
    )
    assert unaware < 0.5
    assert aware > 0.95


def test_the_hardware_gives_the_same_integers(model: qsim.Model, compiler: list[str]) -> None:
    done = compare(model, qsim.data.digits("test")[0][:200])
    assert done.equal, done.first
