"""Flipped bits of registers: each does what its place says, and is gone with the next reset."""

import numpy as np
import pytest
from random_models import random_codes, random_model

from qsim import Mapping, QsimError
from qsim.crossbar.mapping import map_to_crossbar
from qsim_rtl import Simulator
from qsim_rtl.sim import upsets
from qsim_rtl.sim.registers import CLASSES, Register, Upset, site
from qsim_rtl.sim.upsets import OUTCOMES, Bench, Plan, judged

pytestmark = pytest.mark.usefixtures("compiler")
MODEL = random_model((6, 5, 3), 3, 7, seed=3)
CODES = random_codes(MODEL, 2)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(Simulator(MODEL, 2, 2, optimize=0, registers=True), CODES)


def changes(bench: Bench, register: str, bit: int) -> list[np.ndarray]:
    """What a flip in each cycle adds to the logits."""
    runs = (bench.simulator.send(*bench.beats, upset=Upset(register, bit, c)) for c in range(bench.cycles))
    return [run.logits - bench.sound.logits for run in runs]


@pytest.mark.parametrize("bit", [0, 2, 5])
def test_a_flipped_accumulator_moves_one_logit_by_a_power_of_two(bench: Bench, bit: int) -> None:
    """It is wrong from a group's first sum to its last: as many cycles as the layer has beats."""
    assert np.array_equal(bench.sound.logits, MODEL.logits(CODES).ravel())
    beats, width = bench.simulator.shape.layers[1].beats, MODEL.accumulator_bits[1]
    moved = [change for change in changes(bench, "layers.1.acc_0", bit) if change.any()]
    assert len(moved) == len(CODES) * 2 * beats  # logits 0 and 2 are lane 0's
    where = [int(np.flatnonzero(change)[0]) for change in moved]
    assert sorted(where) == sorted(np.repeat([0, 2, 3, 5], beats).tolist())
    for change in moved:
        assert np.count_nonzero(change) == 1
        assert abs(change.sum()) % (1 << width) in (1 << bit, (1 << width) - (1 << bit))


def test_a_flipped_hidden_code_is_that_of_one_neuron(bench: Bench) -> None:
    """Each run in which something is different is the last layer's, with the bit of one code flipped."""
    hidden, last = MODEL.trace(CODES).hidden[0], MODEL.layers[1]
    for bit in range(3):
        possible = []
        for image in range(len(CODES)):
            for neuron in range(5):
                wrong = hidden.copy()
                wrong[image, neuron] ^= 1 << bit
                possible.append((wrong @ last.weights.T + last.bias).ravel().tolist())
        runs = (change for change in changes(bench, "layers.0.threshold.code_0", bit) if change.any())
        found = [(bench.sound.logits + change).tolist() for change in runs]
        assert len(found) >= len(possible) // 2
        assert all(logits in possible for logits in found)


def test_the_result_s_registers_change_no_logit(bench: Bench) -> None:
    kinds = {name: register.kind for name, register in bench.simulator.registers.items()}
    assert set(kinds.values()) == set(CLASSES)
    for name in (name for name, kind in kinds.items() if kind == "result"):
        assert not any(change.any() for change in changes(bench, name, 0))


def test_every_bit_and_cycle_of_control_is_judged_and_leaves_nothing_behind(bench: Bench) -> None:
    control = [r for r in bench.simulator.registers.values() if r.kind == "control"]
    found = {
        bench.outcome(Upset(register.name, register.bits[-1], cycle))
        for register in control
        for cycle in range(0, bench.cycles, 3)
    }
    assert found >= {"masked", "silent", "detected"}
    again = bench.simulator.send(*bench.beats)
    assert np.array_equal(again.logits, bench.sound.logits)
    assert np.array_equal(again.finished, bench.sound.finished)


