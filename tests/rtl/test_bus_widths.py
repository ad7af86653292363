"""The streams of the bus: powers of two of bytes, whatever the folding, and what TKEEP says."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.back import rtlil
from bus_bench import Bench, Traffic, run
from examples import expected
from random_models import random_codes, random_model

from qsim_rtl.gateware.bus.registers import MASK
from qsim_rtl.gateware.bus.uart import Bridge
from qsim_rtl.memory.frames import encoded
from qsim_rtl.shape.loadable import Loadable


@pytest.mark.parametrize(
    ("inputs", "input_bits", "simd", "width"),
    [
        (3, 1, 1, 8),
        (9, 8, 3, 32),
        (9, 4, 5, 32),
        (9, 8, 5, 64),
        (40, 8, 17, 256),
        (9, 2, 4, 8),
        (9, 3, 3, 16),
    ],
)
def test_frames_come_in_powers_of_two_of_bytes(inputs, input_bits, simd, width):
    shape = Loadable.of(random_model((inputs, 2), 2, [], input_bits=input_bits), 1, simd)
    assert shape.input_width == width
    bridge = Bridge(shape)
    rtlil.convert(bridge)  # Amaranth complains of blocks that are made and not used
    for name, bits in (("m_axis", width), ("s_axis", sum(shape.result_widths))):
        assert len(getattr(bridge, f"{name}_tdata")) == bits
        assert len(getattr(bridge, f"{name}_tkeep")) == bits // 8


def test_results_go_in_powers_of_two_of_bytes():
    found = set()
    for inputs, bits, outputs in ((1, 1, 2), (3, 6, 2), (3, 6, 300), (700, 10, 3), (4, 10, 3)):
        shape = Loadable.of(random_model((inputs, outputs), bits, [], input_bits=bits))
        logit, index = shape.result_widths
        last = shape.engine.layers[-1]
        assert logit % 8 == index % 8 == 0
        assert logit - 8 < last.accumulator_bits <= logit
        assert index >= shape.engine.class_bits
        found.add(logit + index)
    assert found == {16, 32, 64}


@pytest.mark.parametrize(("inputs", "input_bits", "simd"), [(20, 8, 9), (20, 3, 17), (40, 8, 17), (9, 16, 9)])
def test_frames_of_wide_beats_fill_them(inputs, input_bits, simd):
    """A beat's words of 32 bits are no power of two in number; what is above them is 0."""
    model = random_model((inputs, 2), 2, [], input_bits=input_bits, seed=1)
    shape, codes = Loadable.of(model, 1, simd), random_codes(model, 3)
    data, last = encoded(shape, codes)
    assert data.shape == (len(last), shape.input_width // 8)
    beats = [int.from_bytes(beat.tobytes(), "little") for beat in data]
    lanes = [beat >> input_bits * k & (1 << input_bits) - 1 for beat in beats for k in range(simd)]
    rows = np.array(lanes).reshape(3, -1)
    assert np.array_equal(rows[:, :inputs], codes)
    assert not rows[:, inputs:].any()
    assert not any(beat >> input_bits * simd for beat in beats)


MODEL = random_model((5, 4, 3), 3, 7, seed=1)
CODES = random_codes(MODEL, 4, seed=4)
BYTES = {"a byte of the first beat": (0, 0b0110), "a byte of the last": (1, 0b0010)}  # 3 and then 2 codes


@pytest.mark.parametrize("name", [*BYTES, "none that holds codes"])
def test_a_byte_that_is_left_out_raises_a_flag(name):
    last_torn, mask = BYTES.get(name, (None, 0))

    def keep(data: int, last: int) -> int:
        return mask if last == last_torn else (0b0111, 0b0011)[last]

    async def scenario(bench: Bench) -> None:
        engine = bench.engine
        assert (len(engine.s_axis_tdata), len(engine.s_axis_tkeep)) == (32, 4)
        assert (len(engine.m_axis_tdata), bench.context.get(engine.m_axis_tkeep)) == (32, 0b1111)
        bench.keep = keep
        await bench.idle(40)
        assert ("TORN" in await bench.status()) == (name in BYTES)
        bench.keep = lambda data, last: 0b1111
        await bench.write("CONTROL", MASK["ACKNOWLEDGE"])
        await bench.idle(40)
        assert "TORN" not in await bench.status()

    bench = run(MODEL, CODES, scenario, pe=2, simd=3)
    found = bench.answers()
    assert len(found) > 4
    assert np.array_equal(found, expected(MODEL, CODES).logits[np.arange(len(found)) % len(CODES)])


def test_nothing_is_torn_while_nothing_is_taken():
    async def scenario(bench: Bench) -> None:
        await bench.idle(20)  # TKEEP is 0 while nothing is offered
        assert await bench.status() == {"VALID"}

    run(MODEL, CODES, scenario, Traffic(0, 1), pe=2, simd=3)
