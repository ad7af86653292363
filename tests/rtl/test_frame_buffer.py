import pytest
from amaranth.sim import Simulator
from examples import random_model
from streams import constant, plain

from qsim import InputFormat
from qsim_rtl.gateware.frame_buffer import FrameBuffer
from qsim_rtl.shape.engine import EngineShape


def drive(shape, beats):
    """Write beats, reading each frame as soon as it is complete; frames read, short and long pulses."""
    block = FrameBuffer(shape)
    frames, pulses = [], [0, 0]

    async def exchange(ctx):
        queue, codes = list(beats), []
        for _ in range(4 * len(beats) + 50):
            ctx.set(block.i.valid, bool(queue))
            if queue:
                data, last = queue[0]
                ctx.set(block.i.payload, constant(block.i.payload, {"data": data, "last": last}))
            reading, beat = ctx.get(block.filled), len(codes) // shape.simd
            ctx.set(block.read, reading)
            ctx.set(block.beat, beat)
            ctx.set(block.release, reading and beat == shape.beats - 1)
            taken = queue and ctx.get(block.i.ready)
            await ctx.tick()
            queue = queue[1:] if taken else queue
            pulses[0] += ctx.get(block.short_frame)
            pulses[1] += ctx.get(block.long_frame)
            if reading:
                codes += plain(ctx.get(block.codes))
            if len(codes) == shape.beats * shape.simd:
                frames.append(codes)
                codes = []

    simulator = Simulator(block)
    simulator.add_clock(1e-6)
    simulator.add_testbench(exchange)
    simulator.run()
    return frames, *pulses


def frame(length, start, simd):
    return [([(start + b * simd + s) % 16 for s in range(simd)], b == length - 1) for b in range(length)]


@pytest.mark.parametrize(("inputs", "simd"), [(1, 1), (5, 1), (5, 2), (6, 2), (7, 4), (3, 3)])
def test_refused_frames_leave_no_trace(inputs, simd):
    model = random_model(0, (inputs, 2), 2, form=InputFormat(4))
    shape = EngineShape.of(model, 1, simd).layers[0]
    due = shape.beats
    lengths = [due, due + 1, due, due, max(1, due - 1), due, due + 5, due + 1, due, 1, due, due * 2, due, due]
    beats = [beat for f, length in enumerate(lengths) for beat in frame(length, 3 * f, simd)]
    frames, short, long = drive(shape, beats)
    good = [f for f, length in enumerate(lengths) if length == due]
    surplus = [0] * (due * simd - inputs)
    assert frames == [[(3 * f + i) % 16 for i in range(inputs)] + surplus for f in good]
    assert short == sum(length < due for length in lengths)
    assert long == sum(length > due for length in lengths)


def test_signed_one_bit_codes_keep_their_place():
    model = random_model(0, (3, 2), 2, form=InputFormat(1, True))
    shape = EngineShape.of(model, 1, 2).layers[0]
    frames, _, _ = drive(shape, [([-1, 0], 0), ([-1, -1], 1)])
    assert frames == [[-1, 0, -1, 0]]
