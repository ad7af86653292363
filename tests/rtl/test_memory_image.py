import numpy as np
import pytest
from examples import random_model

from qsim_rtl.memory.pack import image, pack
from qsim_rtl.shape.engine import EngineShape


def field(word, index, bits):
    """Field `index` of a word as a two's complement number."""
    value = word >> index * bits & (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


@pytest.mark.parametrize("bits", [1, 3, 8, 16, 33])
def test_fields_stand_side_by_side_the_first_lowest(bits):
    rng = np.random.default_rng(bits)
    fields = rng.integers(-(1 << bits - 1), (1 << bits - 1) - 1, (5000, 7), endpoint=True)
    words = pack(fields, bits)
    assert words.width == 7 * bits
    integers = words.integers()
    for row in (0, 1, 4095, 4096, 4999):
        assert [field(integers[row], k, bits) for k in range(7)] == fields[row].tolist()


@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (3, 2), (4, 5), (7, 9)])
def test_every_weight_and_bias_is_where_the_engine_looks_for_it(pe, simd):
    model = random_model(0, (9, 7), 5)
    layer, shape = model.layers[0], EngineShape.of(model, pe, simd)
    folded, words = shape.layers[0], image(model, shape)
    weights, bias = words["layer0_weights"].integers(), words["layer0_bias"].integers()
    assert (len(weights), len(bias)) == (folded.groups * folded.beats, folded.groups)
    for j in range(7):
        assert field(bias[j // pe], j % pe, folded.accumulator_bits) == layer.bias[j]
        for i in range(9):
            word = weights[j // pe * folded.beats + i // simd]
            assert field(word, j % pe * simd + i % simd, 5) == layer.stored[j, i]


def test_hexadecimal_has_one_line_of_whole_digits_a_word():
    assert pack(np.array([[1, 0, 0], [-1, -1, -1], [0, 0, 4]]), 3).hexadecimal() == "001\n1ff\n100\n"
