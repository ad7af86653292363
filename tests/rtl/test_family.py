"""Families and boards: one registry, from which the command line takes its list."""

from __future__ import annotations

from pathlib import Path

import pytest

from qsim import QsimError
from qsim.cli.folding import TARGETS
from qsim_rtl.fpga import family
from qsim_rtl.fpga.build import rates


def test_a_file_is_a_family():
    files = {path.stem for path in Path(family.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(family.FAMILIES) == files
    for name, each in family.FAMILIES.items():
        assert each.name == name
        assert each.boards


def test_every_target_has_one_board_and_one_family():
    targets = [board.target for each in family.FAMILIES.values() for board in each.boards]
    assert sorted(targets) == sorted(family.BOARDS)
    assert targets == list(family.BOARDS)
    assert ", ".join(targets) == TARGETS
    for target in targets:
        assert family.board(target).target == target
        assert family.board(target) in family.family(target).boards
    with pytest.raises(QsimError, match="target is 'virtex'; one of ecp5-25k"):
        family.family("virtex")


def test_rates_by_hand():
    """64 beats of a byte in 640 cycles, 10 results of 5 bytes, a latency of 1,000: 67 + 62 bytes of 10 us."""
    manifest = {
        "interval": 640,
        "latency": 1000,
        "frame_beats": 64,
        "result_beats": 10,
        "s_axis_tdata_bits": 8,
        "shape": [64, 100, 10],
        "m_axis_tdata_bits": {"logit": 24, "class": 16},
    }
    facts = rates(64.0, family.board("ecp5-25k"), manifest)
    assert facts["inferences_per_s"] == 100_000
    assert facts["board_inferences_per_s"] == 39_062  # 25 MHz / 640
    assert facts["serial_inferences_per_s"] == 752  # 1 / (1.29 ms + 40 us)
    slow = rates(20.0, family.board("ecp5-25k"), manifest)
    assert slow["inferences_per_s"] == 31_250
    assert slow["board_inferences_per_s"] is slow["serial_inferences_per_s"] is None
