"""The crossbar's specification: equal to the ideal layer where nothing is lost, else worked by hand."""

import numpy as np
import pytest
from examples import random_codes, random_model
from hypothesis import given, settings
from hypothesis import strategies as st

from qsim import InputFormat, Layer, Model, spec
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Adc, Crossbar, Mapping, Noise
from qsim.spec import crossbar as crossbar_spec
from qsim.spec import noise as generator

MAPPINGS = st.builds(
    Mapping,
    rows=st.integers(1, 9),
    cols=st.integers(2, 5),
    cell_bits=st.integers(1, 4),
    digit_bits=st.integers(1, 5),
    style=st.sampled_from(["offset", "differential"]),
    unit_bits=st.integers(0, 6),
)


@given(
    seed=st.integers(0, 2**32),
    mapping=MAPPINGS,
    bits=st.integers(1, 6),
    grid=st.sampled_from(["odd", "twos_complement"]),
    signed=st.booleans(),
    depth=st.integers(1, 2),
)
@settings(max_examples=60)
def test_lossless_tiles_equal_the_ideal_layer(
    seed: int, mapping: Mapping, bits: int, grid: str, signed: bool, depth: int
) -> None:
    shape = tuple(np.random.default_rng(seed).integers(1, 8, depth + 1).tolist())
    model = random_model(seed, shape, bits, grid=grid, form=InputFormat(6, signed))
    mapped = map_to_crossbar(model, mapping)
    codes = random_codes(seed, model, 3).tolist()
    assert list(spec.trace(mapped, codes)) == list(spec.trace(model, codes))


def test_a_tile_worked_by_hand() -> None:
    """Two inputs of two bits, weights of one 2-bit cell, a converter that loses a bit and is one off."""
    mapping = Mapping(rows=2, cols=2, cell_bits=2, digit_bits=1, unit_bits=1)
    layer = Layer([[1, -2]], [7], bits=2, grid="twos_complement")
    # levels: stored + 2 = 3 and 0, reference 2 and 2; in half levels 6, 0 and 4, 4
    cells = np.array([[[6, 4], [0, 4]]])
    adc = Adc([3, 7], base=[1], step=[4])  # codes 0, 1, 2 stand for 1, 5, 9
    model = Model(
        (Layer(layer.weights, [7], 2, grid=layer.grid, crossbar=Crossbar(mapping, cells, adc)),),
        InputFormat(2),
    )
    # x = (3, 1): digit 0 drives (1, 1): currents 6, 8 -> codes 1, 2 -> 5, 9
    # digit 1 drives (1, 0): currents 6, 4 -> codes 1, 1 -> 5, 5
    reads = crossbar_spec.columns_read(model.layers[0].crossbar, [3, 1], 0, 3, 0, 0)
    assert list(reads) == [(0, 0, 0, [1, 2]), (0, 0, 1, [1, 1])]
    # sums: 5 + 2 * 5 = 15 and 9 + 2 * 5 = 19; (15 - 19) / 2 = -2; acc = 7 - 2
    assert spec.logits(model, [(3, 1)]) == [[5]]


@pytest.mark.parametrize(
    ("key", "counter", "words"),
    [  # the generator's published answers, 20 rounds
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_the_generator_is_threefry(
    key: tuple[int, int], counter: tuple[int, int], words: tuple[int, int]
) -> None:
    assert generator.threefry(key, counter, 20) == words


def test_noise_has_its_mean_and_deviation() -> None:
    noise = Noise.of(40.0, seed=5)
    drawn = [
        generator.noise_of(noise, 1, image, 2, 3, digit, column)
        for image in range(40)
        for digit in range(8)
        for column in range(40)
    ]
    assert abs(np.mean(drawn)) < 4 * 40 / len(drawn) ** 0.5
    assert np.std(drawn) == pytest.approx(40, rel=0.03)
    assert max(map(abs, drawn)) <= noise.largest
