"""The SHAPE register: words that bitstreams in the field have, and the driver's word about their age."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from crossbar_models import Devices, tiled
from random_models import random_model

from qsim import QsimError
from qsim.model.crossbar import Mapping
from qsim_rtl.gateware.bus.registers import ADDRESS, VERSION
from qsim_rtl.host.device import Device
from qsim_rtl.shape.engine import EngineShape
from qsim_rtl.shape.identity import description, identity
from qsim_rtl.shape.loadable import Loadable

DENSE = Loadable.of(random_model((7, 5, 3), (3, 2), [6], per_neuron=True, seed=3), 2, 3, bits=4)
TILES = Loadable.of(
    tiled((4, 3), Mapping(3, 4, 2, 2, "offset", 3), Devices("spread", "coarse", 1 << 17), input_bits=4), 2, 1
)


def test_the_words_of_existing_bitstreams_stay():
    """These are an interface: whoever changes them raises `SCHEMA`."""
    assert description(DENSE.engine).startswith(
        '{"layers":[{"accumulator_bits":16,"code_bits":8,"code_signed":false,"inputs":7,"max_code":7,'
        '"outputs":5,"pe":2,"shared_thresholds":false,"simd":3,"tiles":null,"weight_bits":4,'
        '"weight_grid":"odd"},{'
    )
    assert description(DENSE.engine).endswith('],"schema":1}')
    assert DENSE.identity == 0x4B0AE179
    assert TILES.identity == 0x6292A250


def changed(value):
    return {bool: lambda: not value, int: lambda: value + 1, str: lambda: "twos_complement"}[type(value)]()


@pytest.mark.parametrize("field", [f.name for f in fields(DENSE.engine.layers[0]) if f.name != "crossbar"])
def test_every_fact_of_a_layer_is_in_it(field):
    first, second = DENSE.engine.layers
    other = replace(first, **{field: changed(getattr(first, field))})
    assert identity(EngineShape((other, second))) != DENSE.identity


SHARED = {"inputs", "code_bits", "code_signed", "accumulator_bits", "pe", "simd"}  # with the layer


@pytest.mark.parametrize(
    "field", [f.name for f in fields(TILES.engine.layers[0].crossbar) if f.name not in SHARED]
)
def test_every_fact_of_tiles_is_in_it(field):
    (layer,) = TILES.engine.layers
    tiles = replace(layer.crossbar, **{field: changed(getattr(layer.crossbar, field))})
    assert identity(EngineShape((replace(layer, crossbar=tiles),))) != TILES.identity


class Answers:
    """A bus that answers with given words."""

    def __init__(self, **words: int) -> None:
        known = {"ID": 0x7173696D, "VERSION": VERSION, "SHAPE": DENSE.identity}
        known |= {"IMAGE_WORDS": DENSE.image_words, **words}
        self.words = {ADDRESS[name]: word for name, word in known.items()}

    def read(self, address: int) -> int:
        return self.words[address]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"ID": 0}, "what answers is no engine: its ID is 0x0"),
        (
            {"VERSION": 1 << 16 | 1},
            "the bitstream is older than this qsim: its interface has version 1, 3 is",
        ),
        (
            {"VERSION": VERSION & ~0xFF00},
            "older than this qsim: its description of shapes has version 0, 1 is",
        ),
        ({"VERSION": VERSION + 0x100}, "newer than this qsim: its description of shapes has version 2, 1 is"),
        ({"VERSION": VERSION + 1}, "newer than this qsim: its arithmetic has version 2, 1 is known"),
        ({"SHAPE": 1}, "the device is of shape 0x00000001"),
    ],
)
def test_the_driver_says_what_does_not_fit(words, message):
    Device(Answers(), DENSE)
    with pytest.raises(QsimError, match=message):
        Device(Answers(**words), DENSE)
