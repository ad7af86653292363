"""The registers' side of AXI4-Lite, cycle by cycle: readiness, reads of what is written, quiet answers."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from bus_bench import OKAY, SLVERR, Bench, Traffic, run
from random_models import random_codes, random_model

from qsim_rtl.gateware.bus.registers import ADDRESS, INTERRUPTS, MASK, REGISTERS, WRITE
from qsim_rtl.shape.loadable import crc

MODEL = random_model((3, 2), 2, [], seed=1)
WRITTEN = [register.name for register in REGISTERS if register.access == WRITE]


def play(scenario) -> None:
    run(MODEL, random_codes(MODEL, 3), scenario, Traffic(0, 0))


def readies(bench: Bench) -> list[int]:
    engine = bench.engine
    return [
        bench.context.get(r) for r in (engine.s_axil_awready, engine.s_axil_wready, engine.s_axil_arready)
    ]


def test_no_ready_depends_on_a_valid_of_the_same_cycle():
    async def scenario(bench: Bench) -> None:
        engine, put = bench.engine, bench.context.set
        valids = engine.s_axil_awvalid, engine.s_axil_wvalid, engine.s_axil_arvalid
        await bench.idle(2)
        for held in product((0, 1), repeat=3):
            seen = []
            for now in product((0, 1), repeat=3):
                for signal, value in zip(valids, now, strict=True):
                    put(signal, value)
                seen.append(readies(bench))
            assert seen == [seen[0]] * 8
            for signal, value in zip(valids, held, strict=True):
                put(signal, value)
            await bench.cycle()

    play(scenario)


@pytest.mark.parametrize(("address_first", "wait"), [(True, 1), (True, 5), (False, 1), (False, 5)])
def test_address_and_data_come_in_any_order(address_first, wait):
    async def scenario(bench: Bench) -> None:
        engine, put, get = bench.engine, bench.context.set, bench.context.get
        put(engine.s_axil_awaddr, ADDRESS["QUIET"])
        put(engine.s_axil_wdata, 1)
        put(engine.s_axil_wstrb, 15)
        pairs = [
            (engine.s_axil_awvalid, engine.s_axil_awready),
            (engine.s_axil_wvalid, engine.s_axil_wready),
        ]
        await bench.idle(3)
        for valid, ready in pairs if address_first else pairs[::-1]:
            assert get(ready)
            assert not get(engine.s_axil_bvalid)
            put(valid, 1)
            await bench.cycle()
            put(valid, 0)
            assert not get(ready), "a second one is taken before the first had its effect"
            await bench.idle(wait)
        await bench.idle(2)
        assert get(engine.s_axil_bvalid)
        assert await bench.status() == {"VALID", "NO_SLVERR"}

    play(scenario)


def test_nothing_is_ready_in_a_reset():
    async def scenario(bench: Bench) -> None:
        await bench.idle(3)
        assert readies(bench) == [1, 1, 1]
        bench.context.set(bench.engine.aresetn, 0)
        await bench.cycle()
        for _ in range(3):
            assert readies(bench) == [0, 0, 0]
            await bench.cycle()
        bench.context.set(bench.engine.aresetn, 1)
        await bench.idle(2)
        assert readies(bench) == [1, 1, 1]

    play(scenario)


def test_registers_to_write_are_read_as_0():
    async def scenario(bench: Bench) -> None:
        for name in WRITTEN:
            assert await bench.read(name) == (0, OKAY)
        assert await bench.status() == {"VALID"}
        assert (await bench.read(0x38))[1] == SLVERR
        assert await bench.status() == {"VALID", "ILLEGAL"}

    play(scenario)


def test_every_register_stands_beside_one_that_can_be_read_with_it():
    """A bus of 64 bits reads two words at once; no pair has one that is mapped and one that is not."""
    mapped = {register.address for register in REGISTERS}
    assert all(address ^ 4 in mapped for address in mapped)


def test_quiet_answers_okay_and_flags_tell():
    async def scenario(bench: Bench) -> None:
        assert await bench.write("LOAD_DATA", 0) == SLVERR
        assert await bench.write("QUIET", 1) == OKAY
        await bench.write("CONTROL", MASK["ACKNOWLEDGE"])
        assert await bench.status() == {"VALID", "NO_SLVERR"}
        assert await bench.write("LOAD_DATA", 0) == OKAY
        assert await bench.status() == {"VALID", "NO_SLVERR", "OUT_OF_TURN"}
        assert await bench.write("ID", 0) == OKAY
        assert (await bench.read(0x7C)) == (0, OKAY)
        assert await bench.status() == {"VALID", "NO_SLVERR", "OUT_OF_TURN", "ILLEGAL"}
        assert await bench.write("QUIET", 0) == OKAY
        assert await bench.write("ID", 0) == SLVERR
        await bench.write("QUIET", 1)
        await bench.reset()
        assert await bench.write("ID", 0) == SLVERR

    play(scenario)


def test_a_load_whose_writes_stand_back_to_back():
    """Every other cycle has an effect: the memories, the CRC and the state of the load keep up."""
    other = random_model((3, 2), 2, [], seed=2)
    effects = []

    async def scenario(bench: Bench) -> None:
        engine, put, get = bench.engine, bench.context.set, bench.context.get
        words = engine.shape.words(other)
        writes = [("CONTROL", MASK["LOAD"]), *(("LOAD_DATA", word) for word in words.tolist())]
        writes.append(("LOAD_CRC", crc(words)))
        put(engine.s_axil_wstrb, 15)
        put(engine.s_axil_bready, 1)
        address, data = [ADDRESS[name] for name, _ in writes], [word for _, word in writes]
        answers = 0
        for cycle in range(20 * len(writes)):
            put(engine.s_axil_awvalid, bool(address))
            put(engine.s_axil_wvalid, bool(data))
            put(engine.s_axil_awaddr, address[0] if address else 0)
            put(engine.s_axil_wdata, data[0] if data else 0)
            taken = get(engine.s_axil_awready) and address, get(engine.s_axil_wready) and data
            for queue in filter(None, taken):
                queue.pop(0)
            if get(engine.s_axil_bvalid):
                assert get(engine.s_axil_bresp) == OKAY
                effects.append(cycle)
                answers += 1
            await bench.cycle()
        assert answers == len(writes)
        put(engine.s_axil_awvalid, 0)
        put(engine.s_axil_wvalid, 0)
        assert await bench.status() == {"VALID"}
        digest = "".join([f"{(await bench.read(f'DIGEST{i}'))[0]:08x}" for i in range(8)])
        assert digest == other.digest

    play(scenario)
    assert {b - a for a, b in pairwise(effects)} == {2}


def test_the_interrupt_line_follows_events_that_are_enabled():
    done, error = (bit.mask for bit in INTERRUPTS)

    async def scenario(bench: Bench) -> None:
        line = lambda: bench.context.get(bench.engine.irq)  # noqa: E731
        assert await bench.read("INTERRUPT_PENDING") == (0, OKAY)
        assert await bench.write("ID", 0) == SLVERR
        assert await bench.read("INTERRUPT_PENDING") == (error, OKAY)
        assert not line()
        assert await bench.write("INTERRUPT_ENABLE", error | 1 << 7) == OKAY
        assert await bench.read("INTERRUPT_ENABLE") == (error, OKAY)
        assert line()
        await bench.write("CONTROL", MASK["ACKNOWLEDGE"])
        assert line(), "a flag that is cleared leaves the event"
        assert await bench.write("INTERRUPT_PENDING", done) == OKAY
        assert line()
        assert await bench.write("INTERRUPT_PENDING", error) == OKAY
        assert not line()
        await bench.write("ID", 0)
        await bench.reset()
        assert [await bench.read(f"INTERRUPT_{name}") for name in ("PENDING", "ENABLE")] == [(0, OKAY)] * 2

    play(scenario)


def test_an_answer_interrupts_when_its_last_beat_is_taken():
    """A stream that goes on: whoever clears DONE before the registers are read misses no later frame."""
    done = INTERRUPTS[0].mask

    async def scenario(bench: Bench) -> None:
        await bench.write("INTERRUPT_ENABLE", done)
        counted = [0]
        while len(bench.packets) < 6:
            rose = bench.context.get(bench.engine.irq)
            if rose:
                await bench.write("INTERRUPT_PENDING", done)
                counted.append((await bench.read("IMAGES"))[0])
            await bench.cycle()
        assert counted == sorted(counted)
        assert len(counted) > 2

    run(MODEL, random_codes(MODEL, 3), scenario, Traffic(0.5, 0.5))
