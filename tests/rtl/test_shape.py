import pytest
from examples import random_model

from qsim import InputFormat, Layer, Model, QsimError
from qsim_rtl.shape.engine import EngineShape, Timing

MODEL = random_model(0, (7, 5, 3), 4, 255)


def test_one_number_is_limited_to_each_layer():
    shape = EngineShape.of(MODEL, pe=4, simd=6)
    assert [layer.pe for layer in shape.layers] == [4, 3]
    assert [layer.simd for layer in shape.layers] == [6, 5]
    assert [(layer.beats, layer.groups, layer.last_group) for layer in shape.layers] == [(2, 2, 1), (1, 1, 3)]


@pytest.mark.parametrize(
    ("folding", "message"),
    [
        ({"pe": 0}, "pe of layer 0 is 0; 1 to 5 are allowed"),
        ({"pe": True}, "pe of layer 0 is True; 1 to 5 are allowed"),
        ({"simd": [8, 1]}, "simd of layer 0 is 8; 1 to 7 are allowed"),
        ({"pe": [1, 4]}, "pe of layer 1 is 4; 1 to 3 are allowed"),
        ({"simd": [1]}, "simd is given for 1 layers; the model has 2"),
        ({"pe": [1, 1.0]}, "pe of layer 1 is 1.0; 1 to 3 are allowed"),
    ],
)
def test_a_folding_that_does_not_fit_is_refused(folding, message):
    with pytest.raises(QsimError, match=f"^{message}$"):
        EngineShape.of(MODEL, **folding)


def test_the_accumulator_holds_its_bounds_and_no_more():
    for outputs, bias, width in (([[1]], 0, 3), ([[1]], 1, 4), ([[-1]], -1, 3), ([[-1]], -2, 4)):
        model = Model([Layer(outputs, [bias], 1)], InputFormat(2))
        low, high = model.bounds[0]
        assert EngineShape.of(model).layers[0].accumulator_bits == width
        assert -(1 << width - 1) <= low
        assert high < 1 << width - 1


def test_equal_shapes_are_equal_whatever_the_weights():
    layer = MODEL.layers[1]
    turned = Layer(layer.weights[::-1], layer.bias[::-1], layer.bits)
    other = Model([MODEL.layers[0], turned], MODEL.input)
    assert EngineShape.of(other) == EngineShape.of(MODEL)
    assert hash(EngineShape.of(other)) == hash(EngineShape.of(MODEL))
    assert EngineShape.of(MODEL, monitor=True) != EngineShape.of(MODEL)


@pytest.mark.parametrize(
    ("pe", "simd", "latency", "interval"),
    [  # load, wait for the first group, then one group after another, then the last group's results
        (1, 1, 11 + 12 + 4 + 3 * 12 + 1, 4 * 12),
        (4, 3, 3 + 4 + 4 + 4, 4),
        (2, 12, 0 + 1 + 4 + 2 + 2, 4),
        (3, 6, 1 + 2 + 4 + 3 + 1, 5),
    ],
)
def test_timing_of_a_single_layer(pe, simd, latency, interval):
    model = random_model(0, (12, 4), 2)
    assert EngineShape.of(model, pe, simd).timing() == Timing(latency, interval)


def test_class_bits():
    widths = [EngineShape.of(random_model(0, (2, n), 2)).class_bits for n in (1, 2, 3, 4, 5)]
    assert widths == [1, 1, 2, 2, 3]