def test_lost_and_torn_frames_are_detected(bench: Bench) -> None:
    data, last = bench.beats
    outputs = MODEL.outputs
    assert judged(bench.sound, bench.sound, outputs) == "masked"
    one = bench.simulator.send(data[: len(data) // 2], last[: len(last) // 2])
    assert judged(one, bench.sound, outputs) == "detected"
    swapped, _ = bench.simulator.beats(CODES[::-1])
    assert len(set(MODEL.predict(CODES).tolist())) == 1
    other = bench.simulator.send(swapped.reshape(data.shape), last)
    assert judged(other, bench.sound, outputs) == "logits"
    early = last.copy()
    early[0] = 1
    assert judged(bench.simulator.send(data, early), bench.sound, outputs) == "detected"


def test_secded_corrects_an_upset_in_the_memory_s_output() -> None:
    bench = Bench(Simulator(MODEL, 2, 2, optimize=0, protection="secded", registers=True), CODES)
    for bit in bench.simulator.registers["layers.0.weights_data"].bits:
        for cycle in range(0, bench.cycles, 5):
            run = bench.simulator.send(*bench.beats, upset=Upset("layers.0.weights_data", bit, cycle))
            assert np.array_equal(run.logits, bench.sound.logits)
            assert run.failed == 0


def test_a_campaign_is_its_seed_s_and_its_shares_are_counts(bench: Bench) -> None:
    plan = Plan(2, 2, samples=30, seed=4)
    rows, bits = upsets.campaign(MODEL, CODES, plan)
    assert (rows, bits) == upsets.campaign(MODEL, CODES, plan)
    assert rows != upsets.campaign(MODEL, CODES, Plan(2, 2, samples=30, seed=5))[0]
    assert sum(bits.values()) == sum(len(r.bits) for r in bench.simulator.registers.values())
    told = upsets.summary(rows, bits)
    assert [row["kind"] for row in told] == [*CLASSES, "all"]
    for row in told:
        assert sum(row[outcome] for outcome in OUTCOMES) == pytest.approx(1)
        assert all(row[f"{o}_low"] <= row[o] <= row[f"{o}_high"] for o in OUTCOMES)
    own = [row for row in rows if row["kind"] == "accumulator"]
    assert told[0]["masked"] == sum(row["outcome"] == "masked" for row in own) / 30
    assert told[-1]["silent"] == pytest.approx(
        sum(r["silent"] * r["bits"] for r in told[:-1]) / sum(bits.values())
    )


def test_wilson_s_interval() -> None:
    rows = [{"kind": "code", "outcome": "masked"}] * 9 + [{"kind": "code", "outcome": "silent"}]
    row = upsets.summary(rows, {"code": 8})[0]
    assert (row["silent_low"], row["silent_high"]) == pytest.approx((0.01787, 0.40415), abs=1e-5)
    assert row["detected"] == row["detected_low"] == 0 < row["detected_high"]


def test_names_and_classes() -> None:
    assert site("layer0 acc_3") == "layers.0.acc_3"
    assert site("threshold1 code_0") == "layers.1.threshold.code_0"
    assert site("layer0 $signature__data") == "layers.0.weights_data"
    assert str(Upset("layers.0.acc_3", 12, 345)) == "layers.0.acc_3[12]@345"
    for name, kind in {
        "layers.0.held_1": "accumulator",
        "layers.0.threshold.acc2_0": "accumulator",
        "layers.0.accumulated": "control",
        "layers.1.loaded_codes": "code",
        "layers.0.weights_addr": "control",
        "argmax.best": "result",
    }.items():
        assert Register(name).kind == kind


def test_what_cannot_be_is_refused(bench: Bench) -> None:
    with pytest.raises(QsimError, match=r"register is 'moon'; this engine has none of that name"):
        bench.outcome(Upset("moon", 0, 0))
    with pytest.raises(QsimError, match=r"layers.0.beat has no bit 7; one of \[0, 1\] is needed"):
        bench.outcome(Upset("layers.0.beat", 7, 0))
    with pytest.raises(QsimError, match="upsets are of engines of ideal layers"):
        upsets.campaign(map_to_crossbar(MODEL, Mapping()), CODES, Plan())
    with pytest.raises(QsimError, match="upsets on no images"):
        upsets.campaign(MODEL, CODES[:0], Plan(2, 2))
    with pytest.raises(QsimError, match="number of upsets is 0"):
        Plan(samples=0)
    assert Simulator(MODEL, 2, 2, optimize=0).registers == {}
