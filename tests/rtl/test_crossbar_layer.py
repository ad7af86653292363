"""One mapped layer in Amaranth's simulator: every accumulator, its cycle, stalls; and its blocks alone."""

from itertools import product

import numpy as np
import pytest
from amaranth.sim import Simulator
from crossbar_models import Devices, tiled
from random_models import random_codes
from streams import exchange

from qsim import InputFormat, Layer, Model, spec
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Mapping
from qsim.spec import crossbar as crossbar_spec
from qsim.spec.noise import noise_of
from qsim_rtl import EngineShape
from qsim_rtl.gateware.crossbar.converter import Converter
from qsim_rtl.gateware.crossbar.layer import CrossbarLayer
from qsim_rtl.gateware.crossbar.noise import ReadNoise
from qsim_rtl.gateware.crossbar.reference import Combine
from qsim_rtl.memory.map import memory_map
from qsim_rtl.memory.pack import image


def fill(memories, model, shape):
    """Write what a model's first layer needs into memories given by name."""
    words = image(model, shape)
    for name, memory in memories.items():
        memory.init = words[f"layer0_{name}"].integers()


def run(model, codes, pe, simd, stall=0.0, seed=0):
    """Accumulators of the model's single layer, and the cycle in which each left."""
    shape = EngineShape.of(model, pe, simd)
    layer = shape.layers[0]
    block = CrossbarLayer(layer.crossbar)
    stated = {spec.name: spec for spec in memory_map(shape)}
    assert {f"layer0_{name}" for name in block.memories} == {name for name in stated if "layer0" in name}
    for name, memory in block.memories.items():
        spec = stated[f"layer0_{name}"]
        assert (memory.shape.width, memory.depth) == (spec.width, max(2, spec.words))
    for name, words in image(model, shape).items():
        assert (words.width, len(words.chunks)) == (stated[name].width, stated[name].words)
    fill(block.memories, model, shape)
    beats = []
    for row in codes:
        padded = [*row, *[model.input.high] * (layer.beats * layer.simd - layer.inputs)]
        for b in range(layer.beats):
            beats.append((padded[b * layer.simd : (b + 1) * layer.simd], b == layer.beats - 1))
    got, cycles = exchange(block, beats, len(codes) * layer.outputs, stall, seed)
    assert [last for _, last in got] == ([0] * (layer.outputs - 1) + [1]) * len(codes)
    return [acc for acc, _ in got], cycles


