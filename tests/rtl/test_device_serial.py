"""The serial line of the boards: the driver speaks through it to the RTL, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
from examples import expected
from random_models import random_codes, random_model
from serial_line import SimulatedLine

from qsim import QsimError
from qsim_rtl.host.device import BusError, Device
from qsim_rtl.host.transport_serial import SerialTransport
from qsim_rtl.shape.loadable import Loadable

MODEL = random_model((5, 4, 3), 2, 3, seed=1)
OTHER = random_model((5, 4, 3), 3, 2, seed=2)
SHAPE = Loadable.of(MODEL, 2, 2, bits=3)


@pytest.fixture(scope="module")
def line():
    return SimulatedLine(SHAPE)


def test_models_are_loaded_and_asked_over_the_line(line):
    device = Device(SerialTransport(line, SHAPE), SHAPE)
    assert not device.valid
    for model in (MODEL, OTHER):
        device.load(model)
        codes = random_codes(model, 4)
        wanted = expected(model, codes)
        assert np.array_equal(device.logits(codes), wanted.logits)
        assert np.array_equal(device.predict(codes), wanted.classes)
    assert device.counters.images == 16


def test_a_refusal_and_a_silence_are_told(line):
    serial = SerialTransport(line, SHAPE)
    with pytest.raises(BusError, match="a read of 0x38 was answered with SLVERR"):
        serial.read(0x38)
    with pytest.raises(BusError, match="a write to 0x00"):
        serial.write(0x00, np.array([1], np.uint32))
    line.write(b"T\x01")  # nothing to take
    with pytest.raises(QsimError, match="0 of 5 bytes before its time-out"):
        serial.read(0x00)
    line.hold_low(40)
    assert serial.read(0x00) == 0x7173696D


def test_a_break_ends_half_a_command(line):
    line.write(b"W\x10\x01\x00")
    line.hold_low(20)
    line.write(b"S\x03\x00\x07")
    line.hold_low(17)
    device = Device(SerialTransport(line, SHAPE), SHAPE, OTHER)
    codes = random_codes(OTHER, 2)
    device.command("FLUSH")
    assert np.array_equal(device.logits(codes), expected(OTHER, codes).logits)
