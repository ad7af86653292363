"""`qsim map`, as a user types it."""

import json
from pathlib import Path

import pytest

import qsim
from qsim.cli import main
from qsim.crossbar import effects, recipe
from qsim.crossbar.converters import with_converters
from qsim.crossbar.effects import EFFECTS
from qsim.crossbar.mapping import map_to_crossbar
from qsim.faults.lists import read
from qsim.model.crossbar import Mapping

ROOT = Path(__file__).parent.parent
DIGITS = str(ROOT / "models/digits-relu-q4.safetensors")


def run(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code in (0, None)


def failing(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


def test_ideal_tiles_change_nothing(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    run(["map", DIGITS, "--rows", "32", "--cell-bits", "2", "--mapping", "differential", "--out", str(out)])
    codes, _ = qsim.data.digits("test")
    ideal, mapped = qsim.load(DIGITS), qsim.load(out)
    assert (mapped.logits(codes[:20]) == ideal.logits(codes[:20])).all()
    assert mapped.digest != ideal.digest


def test_everything_at_once_is_the_same_twice(tmp_path: Path) -> None:
    effects = (
        "--rows 16 --cols 32 --adc-bits 6 --adc-range calibrated --data digits --adc-offset 0.2 --adc-dnl 0.1"
    )
    effects += (
        " --on-off 50 --programming-error 0.02 --proportional-error 0.05 --stuck-low 0.01 --stuck-high 0.01"
    )
    effects += " --drift 1000 --drift-spread 0.01 --line-resistance 0.0001 --read-noise 0.3 --seed 5"
    figures = tmp_path / "map.json"
    for name in ("a", "b"):
        run(["map", DIGITS, *effects.split(), "--out", str(tmp_path / name), "--json", str(figures)])
    model = qsim.load(tmp_path / "a")
    assert model.digest == qsim.load(tmp_path / "b").digest == json.loads(figures.read_text())["digest"]
    history = [entry["effect"] for entry in model.description()["layers"][0]["history"]]
    assert history == [
        "converters",
        "on/off",
        "programming error",
        "stuck",
        "drift",
        "line resistance",
        "converter errors",
        "read noise",
    ]


def test_stuck_cells_are_listed_and_replayed(tmp_path: Path) -> None:
    faults = str(tmp_path / "faults.csv")
    run(["map", DIGITS, "--stuck-low", "0.02", "--out", str(tmp_path / "a"), "--write-faults", faults])
    run(["map", DIGITS, "--faults", faults, "--out", str(tmp_path / "b")])
    codes, _ = qsim.data.digits("test")
    first, second = qsim.load(tmp_path / "a"), qsim.load(tmp_path / "b")
    assert (first.layers[0].crossbar.cells == second.layers[0].crossbar.cells).all()  # type: ignore[union-attr]
    assert (first.logits(codes[:5]) == second.logits(codes[:5])).all()


def test_the_help_lists_effects_in_the_order_in_which_they_are_applied(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(["map", "--help"])
    text = capsys.readouterr().out
    first = [effect.parameters[0].option for effect in EFFECTS.values()]
    assert [text.index(f"{option} ") for option in first] == sorted(text.index(f"{o} ") for o in first)
    assert list(EFFECTS)[-3:] == ["line_resistance", "converter_errors", "read_noise"]


RECIPE = """
seed = 5
[tiles]
rows = 16
cols = 32
style = "differential"
[[effects]]
effect = "converters"
bits = 6
[[effects]]
effect = "drift"
seconds = 1000
[[effects]]
effect = "stuck"
low = 0.02
[[effects]]
effect = "programming_error"
uniform = 0.05
seed = 7
"""


def test_a_recipe_applies_effects_in_its_own_order_and_goes_into_the_provenance(tmp_path: Path) -> None:
    (tmp_path / "tiles.toml").write_text(RECIPE)
    out = tmp_path / "m.safetensors"
    run(["map", DIGITS, "--recipe", str(tmp_path / "tiles.toml"), "--out", str(out)])
    model = qsim.load(out)
    tiles = map_to_crossbar(qsim.load(DIGITS), Mapping(rows=16, cols=32, style="differential"))
    by_hand = effects.drift(with_converters(tiles, 6), 1000, seed=5)
    by_hand = effects.programming_error(effects.stuck(by_hand, 0.02, seed=5), 0.05, seed=7)
    assert model.digest == by_hand.digest
    stored = model.provenance["crossbar"]
    assert [step["effect"] for step in stored["effects"]] == [
        "converters",
        "drift",
        "stuck",
        "programming_error",
    ]
    assert recipe.of_table(stored).apply(qsim.load(DIGITS)).digest == model.digest
    assert model.provenance["data"] == "digits"  # what was known before is kept


def test_options_are_a_short_form_of_a_recipe(tmp_path: Path) -> None:
    options = "--rows 16 --broken-rows 0.1 --stuck-low 0.01 --drift 100 --drift-nu 0.1 --adc-dnl 0.2 --seed 3"
    run(["map", DIGITS, *options.split(), "--out", str(tmp_path / "a")])
    model = qsim.load(tmp_path / "a")
    stored = model.provenance["crossbar"]
    assert stored["tiles"]["rows"] == 16
    assert stored["effects"] == [
        {"effect": "stuck", "low": 0.01, "seed": 3},
        {"effect": "broken_wires", "rows": 0.1, "seed": 3},
        {"effect": "drift", "seconds": 100, "nu": 0.1, "seed": 3},
        {"effect": "converter_errors", "dnl": 0.2, "seed": 3},
    ]
    assert recipe.of_table(stored).apply(qsim.load(DIGITS)).digest == model.digest


def test_the_faults_of_a_recipe_are_those_of_its_pinned_cells_alone(tmp_path: Path) -> None:
    (tmp_path / "tiles.toml").write_text(RECIPE)
    faults = str(tmp_path / "faults.csv")
    arguments = ["--recipe", str(tmp_path / "tiles.toml"), "--write-faults", faults]
    run(["map", DIGITS, *arguments, "--out", str(tmp_path / "m")])
    listed = read(faults).tables["cell"]
    crossbars = [layer.crossbar for layer in qsim.load(tmp_path / "m").layers]
    assert 0 < len(listed) < 0.03 * sum(crossbar.cells.size for crossbar in crossbars if crossbar)
    assert (listed[:, 4] == 0).all()
    assert listed.tolist() == sorted(listed.tolist())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = ", "no TOML: "),
        ("speed = 1", "a recipe has no 'speed'; known are seed, tiles, effects"),
        ("tiles = 3", "tiles or effects have the wrong form"),
        ("[tiles]\nrow = 3", "tiles has no 'row'; known are rows, cols"),
        ("effects = [3]", "an entry of effects is 3; a table with effect = NAME is needed"),
        ('[[effects]]\neffect = "rust"', "effect is 'rust'; one of converters, on_off,"),
        ('[[effects]]\neffect = "stuck"\nup = 1', "effect stuck has no 'up'; known are low, high, seed"),
        ('[[effects]]\neffect = "drift"', "effect drift lacks seconds; it has no default"),
        ('[[effects]]\neffect = "stuck"\nlow = "1"', "low of effect stuck is '1'; float is needed"),
        ('[[effects]]\neffect = "stuck"\nlow = true', "low of effect stuck is True; float is needed"),
        ('[[effects]]\neffect = "converters"\nbits = 2.5', "bits of effect converters is 2.5; int is needed"),
        ('seed = -1\n[[effects]]\neffect = "stuck"\nlow = 0.1', "seed is -1; an integer of 0 or more"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.toml").write_text(text)
    arguments = ["map", DIGITS, "--recipe", str(tmp_path / "r.toml"), "--out", str(tmp_path / "m")]
    assert message in failing(arguments, capsys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--recipe none.toml", "none.toml cannot be read: No such file or directory"),
        ("--recipe none.toml --rows 8", "--recipe and --rows both say how to map; one is needed"),
        ("--drift-nu 0.1", "--drift-nu is given without --drift; alone it changes nothing"),
        ("--rows 0", "rows of a tile is 0; an integer from 1 to 65536 is needed"),
        ("--mapping both", "mapping is 'both'; offset or differential is needed"),
        ("--cell-bits 9", "cell bits is 9; an integer from 1 to 8 is needed"),
        ("--adc-bits 40", "converter bits is 40; an integer from 1 to 16 is needed"),
        ("--adc-bits 4 --adc-range calibrated", "calibrated converters need data; one of mnist, digits"),
        ("--stuck-low 2", "stuck-low rate is 2.0; 0 to 1 is allowed"),
        ("--faults none.csv", "none.csv cannot be read: No such file or directory"),
        ("--on-off 0.5", "on/off ratio is 0.5; more than 1 is needed"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    options: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m"
    assert message in failing(["map", DIGITS, *options.split(), "--out", str(out)], capsys)
    assert not out.exists()


def test_the_recipe_of_the_documentation_is_one_and_all_effects_are_named_there(tmp_path: Path) -> None:
    page = (ROOT / "docs/crossbar.md").read_text()
    (tmp_path / "tiles.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    model = recipe.read(tmp_path / "tiles.toml").apply(qsim.load(DIGITS))
    assert model.provenance["crossbar"]["effects"][-1] == {"effect": "read_noise", "sigma": 0.5, "seed": 6}
    assert all(f"`{name}`" in page for name in EFFECTS)
