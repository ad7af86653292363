"""The cost model: what it must get exactly, how far it may be off what was measured, and the choice by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import qsim
from qsim import QsimError
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
    price = cost.predict(model, row["target"], row["pe"], row["simd"])
    assert price.interval == row["interval"]
    assert price.dsp == row["dsp"]
    assert price.lut == pytest.approx(row["lut"], rel=0.3)
    assert price.bram == pytest.approx(row["bram"], rel=0.2, abs=2)


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
