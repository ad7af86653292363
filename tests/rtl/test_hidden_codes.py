"""Hidden codes of constant thresholds, in every form, at every accumulator of a range."""

import bisect

import pytest
from amaranth.hdl import signed
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from qsim_rtl.gateware.unrolled.activation import Activation
from qsim_rtl.unrolled.size import code
from qsim_rtl.unrolled.staircase import cheapest_staircase

LOW, HIGH = -200, 190


def half_even(count, shift, first):
    """The thresholds of a quantizer that divides by a power of two, halves to even."""
    return [first + (k << shift) - (1 << shift >> 1) + k % 2 for k in range(1, count + 1)]


FORMS = {
    "one threshold": [17],
    "rounded up": [-30, -14, 2, 18, 34, 50, 66],
    "rounded up, a slope": [-30, -17, -4, 10, 23, 36],
    "half to even": half_even(15, 4, -96),
    "half to even, an odd number": half_even(6, 5, 3),
    "half to even of every number": [2, 2, 4, 4, 6, 6],
    "half to even beyond the range": half_even(63, 4, -96),
    "halves of odd codes up": [t - k % 2 + (k + 1) % 2 for k, t in enumerate(half_even(15, 4, -96), 1)],
    "uneven": [-90, -89, -3, 0, 0, 5, 77],
}


@pytest.mark.parametrize("thresholds", FORMS.values(), ids=FORMS)
def test_every_accumulator(thresholds):
    block = Activation(thresholds, signed(9), LOW, HIGH)
    got = []

    async def drive(ctx):
        for cycle in range(HIGH - LOW + 1 + block.latency):
            ctx.set(block.acc, min(LOW + cycle, HIGH))
            if cycle >= block.latency:
                got.append(ctx.get(block.code))
            await ctx.tick()

    simulator = Simulator(block)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    assert got == [bisect.bisect_right(thresholds, acc) for acc in range(LOW, HIGH + 1)]
    assert code(thresholds, (LOW, HIGH))[1] == block.latency


@pytest.mark.parametrize("shift", [1, 2, 5, 9])
@pytest.mark.parametrize("first", [0, 7, -1000])
def test_halves_to_even_are_a_shift(shift, first):
    form = cheapest_staircase(half_even(63, shift, first))
    assert form == (1, (1 << shift >> 1) - first, shift, True)


@given(st.integers(2, 20), st.integers(0, 5), st.integers(-60, 60), st.integers(0, 30), st.integers(0, 1))
def test_a_form_gives_the_code_wherever_it_is_found(count, shift, first, changed, by):
    thresholds = half_even(count, shift, first)
    thresholds[changed % count] += by
    thresholds.sort()
    form = cheapest_staircase(thresholds)
    if form is None:
        return
    for acc in range(thresholds[0] - 70, thresholds[-1] + 70):
        product = acc * form.slope + form.offset
        quotient = product >> form.shift
        tie = product % (1 << form.shift) == 0
        assert tie == ((acc * form.slope) % (1 << form.shift) == form.tie)
        quotient -= form.half_even and tie and quotient % 2
        assert min(max(quotient, 0), count) == bisect.bisect_right(thresholds, acc)


def test_a_tie_that_is_not_exact_is_no_tie():
    """Of 63 codes one begins where its tie would be, and is not one above it."""
    thresholds = half_even(63, 5, 0)
    thresholds[20] -= 1
    assert cheapest_staircase(thresholds) is None
