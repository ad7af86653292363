"""The cost of unrolled engines: latency and interval exact, the rest near synthesis, and the choice by it."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Fragment
from random_models import random_model

import qsim
from benches import fit_unrolled
from qsim import QsimError
from qsim.cli import main
from qsim_rtl.fpga import unrolled_cost
from qsim_rtl.fpga.cost import FULL
from qsim_rtl.fpga.family import BOARDS, FAMILIES
from qsim_rtl.gateware.unrolled.top import UnrolledAxi
from qsim_rtl.shape.unrolled import widest_beat
from qsim_rtl.unrolled.engine_size import engine_size, graphs
from qsim_rtl.unrolled.serial_size import intervals

MODELS = Path(__file__).parents[2] / "models"
DIGITS = qsim.load(MODELS / "digits-sparse-q4.safetensors")
SMALL = random_model((6, 5, 4, 3), bits=3, levels=7, seed=1)


@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
@pytest.mark.parametrize("levels", [1, 15])
@pytest.mark.parametrize("interval", [1, 5, 99])
def test_the_buses_are_those_of_the_engine(grid, levels, interval):
    model = random_model((6, 5, 4, 3), bits=3, levels=levels, grid=grid, per_neuron=True, seed=levels)
    size = engine_size(model, graphs(model), interval)
    top = UnrolledAxi(model, widest_beat(model.inputs, model.input.bits), interval=interval)
    assert unrolled_cost.bus_shape(model, size) == top.shape
    assert (size.queue_bits, size.queue_words) == (top.engine.results.bits, top.engine.results.places)
    Fragment.get(top, None)  # Amaranth warns of what is made and not elaborated


@pytest.mark.parametrize("model", [SMALL, random_model((3, 4, 1), bits=2, levels=3, signed=True)])
def test_intervals_are_all_engines_that_there_are(model):
    products, ends = graphs(model), [model.code_range(i) for i in range(len(model.layers))]
    sizes = [engine_size(model, products, interval) for interval in range(1, 60)]
    few = [engine_size(model, products, interval) for interval in intervals(products, ends)]
    assert {*map(repr, sizes)} == {*map(repr, few)}
    assert len({*map(repr, few)}) == len(few)


@pytest.mark.parametrize(
    "row",
    fit_unrolled.saved(),
    ids=lambda row: f"{row['model']}-{row['hidden']}-{row['interval']}-{row['target']}",
)
def test_near_what_was_synthesised(row):
    cost = unrolled_cost.predict(fit_unrolled.cut_model(row), row["target"], row["interval"])
    assert (cost.interval, cost.latency, cost.bram) == (row["engine_interval"], row["latency"], row["bram"])
    assert cost.lut == pytest.approx(row["lut"], rel=0.2)
    assert cost.ff == pytest.approx(row["ff"], rel=0.05)


@pytest.mark.parametrize("family", [name for name, each in FAMILIES.items() if each.unrolled_prices])
def test_the_constants_are_those_of_the_fit_and_near_what_the_fit_has_not_seen(family):
    builds = [fit_unrolled.counted(build) for build in fit_unrolled.of_family(family)]
    fitted = fit_unrolled.fit(builds)
    for kind in ("luts", "registers"):
        stated = asdict(getattr(FAMILIES[family].unrolled_prices, kind))
        assert stated == pytest.approx(asdict(getattr(fitted, kind)), rel=0.01, abs=0.01)
    lut, ff = np.abs(fit_unrolled.unseen(builds)).T
    assert lut.mean() < 0.08
    assert lut.max() < 0.3  # digits of 8 bits, where mapping for speed copies gates
    assert ff.mean() < 0.02
    assert ff.max() < 0.05


def test_the_choice_is_the_smallest_that_is_fast_enough():
    clock = BOARDS["ecp5-25k"].clock
    costs = unrolled_cost.every(DIGITS, "ecp5-25k")
    for rate in (1e5, 25e6):
        price = unrolled_cost.choose(DIGITS, "ecp5-25k", rate)
        fast = [cost for cost in costs if clock / cost.interval >= rate]
        assert price in fast
        assert price.lut == min(cost.lut for cost in fast)
    assert unrolled_cost.choose(DIGITS, "ecp5-25k", 1e5).lut < price.lut


def test_what_does_not_fit_is_refused(monkeypatch):
    costs = unrolled_cost.every(SMALL, "ecp5-25k")
    least = min(max(cost.lut, cost.ff) for cost in costs)
    assert least < 0.9 * costs[0].lut
    smaller = replace(BOARDS["ecp5-25k"], luts=round(1.01 * least / FULL))
    monkeypatch.setattr(unrolled_cost, "board_of", lambda target: smaller)
    with pytest.raises(QsimError, match=r"25,000,000 inferences a second at 25 MHz do not fit .*; [\d,]+ do"):
        unrolled_cost.choose(SMALL, "ecp5-25k", 25e6)
    none = replace(smaller, luts=least)
    monkeypatch.setattr(unrolled_cost, "board_of", lambda target: none)
    with pytest.raises(QsimError, match=r"does not fit ecp5-25k unrolled: about [\d,]+ LUTs and"):
        unrolled_cost.choose(SMALL, "ecp5-25k", 1000)


def test_what_is_not_known_is_refused():
    with pytest.raises(QsimError, match="more than 0 is needed"):
        unrolled_cost.choose(SMALL, "ecp5-25k", 0)
    with pytest.raises(QsimError, match="what an unrolled engine needs of up5k is not predicted"):
        unrolled_cost.predict(SMALL, "up5k")


def test_on_the_command_line(tmp_path):
    file = str(MODELS / "digits-sparse-q4.safetensors")
    with pytest.raises(SystemExit) as left:
        main(["cost", file, "--target", "ecp5-25k", "--json", str(tmp_path / "f.json")])
    assert left.value.code == 0
    rows = json.loads((tmp_path / "f.json").read_text())["rows"]
    own = [row for row in rows if row["style"] == "unrolled"]
    assert own[0]["options"] == "--interval 1"
    assert own[0]["lut"] == unrolled_cost.predict(DIGITS, "ecp5-25k").lut
    assert {row["style"] for row in rows} == {"folded", "unrolled"}
