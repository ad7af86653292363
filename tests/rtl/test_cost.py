"""The cost model: what it must get exactly, how far it may be off what was measured, and the choice by it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import qsim
from benches import fit_cost
from qsim import QsimError
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Mapping
from qsim_rtl.fpga import cost
from qsim_rtl.fpga.family import BOARDS, FAMILIES
from qsim_rtl.shape.loadable import Loadable

ROOT = Path(__file__).parent.parent.parent
DIGITS = qsim.load(ROOT / "models/digits-relu-q4.safetensors")


@pytest.mark.parametrize(
    "row", fit_cost.BUILDS, ids=lambda row: f"{row['model']}-{row['target']}-{row['pe']}x{row['simd']}"
)
def test_block_rams_and_dsp_blocks_are_those_that_the_tools_used(row):
    model = qsim.load(ROOT / f"models/{row['model']}.safetensors")
    price = cost.predict(model, row["target"], row["pe"], row["simd"], row["max_bits"])
    assert (price.interval, price.bram, price.dsp) == (row["interval"], row["bram"], row["dsp"])
    assert price.lut == pytest.approx(row["lut"], rel=0.25)


@pytest.mark.parametrize("family", [name for name, each in FAMILIES.items() if each.prices])
def test_the_constants_are_those_of_the_fit_and_near_what_the_fit_has_not_seen(family):
    builds = fit_cost.family(family)
    assert asdict(FAMILIES[family].prices.luts) == pytest.approx(
        asdict(fit_cost.fit(builds)), rel=0.01, abs=0.01
    )
    errors = np.abs(fit_cost.unseen(builds))
    assert errors.mean() < 0.08
    assert errors.max() < 0.3


def test_crossbar_tiles_have_no_predicted_cost():
    tiles = map_to_crossbar(DIGITS, Mapping(32, 32, 1, 1, "offset", 6))
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
