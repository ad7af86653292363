"""The driver against the RTL in this process: any model that fits, and refusals in one sentence."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from examples import expected
from random_models import random_codes, random_model

import qsim
from qsim import InputFormat, Layer, Model, QsimError
from qsim_rtl.gateware.bus.registers import ADDRESS
from qsim_rtl.host.device import BusError, Device
from qsim_rtl.host.transport_simulated import SimulatedTransport
from qsim_rtl.memory.frames import decoded, encoded
from qsim_rtl.shape.loadable import Loadable, crc

pytestmark = pytest.mark.usefixtures("compiler")
SIZES = (7, 5, 3)
FIRST = random_model(SIZES, 4, 255, seed=9)
SHAPE = Loadable.of(FIRST, 2, 3, bits=5)


@pytest.fixture(scope="module")
def device():
    return Device(SimulatedTransport(SHAPE, FIRST, stall=0.2, seed=3), SHAPE, FIRST)


def agrees(device, model, images=20):
    codes = random_codes(model, images)
    wanted = expected(model, codes)
    assert np.array_equal(device.logits(codes), wanted.logits)
    assert np.array_equal(device.predict(codes), wanted.classes)


def test_every_narrower_model_is_embedded_exactly(device):
    agrees(device, FIRST)
    for seed, (bits, levels) in enumerate(product(range(1, 6), (1, 2, 17, 255))):
        model = random_model(SIZES, bits, levels, seed=seed, input_bits=1 + seed % 8)
        device.load(model)
        assert device.digest == model.digest
        agrees(device, model)


def test_other_grids_signs_and_thresholds_for_each_neuron():
    first = random_model((6, 4, 1), (3, 2), 6, "twos_complement", 9, signed=True, per_neuron=True, seed=4)
    shape = Loadable.of(first, 3, 4, bits=6)
    device = Device(SimulatedTransport(shape), shape)
    for seed, bits in enumerate((3, 1, 6, 4)):
        per_neuron = bool(seed % 2)
        grid = "twos_complement"
        model = random_model((6, 4, 1), bits, 1 + seed, grid, 9 - seed, True, per_neuron, seed=seed)
        device.load(model)
        agrees(device, model)


def test_the_interval_on_the_bus_is_the_stated_one():
    for pe, simd in ((1, 1), (3, 4)):
        shape = Loadable.of(FIRST, pe, simd)
        transport = SimulatedTransport(shape, FIRST)
        device = Device(transport, shape, FIRST)
        agrees(device, FIRST, images=12)
        ends = transport.finished[2::3]
        assert ends[0] == shape.latency
        assert set(np.diff(ends[4:])) == {shape.engine.timing().interval}


def unfit(change):
    sizes, options = SIZES, {"bits": 4, "levels": 255}
    return random_model(change.pop("sizes", sizes), **{**options, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": (7, 5, 2)}, "a model of 7-5-2; this engine runs 7-5-3"),
        ({"bits": 6}, "layer 0 has 6-bit weights; this engine has 5 bits"),
        ({"grid": "twos_complement"}, "layer 0 has the twos_complement grid; this engine has the odd grid"),
        ({"levels": 256}, "layer 0 has 256 thresholds; this engine has 255 a neuron"),
        ({"per_neuron": True}, "thresholds for each neuron; this engine has one list for all"),
        ({"input_bits": 9}, "input codes of 9 bits; this engine takes 8 bits, unsigned"),
        ({"signed": True}, "input codes of 8 bits; this engine takes 8 bits, unsigned"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_and_the_old_one_stays(device, change, message):
    device.load(FIRST)
    with pytest.raises(QsimError, match=message):
        device.load(unfit(change))
    agrees(device, FIRST, images=3)


def test_a_bias_beyond_the_accumulator_is_refused():
    small = Model([Layer([[1, 1]], [0], 1)], InputFormat(2))
    shape = Loadable.of(small)
    with pytest.raises(QsimError, match=r"layer 0 accumulates from 0 to 206; this engine has 5 bits"):
        shape.words(Model([Layer([[1, 1]], [200], 1)], InputFormat(2)))


def test_what_arrives_broken_gives_no_model(device):
    words = SHAPE.words(FIRST)
    chance = np.random.default_rng(0)
    write = device.transport.write
    for place in chance.integers(1, len(words), 20):
        broken = words.copy()
        broken[place] ^= 1 << int(chance.integers(32))
        device.command("LOAD")
        write(ADDRESS["LOAD_DATA"], broken)
        with pytest.raises(BusError):
            write(ADDRESS["LOAD_CRC"], np.array([crc(words)], np.uint32))
        assert not device.valid
        assert device.flags == ["WRONG_CRC"]
        assert device.digest == "0" * 64
        with pytest.raises(QsimError, match="0 results came"):
            device.logits(random_codes(FIRST, 2))
        device.transport.reset()
    device.load(FIRST)
    agrees(device, FIRST, images=2)


def test_a_load_behind_answers_that_nobody_takes_is_given_up(device, monkeypatch):
    device.load(FIRST)
    codes = random_codes(FIRST, 2)
    device.transport.exchange(*encoded(SHAPE, codes), 0)
    monkeypatch.setattr("qsim_rtl.host.device.TURN_READS", 20)
    with pytest.raises(QsimError, match="the load did not begin: a frame stays inside"):
        device.load(FIRST)
    none = np.empty((0, SHAPE.input_width // 8), np.uint8), np.empty(0, np.uint8)
    results, _ = device.transport.exchange(*none, 6)
    assert np.array_equal(decoded(SHAPE, results)[0].reshape(2, 3), expected(FIRST, codes).logits)
    device.load(FIRST)
    agrees(device, FIRST, images=2)


def test_another_engine_or_model_is_not_taken_for_this_one(device):
    other = Loadable.of(FIRST, 1, 3, bits=5)
    with pytest.raises(QsimError, match="the device is of shape"):
        Device(device.transport, other)
    device.load(FIRST)
    with pytest.raises(QsimError, match=f"holds model {FIRST.digest[:12]}"):
        Device(device.transport, SHAPE, random_model(SIZES, 2, 3))
    with pytest.raises(QsimError, match="no model; load one first"):
        Device(device.transport, SHAPE).logits(random_codes(FIRST, 2))


def test_widths_outside_the_allowed_are_refused():
    for bits in (3, 17, 4.0):
        with pytest.raises(QsimError, match=r"bits a weight; 4 to 16 are allowed"):
            Loadable.of(FIRST, bits=bits)


def test_three_mnist_models_one_after_another(mnist_test):
    codes = mnist_test[0][:200]
    models = [qsim.load(f"models/mnist-{name}.safetensors") for name in ("relu-q4", "step-q1", "sigmoid-q8")]
    shape = Loadable.of(models[0], 10, 2, bits=8)
    device = Device(SimulatedTransport(shape), shape)
    for model in models:
        device.load(model)
        assert np.array_equal(device.logits(codes), model.logits(codes))
        assert np.array_equal(device.predict(codes), model.predict(codes))
        assert np.array_equal(device.logits(codes[:3]), qsim.spec.logits(model, codes[:3].tolist()))
