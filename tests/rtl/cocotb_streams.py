"""The two ends of an engine's streams under cocotb: both pause at random, the far end checks the rules.

Signals are sampled at the rising edge of `clk`, with the values that the edge itself sees.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, NamedTuple

from cocotb.triggers import RisingEdge

Dut = Any
LONG_PAUSE = 100  # cycles; long enough for a small engine to run full, or empty


class Beat(NamedTuple):
    data: int
    user: int
    last: bool


def signed(port: Any) -> int:
    """A port's bits as a two's complement number; one bit alone has no such method in cocotb."""
    bits, width = int(port.value), len(port)
    return bits - (bits >> width - 1 << width)


def pauses(stall: float, seed: int) -> Iterator[bool]:
    """Whether to pause, cycle by cycle: begun with chance `stall`, for one cycle or, 1 in 16, a long time."""
    chance = random.Random(seed)
    while True:
        if chance.random() < stall:
            yield from repeat(True, LONG_PAUSE if chance.random() < 1 / 16 else 1)
        else:
            yield False


async def reset(dut: Dut, cycles: int = 2) -> None:
    """Hold `rst` high for some edges, with both streams idle."""
    dut.s_axis_tvalid.value = 0
    dut.m_axis_tready.value = 0
    dut.rst.value = 1
    for _ in range(cycles):
        await RisingEdge(dut.clk)
    dut.rst.value = 0


async def send(dut: Dut, beats: Iterable[tuple[int, int]], stall: float, seed: int) -> None:
    """Offer beats of (data, last), with pauses before some; while idle, both carry noise."""
    clock, noise, pause = RisingEdge(dut.clk), random.Random(seed), pauses(stall, seed)
    width = len(dut.s_axis_tdata)
    for data, last in beats:
        while next(pause):
            dut.s_axis_tvalid.value = 0
            dut.s_axis_tdata.value = noise.getrandbits(width)
            dut.s_axis_tlast.value = noise.getrandbits(1)
            await clock
        dut.s_axis_tvalid.value = 1
        dut.s_axis_tdata.value = data
        dut.s_axis_tlast.value = last
        await clock
        while not dut.s_axis_tready.value:
            await clock
    dut.s_axis_tvalid.value = 0


async def receive(dut: Dut, beats: list[Beat], stall: float, seed: int) -> None:
    """Append each result beat to `beats`, for ever; a beat that is not taken must stay as it is."""
    clock, offer, pause = RisingEdge(dut.clk), RisingEdge(dut.m_axis_tvalid), pauses(stall, seed)
    waiting: Beat | None = None
    while True:
        ready = not next(pause)
        dut.m_axis_tready.value = ready
        if not stall and not dut.m_axis_tvalid.value:
            await offer
        await clock
        if not dut.m_axis_tvalid.value:
            assert waiting is None, f"{waiting} was offered, not taken, and withdrawn"
            continue
        beat = Beat(signed(dut.m_axis_tdata), int(dut.m_axis_tuser.value), bool(dut.m_axis_tlast.value))
        assert waiting in (None, beat), f"{waiting} was offered, not taken, and became {beat}"
        waiting = None if ready else beat
        if ready:
            beats.append(beat)


async def strobed(dut: Dut, strobe: str, value: str, values: list[int]) -> None:
    """Append, for ever, what a port holds in each cycle in which another, the strobe, is high."""
    clock, rise = RisingEdge(dut.clk), RisingEdge(getattr(dut, strobe))
    valid, port = getattr(dut, strobe), getattr(dut, value)
    while True:
        if not valid.value:
            await rise
        await clock
        if valid.value:
            values.append(int(port.value))
