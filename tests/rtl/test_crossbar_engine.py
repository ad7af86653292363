"""Networks on tiles, compiled, against the specification: column codes, hidden codes, logits, cycles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from crossbar_models import Devices, column_codes, on_tiles
from examples import expected
from random_models import random_codes, random_model

from qsim import Model, QsimError
from qsim.faults.lists import apply_faults, differences, read, write
from qsim.model.crossbar import Mapping, Noise
from qsim_rtl import EngineShape, Simulator
from qsim_rtl.export import verilog

pytestmark = pytest.mark.usefixtures("compiler")


@dataclass(frozen=True)
class Case:
    sizes: tuple[int, ...]
    mapping: Mapping
    devices: Devices
    pe: tuple[int, ...]
    simd: tuple[int, ...]
    ideal: tuple[int, ...] = ()  # layers that stay off the tiles
    options: tuple = (("input_bits", 3),)

    def model(self, seed: int = 0) -> Model:
        ideal = random_model(self.sizes, 3, 7, seed=seed, **dict(self.options))
        mapped = on_tiles(ideal, self.mapping, replace(self.devices, seed=seed))
        layers = [(ideal if i in self.ideal else mapped).layers[i] for i in range(len(ideal.layers))]
        return Model(layers, ideal.input)


CASES = {
    "ideal": Case((7, 5, 3), Mapping(4, 4, 2, 3, "offset", 3), Devices(), (2, 3), (2, 4)),
    "stuck": Case(
        (9, 4, 6, 2), Mapping(3, 3, 1, 1, "offset", 2), Devices("stuck", "column"), (3, 1, 2), (1, 1, 3)
    ),
    "all at once": Case(
        (10, 5, 4), Mapping(4, 6, 2, 2, "differential", 4), Devices("spread", "both", 200_000),
        (4, 2), (4, 2), options=(("input_bits", 5), ("signed", True), ("grid", "twos_complement")),
    ),
    "noise, and one layer ideal": Case(
        (11, 6, 5, 1), Mapping(5, 4, 1, 1, "offset", 4), Devices("stuck", "slice", 1 << 18),
        (2, 5, 1), (5, 3, 5), ideal=(1,),
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def simulator(request) -> Simulator:
    case = CASES[request.param]
    return Simulator(case.model(), case.pe, case.simd, optimize=0)


@pytest.mark.parametrize(("stall", "first"), [(0.0, 0), (0.4, 2**32 - 7)])
def test_every_integer_is_the_specifications(simulator, stall, first):
    model = simulator.model
    codes = random_codes(model, 16, seed=3)
    result = simulator.run(codes, stall, seed=11, first_image=first)
    wanted = expected(model, codes, first)
    for found, reads in zip(result.columns, column_codes(model, codes, first), strict=True):
        assert np.array_equal(found, reads)
    for found, hidden in zip(result.hidden, wanted.hidden, strict=True):
        assert np.array_equal(found, hidden)
    assert np.array_equal(result.logits, wanted.logits)
    assert np.array_equal(result.classes, wanted.classes)


def test_timing_is_what_the_shape_states(simulator):
    data, last = simulator.beats(random_codes(simulator.model, 30))
    timing = simulator.shape.timing()
    assert simulator.send(data[0], last[0]).finished.tolist() == [timing.latency]
    finished = simulator.send(data.reshape(last.size, -1), last.ravel()).finished
    assert np.diff(finished)[-12:].tolist() == [timing.interval] * 12


def test_refused_frames_have_no_number(simulator):
    """Frames of a wrong length give no result and no column code; noise counts on after them."""
    model, due = simulator.model, simulator.shape.layers[0].beats
    codes = random_codes(model, 6, seed=5)
    data, _ = simulator.beats(codes)
    lengths = (
        [due, due + 1, due, due, 2 * due + 1, due] if due == 1 else [due, due - 1, due, due + 1, due, due]
    )
    beats = np.concatenate(
        [np.resize(frame, (n, frame.shape[1])) for frame, n in zip(data, lengths, strict=True)]
    )
    last = np.zeros(len(beats), np.uint8)
    last[np.cumsum(lengths) - 1] = 1
    outcome = simulator.send(beats, last, 0.3, seed=6, first_image=9)
    good = codes[np.array(lengths) == due]
    assert np.array_equal(outcome.logits, expected(model, good, 9).logits.ravel())
    assert [len(c) for c in outcome.columns] == [
        len(good) * c.groups * c.reads * c.pe for _, c in simulator.shape.mapped
    ]


def test_a_reset_in_mid_frame_leaves_nothing_behind(simulator):
    codes = random_codes(simulator.model, 4)
    data, last = simulator.beats(codes)
    stopped = last.size - 1
    simulator.send(data.reshape(last.size, -1)[:stopped], last.ravel()[:stopped])
    assert np.array_equal(simulator.run(codes).logits, expected(simulator.model, codes).logits)


def test_a_fault_list_is_written_into_an_engine_that_is_there(tmp_path):
    """No compilation, and nothing of the cells before remains: those of the list, other noise, and back."""
    case = CASES["all at once"]
    simulator = Simulator(case.model(), case.pe, case.simd, optimize=0)
    ideal, codes = simulator.model, random_codes(simulator.model, 5)
    hidden, output = ideal.layers
    cells = hidden.crossbar.cells.copy()
    cells[1, 3, 2], cells[0, :, 5] = 0, 48
    broken = Model((replace(hidden, crossbar=replace(hidden.crossbar, cells=cells)), output), ideal.input)
    write(differences(ideal, broken), tmp_path / "faults.csv")

    faulty = apply_faults(ideal, read(tmp_path / "faults.csv"))
    first = faulty.layers[0]
    noisier = replace(first, crossbar=replace(first.crossbar, noise=Noise(190_000, 3)))
    before = simulator.run(codes)
    for model in (faulty, Model((noisier, output), ideal.input), ideal):
        simulator.load(model)
        result = simulator.run(codes)
        for found, reads in zip(result.columns, column_codes(model, codes), strict=True):
            assert np.array_equal(found, reads)
        assert np.array_equal(result.logits, expected(model, codes).logits)
    assert np.array_equal(result.logits, before.logits)


def test_a_model_of_another_shape_is_refused():
    case = CASES["ideal"]
    simulator = Simulator(case.model(), case.pe, case.simd, optimize=0)
    with pytest.raises(QsimError, match="needs an engine of another shape"):
        simulator.load(replace_first(case.model(), Noise(1)))


def replace_first(model: Model, noise: Noise) -> Model:
    first, *rest = model.layers
    return Model((replace(first, crossbar=replace(first.crossbar, noise=noise)), *rest), model.input)


def test_a_fold_across_two_tiles_is_refused():
    model = CASES["ideal"].model()
    with pytest.raises(QsimError, match="simd of layer 0 is 3; a divisor of its tiles' 4 rows is needed"):
        EngineShape.of(model, simd=[3, 1])
    with pytest.raises(QsimError, match="pe of layer 1 is 5; 1 to 4 are allowed"):
        EngineShape.of(model, pe=[1, 5])
    assert [layer.simd for layer in EngineShape.of(model, simd=3).layers] == [2, 2]


def test_the_verilog_says_what_tiles_it_has(tmp_path):
    model = CASES["all at once"].model()
    first, *memories = verilog.write(model, tmp_path, pe=2, simd=2)
    header = first.read_text().partition("module")[0]
    assert (
        "layer 0: 3 tiles of 4 rows, 2 slices of 2 bits, 3 digits of 2 bits, 3-bit converters, with noise"
        in header
    )
    assert {path.stem for path in memories} >= {
        "layer0_columns_cells1_0",
        "layer1_adc0_stage2",
        "layer0_combine_bias",
    }
