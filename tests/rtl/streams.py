"""Sends payloads through one block in Amaranth's own simulator, with stalls on both sides."""

from __future__ import annotations

import random

from amaranth.hdl import ClockDomain, Module
from amaranth.lib.data import Const
from amaranth.sim import Simulator


def constant(signal, payload):
    """A payload given as a number, or as a list or dict of its parts."""
    return signal.shape().const(payload)


def plain(value):
    """A payload read from a port as plain numbers and lists of them."""
    if not isinstance(value, Const):
        return value
    return [plain(value[key]) for key, _ in value.shape()]


def exchange(block, beats, results, stall=0.0, seed=0, limit=100_000):
    """Send (payload, last) beats and collect (payload, last) until there are `results` of them.

    Returns the results and the cycle in which each was transferred, counted from the first beat's.
    Fails if an untaken result changes, or if `limit` cycles are not enough.
    """
    rng = random.Random(seed)
    sent, got, cycles = [], [], []

    async def drive(ctx):
        beat = waiting = None
        queue = list(beats)
        for cycle in range(limit):
            if beat is None and queue and rng.random() >= stall:
                beat = queue.pop(0)
                ctx.set(block.i.payload, constant(block.i.payload, {"data": beat[0], "last": beat[1]}))
            ready = rng.random() >= stall
            ctx.set(block.i.valid, beat is not None)
            ctx.set(block.o.ready, ready)
            if beat is not None and ctx.get(block.i.ready):
                sent.append(cycle)
                beat = None
            valid = ctx.get(block.o.valid)
            result = (plain(ctx.get(block.o.payload.data)), ctx.get(block.o.payload.last)) if valid else None
            assert waiting is None or waiting == result
            waiting = None if ready else result
            if valid and ready:
                got.append(result)
                cycles.append(cycle - sent[0])
            if len(got) == results and not queue and beat is None:
                return
            await ctx.tick()
        raise AssertionError(f"{len(got)} of {results} results after {limit} cycles")

    top = Module()
    top.domains.sync = ClockDomain()  # a block without registers has no clock of its own
    top.submodules.block = block
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    return got, cycles