CASES = {
    "offset, one tile": ((4, 3), Mapping(8, 8, 1, 1, "offset", 2), Devices(), 2, 2),
    "offset, tiles both ways": ((5, 7), Mapping(2, 3, 2, 3, "offset", 3), Devices("stuck", "column"), 3, 2),
    "differential": ((5, 4), Mapping(3, 4, 2, 1, "differential", 3), Devices("spread", "both"), 4, 3),
    "noise": ((6, 3), Mapping(4, 4, 1, 2, "offset", 4), Devices("spread", "slice", 1 << 17), 2, 4),
    "more columns than work": ((1, 9), Mapping(1, 20, 3, 4, "offset", 0), Devices(), 10, 1),
    "one digit wider than the code": ((3, 2), Mapping(2, 2, 3, 9, "differential", 1), Devices(), 1, 1),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_accumulators_are_the_specifications(name, grid, stall):
    sizes, mapping, devices, pe, simd = CASES[name]
    model = tiled(sizes, mapping, devices, grid=grid, input_bits=4, signed=grid == "odd")
    codes = random_codes(model, 5)
    got, cycles = run(model, codes.tolist(), pe, simd, stall, seed=7)
    assert got == [acc for row in spec.logits(model, codes.tolist()) for acc in row]
    if not stall:
        timing = EngineShape.of(model, pe, simd).timing()
        frames = cycles[sizes[1] - 1 :: sizes[1]]
        assert frames[0] == timing.latency
        assert np.diff(frames)[-2:].tolist() == [timing.interval] * 2


def test_every_cell_times_every_digit():
    """Each pair of 2-bit weights and each pair of 2-bit codes, in one row tile and in two."""

    weights = list(product(range(-2, 2), repeat=2))
    ideal = Model([Layer(weights, [0] * 16, 2, grid="twos_complement")], InputFormat(2))
    codes = list(product(range(4), repeat=2))
    for rows, digit_bits in ((1, 1), (2, 2)):
        model = map_to_crossbar(ideal, Mapping(rows, 32, 2, digit_bits, "offset", 0))
        got, _ = run(model, codes, 4, rows)
        assert got == [acc for row in spec.logits(ideal, codes) for acc in row]


def clocked(block, testbench):
    simulator = Simulator(block)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("own", ["coarse", "column", "slice", "both"])
@pytest.mark.parametrize("amplitude", [0, 1 << 15])
def test_every_current_gives_the_code_and_value_of_the_specification(own, amplitude):
    model = tiled((3, 4), Mapping(3, 8, 2, 1, "offset", 2), Devices("spread", own, amplitude), input_bits=2)
    shape = EngineShape.of(model, 2, 1)
    crossbar, folded = model.layers[0].crossbar, shape.layers[0].crossbar
    numbers = [4, 0, 1, 2, 3]  # the reference first
    rng = np.random.default_rng(0)
    low, high = folded.current_range
    latency = folded.adc_bits + 3

    for p in range(2):
        block = Converter(folded)
        stages = {f"adc{p}_stage{k}": stage for k, stage in enumerate(block.stages)}
        fill(stages | {f"adc{p}_transfer": block.transfer}, model, shape)
        reads = [
            (g, s, current)
            for g, s in product(range(folded.groups), range(folded.slices))
            for current in range(low, high + 1)
            if g * 2 + p < 5
        ]

        async def drive(ctx, block=block, p=p, reads=reads):
            done = []
            while len(done) < len(reads) + latency:
                group, slice, current = reads[min(len(done), len(reads) - 1)]
                ctx.set(block.group, group)
                ctx.set(block.slice, slice)
                ctx.set(block.current, current)
                advance = int(rng.random() < 0.7)
                ctx.set(block.advance, advance)
                code, value = ctx.get(block.code), ctx.get(block.value)
                await ctx.tick()
                if advance:
                    done.append((code, value))
            for (group, slice, current), (code, _), (_, value) in zip(
                reads, done[folded.adc_bits :], done[latency:], strict=False
            ):
                sets = crossbar.adc.thresholds[slice % len(crossbar.adc.thresholds)].tolist()
                current <<= 0 if amplitude else folded.scale_bits
                wanted = crossbar_spec.convert(current, sets[numbers[group * 2 + p] % len(sets)])
                assert (code, value) == (wanted, crossbar_spec.value_of(crossbar.adc, slice, wanted))

        clocked(block, drive)


def test_noise_is_that_of_the_specification():
    mapping = Mapping(2, 3, 2, 2, "offset", 4)
    model = tiled((5, 7), mapping, Devices("spread", "coarse", 987_654), bits=4, input_bits=5)
    shape = EngineShape.of(model, 3, 1)
    crossbar, folded = model.layers[0].crossbar, shape.layers[0].crossbar
    block = ReadNoise(folded)
    fill({"read_noise_columns": block.columns, "read_noise_settings": block.settings}, model, shape)
    numbers = [2, 0, 1, 5, 3, 4, 8, 6, 7, 10, 9]
    rng = np.random.default_rng(1)
    counters = {"tile": folded.tiles, "slice": folded.slices, "digit": folded.digits, "group": folded.groups}
    places = [{k: int(rng.integers(n)) for k, n in counters.items()} for _ in range(150)]
    places = [{**place, "image": int(rng.integers(1 << 32))} for place in places]

    async def drive(ctx):
        done = []
        while len(done) < len(places) + folded.noise_latency:
            for k, value in places[min(len(done), len(places) - 1)].items():
                ctx.set(block.place[k], value)
            advance = int(rng.random() < 0.7)
            ctx.set(block.advance, advance)
            noise = [ctx.get(block.noise[p]) for p in range(3)]
            await ctx.tick()
            if advance:
                done.append(noise)
        for place, noise in zip(places, done[folded.noise_latency :], strict=False):
            group = place["group"]
            for p, number in enumerate(numbers[group * 3 : group * 3 + 3]):
                where = place["image"], place["tile"], place["slice"], place["digit"], number
                assert noise[p] == noise_of(crossbar.noise, 0, *where)

    clocked(block, drive)


@pytest.mark.parametrize(("style", "stall"), [("offset", 0.4), ("differential", 0.4), ("offset", 0.0)])
def test_columns_join_to_neurons(style, stall):
    model = tiled((4, 5), Mapping(4, 4, 2, 2, style, 3), Devices("spread", "coarse"), input_bits=3)
    shape = EngineShape.of(model)
    layer, crossbar, folded = model.layers[0], model.layers[0].crossbar, shape.layers[0].crossbar
    block = Combine(folded)
    fill({"combine_bias": block.bias, "combine_negative": block.negative}, model, shape)
    low, high = crossbar.sum_bounds(*model.code_range(0))
    sums = np.random.default_rng(2).integers(low, high, (20, folded.columns), endpoint=True).tolist()
    numbers = {"offset": [3, 0, 1, 2, 6, 4, 5], "differential": [1, 0, 3, 2, 5, 4, 7, 6, 9, 8]}[style]
    beats = [(row[k], k == numbers[-1]) for row in sums for k in numbers]
    got, _ = exchange(block, beats, 100, stall)
    gain = crossbar.mapping.positive_weight(layer.grid)
    wanted = []
    for row in sums:
        for j in range(5):
            positive, negative = crossbar.mapping.pair(j, 5)
            wanted.append(layer.bias[j] + (gain * row[positive] - row[negative] + 4 >> 3))
    assert [acc for acc, _ in got] == wanted
