import itertools

import pytest
from examples import expected, random_codes, random_model
from streams import exchange

from qsim import InputFormat, Layer, Model, spec
from qsim_rtl.gateware.dense import Dense
from qsim_rtl.memory.pack import image
from qsim_rtl.shape.engine import EngineShape


def run(model, codes, pe, simd, stall=0.0, seed=0):
    """Accumulators of the model's single layer, and the cycle in which each left."""
    shape = EngineShape.of(model, pe, simd)
    layer = shape.layers[0]
    block = Dense(layer)
    words = image(model, shape)
    block.weights.init = words["layer0_weights"].integers()
    block.bias.init = words["layer0_bias"].integers()
    beats = []
    for image_codes in codes:
        padded = [*image_codes, *[model.input.high] * (layer.beats * simd - layer.inputs)]
        for b in range(layer.beats):
            beats.append((padded[b * simd : (b + 1) * simd], b == layer.beats - 1))
    got, cycles = exchange(block, beats, len(codes) * layer.outputs, stall, seed)
    assert [last for _, last in got] == ([0] * (layer.outputs - 1) + [1]) * len(codes)
    return [acc for acc, _ in got], cycles


@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("input_format", [InputFormat(1), InputFormat(1, True), InputFormat(2, True)])
def test_every_pair_of_weights_times_every_pair_of_codes(grid, bits, input_format):
    weights = [spec.weight(s, grid) for s in range(-(1 << bits - 1), 1 << bits - 1)]
    pairs = list(itertools.product(weights, repeat=2))
    model = Model([Layer(pairs, [0] * len(pairs), bits, grid=grid)], input_format)
    codes = list(itertools.product(range(input_format.low, input_format.high + 1), repeat=2))
    got, _ = run(model, codes, pe=len(pairs), simd=2)
    assert got == [acc for row in spec.logits(model, codes) for acc in row]


@pytest.mark.parametrize(
    ("inputs", "outputs", "pe", "simd"), [(5, 7, 3, 2), (1, 4, 3, 1), (6, 1, 1, 4), (3, 5, 5, 3)]
)
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_foldings_that_do_not_divide(inputs, outputs, pe, simd, stall):
    model = random_model(inputs, (inputs, outputs), 3, form=InputFormat(4))
    codes = random_codes(0, model, 12)
    got, cycles = run(model, codes.tolist(), pe, simd, stall, seed=7)
    assert got == expected(model, codes).logits.ravel().tolist()
    if not stall:
        timing = EngineShape.of(model, pe, simd).timing()
        frames = cycles[outputs - 1 :: outputs]
        assert frames[0] == timing.latency
        assert frames[-1] - frames[-2] == timing.interval
