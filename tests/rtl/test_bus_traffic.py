"""Commands amid traffic: a load takes its turn, a flush tears nothing, a reset swallows nothing."""

from __future__ import annotations

import numpy as np
import pytest
from bus_bench import OKAY, Bench, Traffic, run
from examples import expected
from random_models import random_codes, random_model

from qsim_rtl.gateware.bus.registers import MASK

SIZES = (5, 4, 3)
MODEL = random_model(SIZES, 3, 7, seed=1)
OTHER = random_model(SIZES, 3, 7, seed=2)
CODES = random_codes(MODEL, 11, seed=4)
FOLDING = {"pe": 2, "simd": 2}


def logits(model, frames):
    """The logits of so many frames, as they are sent one after another."""
    wanted = expected(model, CODES).logits
    return wanted[np.arange(frames) % len(CODES)]


def answered(bench: Bench) -> None:
    """Every frame that was taken is answered once, in its order, by one model throughout."""
    assert np.array_equal(bench.answers(), logits(MODEL, len(bench.packets) - 1))
    assert bench.packets[-1] == []


async def drained(bench: Bench) -> None:
    """Stop at the end of a frame, and take what is still inside."""
    while bench.frames * 3 != bench.sent or bench.offering:
        await bench.cycle()
    bench.traffic.offered, bench.traffic.taken = 0, 1
    await bench.idle(200)
    assert await bench.status() == {"VALID"}


@pytest.mark.parametrize("traffic", [Traffic(), Traffic(0.7, 0.5, seed=2)], ids=["flowing", "stalled"])
def test_a_load_takes_its_turn_and_loses_no_frame(traffic):
    before = []

    async def scenario(bench: Bench) -> None:
        await bench.idle(150)
        assert await bench.write("CONTROL", MASK["LOAD"]) == OKAY
        await bench.until("LOADING")
        before.append(bench.frames)
        assert len(bench.packets) - 1 == bench.frames, "a load began while a frame was inside"
        await bench.words(OTHER)
        await bench.idle(150)
        await drained(bench)

    bench = run(MODEL, CODES, scenario, traffic, **FOLDING)
    found = bench.answers()
    assert len(found) == bench.frames > before[0] > 3
    assert np.array_equal(found[: before[0]], logits(MODEL, before[0]))
    assert np.array_equal(found[before[0] :], logits(OTHER, bench.frames)[before[0] :])


@pytest.mark.parametrize("beats", [1, 2])
def test_a_load_waits_for_the_rest_of_a_frame(beats):
    async def scenario(bench: Bench) -> None:
        while bench.sent < 6 + beats:
            await bench.cycle()
        bench.traffic.offered = 0
        bench.offering = False  # of a beat not yet seen
        assert await bench.write("CONTROL", MASK["LOAD"]) == OKAY
        await bench.idle(200)
        assert await bench.status() == {"VALID", "BUSY", "WAITING"}
        assert await bench.write("LOAD_DATA", 0) != OKAY
        assert await bench.status() == {"VALID", "BUSY", "OUT_OF_TURN"}
        await bench.write("CONTROL", MASK["LOAD"] | MASK["ACKNOWLEDGE"])
        bench.traffic.offered = 1
        await bench.until("LOADING")
        assert bench.sent == 9
        await bench.words(MODEL)
        await drained(bench)

    answered(bench := run(MODEL, CODES, scenario, **FOLDING))
    assert len(bench.answers()) == bench.frames


def test_a_load_that_waits_or_lasts_can_be_cancelled():
    async def scenario(bench: Bench) -> None:
        bench.traffic.taken = 0  # frames stay inside
        await bench.idle(100)
        assert await bench.write("CONTROL", MASK["LOAD"]) == OKAY
        assert await bench.status() == {"VALID", "BUSY", "WAITING"}
        assert await bench.write("CONTROL", MASK["CANCEL"]) == OKAY
        assert await bench.status() == {"VALID", "BUSY"}
        bench.traffic.taken = 1
        await bench.idle(100)
        assert await bench.write("CONTROL", MASK["LOAD"]) == OKAY
        await bench.until("LOADING")
        await bench.write("LOAD_DATA", bench.engine.shape.identity)
        assert await bench.write("CONTROL", MASK["CANCEL"]) == OKAY
        assert "LOADING" not in await bench.status()
        await drained(bench)

    bench = run(MODEL, CODES, scenario, **FOLDING)
    answered(bench)
    assert len(bench.answers()) == bench.frames > 10


def in_order(found, wanted) -> bool:
    """Whether rows are among other rows, in their order."""
    rest = iter(wanted.tolist())
    return all(row in rest for row in found.tolist())


@pytest.mark.parametrize("stall", [0.0, 0.6], ids=["flowing", "stalled"])
def test_a_flush_at_any_moment_tears_no_packet(stall):
    async def scenario(bench: Bench) -> None:
        for wait in range(40):
            await bench.idle(60 + wait)
            assert await bench.write("CONTROL", MASK["FLUSH"]) == OKAY
        while bench.sent % 3 or bench.offering:  # what is left of a frame is too short
            await bench.cycle()
        await bench.idle(90)
        await drained(bench)
        assert (await bench.read("IMAGES"))[0] == len(bench.packets) - 1

    bench = run(MODEL, CODES, scenario, Traffic(1 - stall, 1 - stall, seed=3), **FOLDING)
    assert {len(packet) for packet in bench.packets[:-1]} == {SIZES[-1]}
    assert bench.packets[-1] == []
    assert 0 < len(bench.answers()) < bench.frames
    assert in_order(bench.answers(), logits(MODEL, bench.frames))


def test_a_flush_frees_a_blocked_engine_but_for_what_is_offered():
    async def scenario(bench: Bench) -> None:
        bench.traffic.taken = 0
        await bench.idle(300)
        assert bench.waiting is not None
        assert await bench.write("CONTROL", MASK["FLUSH"] | MASK["LOAD"]) == OKAY
        assert await bench.status() == {"VALID", "BUSY", "WAITING"}
        bench.traffic.taken = 1
        await bench.until("LOADING")
        assert len(bench.packets) == 2
        assert await bench.write("CONTROL", MASK["CANCEL"]) == OKAY
        while bench.sent % 3:
            await bench.cycle()
        await bench.idle(200)

    bench = run(MODEL, CODES, scenario, **FOLDING)
    assert bench.packets[0] != []
    assert in_order(bench.answers(), logits(MODEL, bench.frames))


@pytest.mark.parametrize("cycles", [1, 3])
def test_nothing_is_taken_in_a_reset(cycles):
    async def scenario(bench: Bench) -> None:
        await bench.idle(3)
        while bench.sent % 3:  # at the end of a frame
            await bench.cycle()
        sent = bench.sent
        await bench.reset(cycles)
        assert bench.sent == sent
        bench.packets[:] = [[]]
        bench.beats = bench.beats[sent:] + bench.beats[:sent]
        bench.sent = 0
        await bench.idle(150)
        await drained(bench)
        assert (await bench.read("SHORT_FRAMES"))[0] == 0
        assert (await bench.read("LONG_FRAMES"))[0] == 0

    bench = run(MODEL, CODES, scenario, **FOLDING)
    assert len(bench.answers()) == bench.frames > 3
