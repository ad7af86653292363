"""The cost model: what it must get exactly, how far it may be off what was measured, and the choice by it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

import qsim
from benches import fit_cost
from qsim import QsimError
from qsim.machine.crossbar import Mapping
from qsim.machine.crossbar_mapping import put_on_tiles
from rtl import cost
from rtl.axi_shape import Loadable
from rtl.boards import BOARDS

ROOT = Path(__file__).parent.parent.parent
MEASURED = json.loads((ROOT / "docs/builds.json").read_text())
DIGITS = qsim.load(ROOT / "models/digits-relu-q4.safetensors")


@pytest.mark.parametrize(
    "row", MEASURED, ids=lambda row: f"{row['model']}-{row['target']}-{row['pe']}x{row['simd']}"
)
def test_the_prediction_is_near_what_place_and_route_used(row):
    model = qsim.load(ROOT / f"models/{row['model']}.safetensors")
    price = cost.predict(model, row["target"], row["pe"], row["simd"], row["max_bits"])
    assert (price.interval, price.bram, price.dsp) == (row["interval"], row["bram"], row["dsp"])
    wide = price.dsp == 0 and max(layer.bits for layer in model.layers) == 8  # 202 or 277 LUTs each, by whim
    assert price.lut == pytest.approx(row["lut"], rel=0.25 if wide else 0.125)


@pytest.mark.parametrize("family", cost.LUTS)
def test_the_constants_are_those_of_the_fit(family):
    fitted, stated = fit_cost.fit(family, MEASURED), cost.LUTS[family]
    assert asdict(stated) == pytest.approx(asdict(fitted), rel=0.02, abs=0.02)
    assert any(not row["fit"] for row in MEASURED if BOARDS[row["target"]].family == family)


def test_crossbar_tiles_have_no_predicted_cost():
    tiles = put_on_tiles(DIGITS, Mapping(32, 32, 1, 1, "offset", 6))
    with pytest.raises(QsimError, match="what crossbar tiles cost is not predicted"):
        cost.choose(tiles, "ecp5-25k", 100)


def test_the_choice_is_the_cheapest_that_is_fast_enough():
    clock = BOARDS["ecp5-25k"].clock
    for rate in (100, 10_000, 50_000):
        price = cost.choose(DIGITS, "ecp5-25k", rate)
        assert clock / price.interval >= rate
        assert price.interval == Loadable.of(DIGITS, price.pe, price.simd).engine.timing().interval
    assert cost.choose(DIGITS, "ecp5-25k", 100).lut < cost.choose(DIGITS, "ecp5-25k", 50_000).lut


def test_a_rate_out_of_reach_names_the_fastest_that_fits():
    with pytest.raises(QsimError, match=r"at 12 MHz do not fit up5k; [\d,]+ do, with --pe \d+ --simd \d+"):
        cost.choose(DIGITS, "up5k", 1e6)
    with pytest.raises(QsimError, match="more than 0 is needed"):
        cost.choose(DIGITS, "up5k", 0)
    with pytest.raises(QsimError, match="one of ecp5-25k"):
        cost.choose(DIGITS, "virtex", 1)
