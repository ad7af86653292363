"""What a fault list makes of a model is what an engine with flipped memories computes."""

import numpy as np
import pytest
from engine_words import run
from examples import random_codes, random_model

from qsim import InputFormat, Mapping, Model, QsimError, spec
from qsim.crossbar.converters import with_converters
from qsim.crossbar.mapping import map_to_crossbar
from qsim.faults.draw import Space, draw, draw_in_order
from qsim.faults.kinds import KINDS
from qsim.faults.lists import apply_faults, of_model
from qsim.faults.memory import effective_thresholds

BITS = ("weight-bit", "bias-bit", "threshold-bit")
MODELS = {
    "three layers": random_model(1, (9, 6, 5, 3), (3, 4, 2), (7, 3)),
    "thresholds of each neuron, not 2**n - 1 of them": random_model(2, (9, 6, 4), 4, 5, per_neuron=True),
    "two's complement, one output": random_model(3, (7, 5, 1), 3, 6, grid="twos_complement"),
    "signed inputs": random_model(4, (7, 5, 3), 1, 1, form=InputFormat(5, signed=True)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kinds", [*((kind,) for kind in BITS), BITS], ids="+".join)
def test_models_with_faults_are_engines_with_flipped_memories(name: str, kinds: tuple[str, ...]) -> None:
    model, changed, wrapped = MODELS[name], 0, 0
    codes = random_codes(5, model, 12)
    for seed in range(25):
        faults = draw(model, kinds, 0.02 if seed % 2 else 0.2, seed)
        broken = apply_faults(model, faults)
        wanted = run(model, faults, codes.tolist())
        assert broken.logits(codes).tolist() == wanted
        assert spec.logits(broken, codes.tolist()) == wanted
        changed += wanted != spec.logits(model, codes.tolist())
        wrapped += broken.wraps
    assert changed > (2 if kinds == ("threshold-bit",) else 12)
    assert wrapped or "bias-bit" not in kinds


@pytest.mark.parametrize("bits", range(1, 5))
def test_any_search_tree_counts_as_sorted_thresholds(bits: int) -> None:
    random = np.random.default_rng(bits)
    for _ in range(50):
        tree = random.integers(-9, 10, (3, (1 << bits) - 1))
        rows = effective_thresholds(tree)
        assert (rows[:, 1:] >= rows[:, :-1]).all()
        for acc in range(-11, 12):
            for row, entries in zip(rows, tree.tolist(), strict=True):
                code = 0
                for k in reversed(range(bits)):
                    code += (entries[code + (1 << k) - 1] <= acc) << k
                assert code == (row <= acc).sum()


def test_sorted_thresholds_stay() -> None:
    rows = np.sort(np.random.default_rng(0).integers(-20, 20, (4, 31)))
    assert np.array_equal(effective_thresholds(rows), rows)


def test_no_faults_give_the_same_model() -> None:
    for model in MODELS.values():
        assert apply_faults(model, of_model(model, {})).digest == model.digest
        assert apply_faults(model, draw(model, BITS, 0)).digest == model.digest


def mapped() -> Model:
    return with_converters(map_to_crossbar(random_model(0, (20, 9, 3), 4), Mapping(8, 6, cell_bits=2)), 4)


def test_a_flipped_level_is_a_stuck_cell() -> None:
    model = mapped()
    crossbar = model.layers[0].crossbar
    assert crossbar is not None
    unit, cell = crossbar.mapping.unit, int(crossbar.cells[1, 5, 2])
    flip = of_model(model, {"cell-bit": np.array([[0, 1, 5, 2, 1]])})
    stuck = of_model(model, {"cell": np.array([[0, 1, 5, 2, ((cell // unit) ^ 2) * unit]])})
    cells = [apply_faults(model, faults).layers[0].crossbar.cells for faults in (flip, stuck)]  # type: ignore[union-attr]
    assert np.array_equal(*cells)
    assert (cells[0] != crossbar.cells).sum() == 1


@pytest.mark.parametrize("kind", ["cell", "cell-bit", "converter-bit", "bias-bit", "threshold-bit"])
def test_tiles_with_faults_run_as_the_specification(kind: str) -> None:
    model = mapped()
    codes, changed = random_codes(1, model, 6), 0
    for seed in range(4):
        broken = apply_faults(model, draw(model, [kind], 0.1, seed))
        assert broken.logits(codes).tolist() == spec.logits(broken, codes.tolist())
        changed += not np.array_equal(broken.logits(codes), model.logits(codes))
    assert changed


def test_a_bias_on_tiles_holds_what_the_smallest_code_adds() -> None:
    plain = random_model(4, (7, 5, 3), 3, 3, form=InputFormat(5, signed=True))
    faults = of_model(plain, {"bias-bit": np.array([[0, 2, 3]])})
    model = map_to_crossbar(plain, Mapping())
    on_tiles = apply_faults(model, of_model(model, faults.tables))
    held = int(plain.layers[0].bias[2] - 16 * plain.layers[0].weights[2].sum())
    assert on_tiles.layers[0].bias[2] - plain.layers[0].bias[2] == (held ^ 8) - held


@pytest.mark.parametrize("kind", KINDS)
def test_all_single_faults_are_numbered(kind: str) -> None:
    model = mapped() if kind.startswith(("cell", "converter")) else MODELS["three layers"]
    space = Space(model, KINDS[kind])
    table = space.table(np.arange(len(space)))
    assert len(np.unique(table, axis=0)) == len(table) == len(space)
    some = draw_in_order(model, kind, 40, seed=3)
    assert np.array_equal(draw_in_order(model, kind, 90, seed=3)[:40], some)
    assert {tuple(row) for row in some.tolist()} <= {tuple(row) for row in table.tolist()}
    apply_faults(model, of_model(model, {kind: table[:1]}))


def test_every_bit_has_the_chance_that_is_asked_for() -> None:
    model = random_model(1, (200, 100, 10), 8)
    table = draw(model, ["weight-bit"], 0.01, seed=7).tables["weight-bit"]
    assert abs(len(table) - 1680) < 4 * np.sqrt(1680)
    assert (np.bincount(table[:, 3]) > 140).all()
    fewer = draw(model, ["weight-bit"], 0.004, seed=7).tables["weight-bit"]
    assert {tuple(row) for row in fewer.tolist()} < {tuple(row) for row in table.tolist()}
    assert len(draw(model, ["weight-bit"], 1.0)) == len(Space(model, KINDS["weight-bit"])) == 168_000


@pytest.mark.parametrize(
    ("kinds", "rate", "message"),
    [
        (["weight-bit"], 1.5, r"^fault rate is 1.5; 0 to 1 is allowed$"),
        (["weight-bit"], -0.1, r"^fault rate is -0.1; 0 to 1 is allowed$"),
        (["weight"], 0.1, r"^fault kind is 'weight'; one of weight-bit, .* is needed$"),
        (["cell"], 0.1, r"^cell: no layer of this model has any; another kind is needed$"),
    ],
)
def test_draws_that_cannot_be_are_refused(kinds: list[str], rate: float, message: str) -> None:
    with pytest.raises(QsimError, match=message):
        draw(MODELS["three layers"], kinds, rate)
