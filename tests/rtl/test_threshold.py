import numpy as np
import pytest
from streams import exchange

from qsim import InputFormat, Layer, Model, spec
from qsim_rtl.gateware.threshold import Threshold
from qsim_rtl.memory.pack import image
from qsim_rtl.shape.engine import EngineShape


def layers(thresholds, outputs=3):
    hidden = Layer([[3, -1], [1, 3], [-3, -3]][:outputs], [1, -4, 0][:outputs], 2, thresholds)
    return Model([hidden, Layer([[1] * outputs], [0], 1)], InputFormat(2))


CASES = [
    [0],
    [-5, 4],
    [-3, -3, -3],
    [1, 2, 3, 4, 5],
    [-100, -3, 0, 0, 2, 7, 100],
    list(range(-8, 9)),
    [[-2], [0], [9]],
    [[-9, 0, 1, 1], [0, 0, 0, 0], [-70, 2, 3, 70]],
    [[2, 3, 4], [-1, 5, 7], [-40, -30, 30]],
]


@pytest.mark.parametrize("thresholds", CASES)
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_every_accumulator_gives_the_code_of_the_specification(thresholds, stall):
    model = layers(thresholds)
    shape = EngineShape.of(model)
    block = Threshold(shape.layers[0])
    words = image(model, shape)
    for k, stage in enumerate(block.stages):
        stage.init = words[f"threshold0_stage{k}"].integers()
    low, high = model.bounds[0]
    accs = list(range(low, high + 1))
    beats = [(acc, j == 2) for acc in accs for j in range(3)]
    got, cycles = exchange(block, beats, len(beats), stall)
    rows = model.layers[0].thresholds.tolist()
    assert got == [(spec.activate(acc, row), j == 2) for acc in accs for j, row in enumerate(rows)]
    if not stall:
        latency = shape.layers[0].result_bits + 1
        assert cycles == list(range(latency, latency + len(beats)))


def test_one_row_is_stored_once_and_rows_of_their_own_for_each_neuron():
    for thresholds, rows in (([1, 2, 3], 1), ([[1, 2, 3], [1, 2, 3], [1, 2, 4]], 3)):
        model = layers(thresholds)
        words = image(model, EngineShape.of(model))
        assert [len(words[f"threshold0_stage{k}"].chunks) for k in range(2)] == [rows, 2 * rows]


def test_the_largest_accumulator_stays_below_the_padding():
    high = layers([0]).bounds[0][1]
    model = layers([high, high + 1])
    shape = EngineShape.of(model)
    width = shape.layers[0].accumulator_bits
    assert -(1 << width - 1) <= model.bounds[0][0]
    assert high + 1 < 1 << width - 1
    tree = image(model, shape)["threshold0_stage1"].integers()
    assert np.array_equal(tree, [high, high + 1])
