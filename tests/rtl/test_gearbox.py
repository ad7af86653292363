"""Frames as arrays of bytes on a stream of any width, whatever the folding: values, lengths, time."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator
from bus_bench import Bench, Traffic, run
from examples import expected
from random_models import random_codes, random_model

from qsim import QsimError
from qsim_rtl.gateware.bus.gearbox import Gearbox
from qsim_rtl.gateware.bus.registers import MASK
from qsim_rtl.host.device import Device
from qsim_rtl.host.transport_simulated import SimulatedTransport
from qsim_rtl.proofs.shapes import layer
from qsim_rtl.shape.loadable import Loadable
from qsim_rtl.shape.stream import ByteStream


def beats_of(stream: ByteStream, codes: list[int]) -> list[tuple[int, int, int]]:
    """TDATA, TKEEP and TLAST of each beat of a frame; what TKEEP leaves out is noise."""
    data = b"".join(code.to_bytes(stream.code_bytes, "little") for code in codes)
    beats = []
    for start in range(0, len(data), stream.bytes):
        part = data[start : start + stream.bytes]
        word = int.from_bytes(part.ljust(stream.bytes, b"\xa5"), "little")
        beats.append((word, (1 << len(part)) - 1, int(start + stream.bytes >= len(data))))
    return beats


def play(box: Gearbox, beats: list[tuple[int, int, int]], stall: float, seed: int):
    """What the engine is given, frame by frame, and how many frames were called short and long."""
    chance = random.Random(seed)
    given: list[list[tuple[int, ...]]] = [[]]
    told = {"short": 0, "long": 0}
    finished: list[int] = []

    async def drive(ctx) -> None:
        queue, offering, idle, cycle, waiting = list(beats), False, 0, 0, None
        while idle < 60:
            offering = bool(queue) and (offering or chance.random() >= stall)
            ctx.set(box.i.tvalid, offering)
            if queue:
                word, keep, last = queue[0]
                ctx.set(box.i.tdata, word)
                ctx.set(box.i.tkeep, keep)
                ctx.set(box.i.tlast, last)
            ready = chance.random() >= stall
            ctx.set(box.o.tready, ready)
            idle += 1
            if offering and ctx.get(box.i.tready):
                queue.pop(0)
                offering, idle = False, 0
            result = (ctx.get(box.o.tdata), ctx.get(box.o.tlast)) if ctx.get(box.o.tvalid) else None
            assert waiting in (None, result), "an offered beat was changed or withdrawn"
            waiting = None if ready else result
            if ready and result is not None:
                given[-1].append(result)
                idle = 0
                if result[1]:
                    given.append([])
                    finished.append(cycle)
            told["short"] += ctx.get(box.short_frame)
            told["long"] += ctx.get(box.long_frame)
            await ctx.tick()
            cycle += 1
        assert not queue, "the block hangs"

    top = Module()
    top.domains.sync = ClockDomain()
    top.submodules.box = box
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    assert given.pop() == []
    return given, told, finished


CASES = [  # inputs, simd, bits of a code, bytes of a beat
    (1, 1, 1, 1), (5, 1, 8, 1), (5, 2, 8, 4), (5, 3, 3, 2), (6, 3, 8, 2), (7, 7, 8, 4), (7, 4, 8, 16),
    (5, 2, 12, 2), (5, 3, 12, 8), (9, 2, 16, 4), (4, 4, 8, 4), (8, 1, 8, 8), (13, 5, 5, 8),
]  # fmt: skip


def made(case) -> tuple[Gearbox, ByteStream, int]:
    inputs, simd, bits, width = case
    stream = ByteStream.of(width, bits)
    folded = layer(inputs=inputs, simd=simd, code_bits=bits)
    return Gearbox(stream, folded), stream, folded.beats


def lanes(given: list[tuple[int, ...]], case) -> list[int]:
    inputs, simd, bits, _ = case
    codes = [word >> bits * k & (1 << bits) - 1 for word, _ in given for k in range(simd)]
    return codes[:inputs]


@pytest.mark.parametrize("stall", [0.0, 0.5], ids=["flowing", "stalled"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_every_code_reaches_its_lane(case, stall):
    box, stream, beats = made(case)
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 1 << case[2], (6, case[0])).tolist()
    sent = [beat for codes in frames for beat in beats_of(stream, codes)]
    given, told, finished = play(box, sent, stall, seed=2)
    assert [lanes(frame, case) for frame in given] == frames
    assert {len(frame) for frame in given} == {beats}
    assert told == {"short": 0, "long": 0}
    if not stall:
        each = stream.beats(case[0]) + beats
        assert finished[0] == each - 1
        assert {b - a for a, b in pairwise(finished)} == {each}


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_wrong_frames_are_passed_on_too_long_and_told_once(case):
    box, stream, beats = made(case)
    chance, sent, wanted, kinds = random.Random(3), [], [], {"short": 0, "long": 0}
    for _ in range(40):
        codes = [chance.randrange(1 << case[2]) for _ in range(case[0])]
        frame, kind = beats_of(stream, codes), chance.choice(["right", "short", "hole", "long"])
        if kind == "short" and len(frame) > 1:
            frame = frame[: chance.randrange(1, len(frame))]
            frame[-1] = (*frame[-1][:2], 1)
        elif kind == "hole":
            at = chance.randrange(len(frame))
            word, keep, last = frame[at]
            frame[at] = word, keep & ~(1 << chance.randrange(keep.bit_length())), last
            kind = "short"
        elif kind == "long":
            frame = [(word, stream.keep, 0) for word, _, _ in frame + frame[:1] * chance.randrange(1, 9)]
            frame[-1] = (*frame[-1][:2], 1)
        else:
            kind = "right"
            wanted.append(codes)
        if kind != "right":
            kinds[kind] += 1
        sent += frame
    given, told, _ = play(box, sent, 0.3, seed=4)
    right = [frame for frame in given if len(frame) == beats]
    assert [lanes(frame, case) for frame in right] == wanted
    assert {len(frame) for frame in given} == {beats, beats + 1}
    assert len(given) - len(right) == sum(kinds.values())
    assert told == kinds


@pytest.mark.parametrize("width", [0, 3, 256, True, 1.0])
def test_widths_that_no_stream_has_are_refused(width):
    with pytest.raises(QsimError, match=r"a stream of .* bytes; 2, 4, 8, 16, 32, 64, 128 are allowed"):
        Loadable.of(random_model((3, 2), 2, [], input_bits=12), stream=width)


MODEL = random_model((5, 4, 3), 3, 7, seed=1)
CODES = random_codes(MODEL, 7, seed=4)


@pytest.mark.parametrize("stream", [1, 8])
def test_the_engine_answers_and_tells_wrong_frames(stream):
    async def scenario(bench: Bench) -> None:
        assert len(bench.engine.s_axis_tdata) == 8 * stream
        await bench.idle(150)
        bench.keep = lambda data, last: 0
        await bench.idle(60)
        bench.keep = lambda data, last: (1 << stream) - 1
        await bench.idle(150)
        assert await bench.write("CONTROL", MASK["LOAD"]) == 0
        await bench.until("LOADING")
        assert await bench.write("CONTROL", MASK["CANCEL"]) == 0
        await bench.idle(100)
        bench.traffic.offered = 0
        await bench.idle(200)
        assert await bench.status() <= {"VALID", "TORN", "BUSY"}
        short, _ = await bench.read("SHORT_FRAMES")
        assert short > 0
        assert bench.frames == len(bench.packets) - 1 + short
        assert (await bench.read("LONG_FRAMES"))[0] == 0

    bench = run(MODEL, CODES, scenario, Traffic(0.9, 0.9, seed=1), pe=2, simd=2, stream=stream)
    rest = iter(np.tile(expected(MODEL, CODES).logits, (99, 1)).tolist())
    found = bench.answers().tolist()
    assert len(found) > 5
    assert all(row in rest for row in found)


@pytest.mark.usefixtures("compiler")
def test_the_driver_speaks_it_and_the_stated_time_holds():
    shape = Loadable.of(MODEL, 4, 2, stream=4)
    transport = SimulatedTransport(shape, MODEL)
    device = Device(transport, shape, MODEL)
    wanted = expected(MODEL, CODES)
    assert np.array_equal(device.logits(CODES), wanted.logits)
    ends = transport.finished[2::3]
    assert ends[0] == shape.latency
    assert set(np.diff(ends[3:])) == {shape.interval}
    assert np.array_equal(device.predict(CODES), wanted.classes)
