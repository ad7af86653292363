"""Protected weight memories: no single flip is missed, none that can be corrected changes a result."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from examples import expected
from random_models import random_codes, random_model

from qsim import Mapping, QsimError
from qsim.crossbar.mapping import map_to_crossbar
from qsim.faults.draw import draw_in_order
from qsim.faults.lists import apply_faults, of_model
from qsim_rtl import EngineShape, Simulator
from qsim_rtl.export import folder
from qsim_rtl.export.verify import verify
from qsim_rtl.gateware.engine import Engine
from qsim_rtl.host.device import Device
from qsim_rtl.host.transport_simulated import SimulatedTransport
from qsim_rtl.memory.faults import flipped
from qsim_rtl.memory.pack import image
from qsim_rtl.memory.protection import PROTECTIONS
from qsim_rtl.shape.identity import identity
from qsim_rtl.shape.loadable import Loadable
from qsim_rtl.sim.yosys import flat

MODELS_FOLDER = Path(__file__).parents[2] / "models"
MODEL = random_model((6, 5, 3), 3, 7, seed=3)
CODES = random_codes(MODEL, 12)


@pytest.mark.parametrize("width", [1, 4, 5, 11, 12, 26, 27, 80, 120, 121, 500])
def test_columns_tell_single_flips_from_double_ones(width: int) -> None:
    code = PROTECTIONS["secded"]
    columns = code.columns(width)
    checks = [1 << place for place in range(code.checks(width))]
    every = {*columns, *checks}
    assert len(columns) == width
    assert len(every) == width + len(checks)
    assert all(bin(column).count("1") % 2 == 1 for column in every)
    assert (1 << len(checks) - 1) - len(checks) >= width  # so many columns of odd weight there are
    assert (1 << len(checks) - 2) - len(checks) + 1 < width or len(checks) == 4
    if width < 30:
        assert all(a ^ b not in every for a, b in combinations(every, 2))


@pytest.mark.parametrize("name", ["parity", "secded"])
def test_checks_are_the_xor_of_the_columns_of_ones(name: str) -> None:
    code, random = PROTECTIONS[name], np.random.default_rng(0)
    ones = random.integers(0, 2, (20, 37)).astype(np.uint8)
    for word, found in zip(ones, code.of(ones), strict=True):
        wanted = 0
        for bit, column in zip(word.tolist(), code.columns(37), strict=True):
            wanted ^= column * bit
        assert int("".join(map(str, found[::-1])), 2) == wanted


@pytest.fixture(scope="module", params=["parity", "secded"])
def simulator(request: pytest.FixtureRequest) -> Simulator:
    return Simulator(MODEL, 2, 2, optimize=0, protection=request.param)


def wrong_words(simulator: Simulator, flips: dict[str, list[list[int]]]) -> None:
    words = image(MODEL, simulator.shape)
    simulator.load_words(flipped(words, {name: np.array(where) for name, where in flips.items()}))


def test_nothing_is_found_where_nothing_is_wrong(compiler: list[str], simulator: Simulator) -> None:
    simulator.load(MODEL)
    for stall in (0.0, 0.5):
        result, wanted = simulator.run(CODES, stall, seed=2), expected(MODEL, CODES)
        assert np.array_equal(result.logits, wanted.logits)
        assert (result.corrected, result.failed) == (0, 0)


def test_every_single_flip_is_flagged_or_corrected(compiler: list[str], simulator: Simulator) -> None:
    secded = simulator.shape.layers[0].protection == "secded"
    wanted = expected(MODEL, CODES).logits
    for i in range(2):
        name = f"layer{i}_weights"
        words = image(MODEL, simulator.shape)[name]
        for word in range(len(words.chunks)):
            for bit in range(words.width):
                wrong_words(simulator, {name: [[word, bit]]})
                result = simulator.run(CODES)
                found = (result.corrected, result.failed)
                assert found == ((len(CODES), 0) if secded else (0, len(CODES))), (name, word, bit)
                assert not secded or np.array_equal(result.logits, wanted)


def test_two_flips_in_a_word_are_flagged_by_secded(compiler: list[str], simulator: Simulator) -> None:
    secded = simulator.shape.layers[0].protection == "secded"
    width = image(MODEL, simulator.shape)["layer0_weights"].width
    for pair in combinations(range(width), 2):
        wrong_words(simulator, {"layer0_weights": [[4, bit] for bit in pair]})
        result = simulator.run(CODES[:3])
        assert (result.corrected, result.failed) == ((0, 3) if secded else (0, 0))


def test_lists_in_protected_memories(compiler: list[str], simulator: Simulator) -> None:
    """With one flip SECDED hides a list; parity lets it through and flags it."""
    secded = simulator.shape.layers[0].protection == "secded"
    for fault in draw_in_order(MODEL, "weight-bit", 12, seed=1):
        faults = of_model(MODEL, {"weight-bit": fault[None]})
        simulator.load(MODEL, faults)
        result, broken = simulator.run(CODES), apply_faults(MODEL, faults)
        assert np.array_equal(result.logits, (MODEL if secded else broken).logits(CODES))
        assert (result.corrected if secded else result.failed) == len(CODES)


@pytest.mark.parametrize(
    ("name", "flag"),
    [pytest.param("parity", "MEMORY_FAILED", marks=pytest.mark.slow), ("secded", "MEMORY_CORRECTED")],
)
def test_the_bus_tells(compiler: list[str], name: str, flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = Loadable.of(MODEL, 2, 2, protection=name)
    right, device = shape.words(MODEL), Device(SimulatedTransport(shape), shape)
    device.load(MODEL)
    assert np.array_equal(device.logits(CODES), MODEL.logits(CODES))
    assert device.flags == []
    wrong = right.copy()
    wrong[1 + 8 + 4] ^= 4  # behind shape and digest: a word of layer 0's weights
    monkeypatch.setattr(Loadable, "words", lambda self, model: wrong)
    device.load(MODEL)
    assert device.flags == []
    assert np.array_equal(device.logits(CODES), MODEL.logits(CODES)) == (name == "secded")
    assert device.flags == [flag]


def test_an_export_is_protected_and_verified(compiler: list[str], tmp_path: Path) -> None:
    manifest = folder.write(MODEL, tmp_path, 2, 2, protection="secded")
    assert manifest["protection"] == "secded"
    widths = {memory["name"]: memory["width"] for memory in manifest["memories"]}
    assert widths["layer0_weights"] == 2 * 2 * 3 + 6
    assert verify(tmp_path)["regenerated"]


def test_words_of_wide_foldings_make_no_deep_netlist() -> None:
    shape = EngineShape.of(random_model((64, 10, 2), 8, 3), 10, 8).protected_by("secded")
    assert "module" in flat(Engine(shape), "engine", "write_verilog")


def test_what_cannot_be_protected_is_refused() -> None:
    shape = EngineShape.of(MODEL, 2, 2)
    with pytest.raises(QsimError, match="protection is 'hope'; one of none, parity, secded is needed"):
        shape.protected_by("hope")
    with pytest.raises(QsimError, match="weights in cells have no check bits"):
        EngineShape.of(map_to_crossbar(MODEL, Mapping()), 2, 2).protected_by("parity")
    assert shape.protected_by("none") == shape
    names = {identity(shape.protected_by(name)) for name in PROTECTIONS}
    assert len(names) == 3
