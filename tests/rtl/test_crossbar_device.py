"""A network on tiles behind the bus: defects come with another load, and noise counts on from it."""

from dataclasses import replace

import numpy as np
import pytest
from crossbar_models import Devices, tiled
from examples import expected
from random_models import random_codes, random_model

from qsim import Model, QsimError
from qsim.model.crossbar import Mapping, Noise
from qsim_rtl.host.device import Device
from qsim_rtl.host.transport_simulated import SimulatedTransport
from qsim_rtl.shape.loadable import Loadable

MODEL = tiled((4, 3), Mapping(3, 4, 2, 2, "offset", 3), Devices("spread", "coarse", 1 << 17), input_bits=4)


def changed(**crossbar) -> Model:
    first, *rest = MODEL.layers
    return Model((replace(first, crossbar=replace(first.crossbar, **crossbar)), *rest), MODEL.input)


@pytest.mark.slow  # the compilation takes most of a minute
@pytest.mark.usefixtures("compiler")
def test_a_load_brings_other_cells_and_other_noise():
    shape = Loadable.of(MODEL, 2, 1)
    device = Device(SimulatedTransport(shape, MODEL, stall=0.2, seed=3), shape, MODEL)
    codes = random_codes(MODEL, 6)
    cells = MODEL.layers[0].crossbar.cells.copy()
    cells[:, :3, 1] = 0
    for model in (MODEL, changed(cells=cells, noise=Noise(140_000, 7))):
        if model is not MODEL:
            device.load(model)
        assert np.array_equal(device.logits(codes), expected(model, codes).logits)
        assert np.array_equal(device.logits(codes), expected(model, codes, len(codes)).logits)
    device.command("FLUSH")
    assert np.array_equal(device.logits(codes), expected(model, codes).logits)
    assert device.digest == model.digest


@pytest.mark.parametrize("other", [changed(noise=None), random_model((4, 3), 3, [], input_bits=4)])
def test_models_that_need_other_hardware_are_refused(other):
    with pytest.raises(QsimError, match="the model needs other hardware"):
        Loadable.of(MODEL, 2, 1).words(other)


def test_weights_of_other_widths_are_refused():
    with pytest.raises(QsimError, match="a model on crossbar tiles has its own cells"):
        Loadable.of(MODEL, bits=8)
