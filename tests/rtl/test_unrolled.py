"""The unrolled engine: every hidden code, logit and class of the specification, an image a cycle."""

from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator
from networks import handed
from random_models import random_codes, random_model

import qsim
from qsim import Layer, Model, data, spec
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Mapping
from qsim_rtl.gateware.unrolled.argmax import ArgmaxTree
from qsim_rtl.gateware.unrolled.engine import UnrolledEngine
from qsim_rtl.unrolled.products import check_ideal


def outcomes(engine, images, stall, seed=0):
    """(logits, class) of each image, the hidden codes in their order, and the cycles from first to last."""
    got, hidden, cycles = [], [[] for _ in engine.layers[:-1]], []
    rng = np.random.default_rng(seed)

    async def drive(ctx):
        sent, cycle = 0, 0
        while len(got) < len(images):
            offered = sent < len(images) and rng.random() >= stall
            ready = rng.random() >= stall
            ctx.set(engine.i.valid, offered)
            ctx.set(engine.o.ready, ready)
            if offered:
                ctx.set(engine.i.payload, [int(code) for code in images[sent]])
            for k, layer in enumerate(engine.layers[:-1]):
                if ctx.get(getattr(engine, f"hidden{k}_valid")):
                    word, bits = ctx.get(getattr(engine, f"hidden{k}")), layer.code_bits
                    hidden[k].append([word >> bits * j & (1 << bits) - 1 for j in range(layer.outputs)])
            if ready and ctx.get(engine.o.valid):
                result = ctx.get(engine.o.payload)
                logits = [result.logits[j] for j in range(engine.model.outputs)]
                got.append((logits, result.category))
                cycles.append(cycle)
            sent += bool(offered and ctx.get(engine.i.ready))
            await ctx.tick()
            cycle += 1

    simulator = Simulator(engine)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    return got, hidden, cycles


def check(model, images, stall=0.3, levels=1, interval=1):
    engine = UnrolledEngine(model, levels, interval=interval)
    got, hidden, cycles = outcomes(engine, images, stall)
    codes, logits = zip(*spec.trace(model, images.tolist()), strict=True)
    assert [row for row, _ in got] == [*logits]
    assert [category for _, category in got] == [spec.classify(row) for row in logits]
    for k, found in enumerate(hidden):
        assert found[: len(images)] == [image[k] for image in codes]
    if not stall:
        assert cycles == [engine.latency + k * engine.interval for k in range(len(images))]
        assert engine.interval <= interval


@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
@pytest.mark.parametrize("levels", [1, 7, 15])
@pytest.mark.parametrize("per_neuron", [False, True])
def test_random_models(grid, levels, per_neuron):
    model = random_model((6, 5, 4, 3), bits=3, levels=levels, grid=grid, per_neuron=per_neuron, seed=levels)
    check(model, random_codes(model, 30))


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_signed_inputs_one_output_and_deeper_pipelines(bits):
    model = random_model((3, 4, 1), bits=bits, levels=3, input_bits=6, signed=True, seed=bits)
    check(model, random_codes(model, 40), levels=2)


def test_an_image_a_cycle():
    model = random_model((5, 6, 4), bits=2, levels=7)
    check(model, random_codes(model, 25), stall=0.0)


@pytest.mark.parametrize("interval", [2, 5, 99])
@pytest.mark.parametrize(("grid", "signed"), [("odd", False), ("twos_complement", True)])
@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_digit_serial_products(interval, grid, signed, stall):
    model = random_model(
        (6, 5, 4, 3), bits=3, levels=7, grid=grid, signed=signed, per_neuron=True, seed=interval
    )
    check(model, random_codes(model, 25), stall, interval=interval)


@pytest.mark.parametrize("interval", [1, 3, 4])
def test_dead_neurons_and_zero_weights(interval):
    first = Layer([[0, 0], [1, -1], [1, 1]], [5, 0, -600], 2, [[1], [0], [1]], "twos_complement")
    model = Model(
        [first, Layer([[1, 1, 1], [0, 1, 0]], [0, 1], 2, None, "twos_complement")], qsim.InputFormat(4)
    )
    check(model, np.array([[a, b] for a in range(16) for b in range(16)]), interval=interval)


@pytest.mark.parametrize("interval", [1, 4, 99])
def test_a_reset_at_any_moment_leaves_nothing_behind(interval):
    """An image goes in, a reset comes before its result, and another image follows at once."""
    model = random_model((5, 4, 3), bits=3, levels=3, grid="twos_complement", per_neuron=True, seed=interval)
    engine, restart = UnrolledEngine(model, interval=interval), Signal()
    images, got = random_codes(model, 2 * engine.latency), []

    async def enter(ctx, image):
        ctx.set(engine.i.valid, 1)
        ctx.set(engine.i.payload, [int(code) for code in image])
        await ctx.tick().until(engine.i.ready)
        ctx.set(engine.i.valid, 0)

    async def drive(ctx):
        ctx.set(engine.o.ready, 1)
        for moment in range(engine.latency):
            await enter(ctx, images[2 * moment])
            for _ in range(moment):
                await ctx.tick()
            ctx.set(restart, 1)
            await ctx.tick()
            ctx.set(restart, 0)
            await enter(ctx, images[2 * moment + 1])
            result = (await ctx.tick().sample(engine.o.payload).until(engine.o.valid))[0]
            got.append([result.logits[j] for j in range(model.outputs)])

    simulator = Simulator(ResetInserter(restart)(engine))
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    assert got == spec.logits(model, images[1::2].tolist())


@pytest.mark.parametrize("name", ["digits-step-q1", "digits-sparse-q4"])
def test_a_trained_model(name):
    model = qsim.load(Path(__file__).parents[2] / f"models/{name}.safetensors")
    check(model, data.digits("test")[0][:12])


@pytest.mark.slow
def test_an_imported_jet_tagger():
    file = handed("qkeras_jettagging.onnx")
    model = qsim.from_onnx(file, input_bits=16, input_scale=2.0**-10, input_signed=True)
    codes = np.random.default_rng(0).normal(0, 1024, (40, 16)).round().astype(np.int64)
    codes[0], codes[1] = model.input.low, model.input.high
    assert len(set(model.predict(codes).tolist())) == 5
    check(model, codes, stall=0.0)


def test_a_tie_goes_to_the_lowest_index():
    tree, rng = ArgmaxTree(5, (4)), np.random.default_rng(0)
    rows = rng.integers(0, 3, (60, 5))

    async def drive(ctx):
        for k in range(len(rows) + tree.latency):
            for j, value in enumerate(rows[min(k, len(rows) - 1)]):
                ctx.set(getattr(tree, f"z{j}"), int(value))
            if k >= tree.latency:
                assert ctx.get(tree.index) == rows[k - tree.latency].argmax()
            await ctx.tick()

    simulator = Simulator(tree)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()


def test_tiles_are_refused():
    model = map_to_crossbar(random_model((4, 3), bits=2, levels=[]), Mapping(4, 4, 1, 1))
    with pytest.raises(qsim.QsimError, match="a model of ideal layers is needed to unroll"):
        check_ideal(model)
