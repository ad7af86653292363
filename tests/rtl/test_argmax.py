import itertools

import pytest
from streams import exchange

from qsim import spec
from qsim_rtl.gateware.argmax import ArgMax


@pytest.mark.parametrize(("outputs", "bits"), [(1, 4), (2, 3), (3, 2), (4, 2)])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_every_frame_of_small_logits_gives_every_class_so_far(outputs, bits, stall):
    values = range(-(1 << bits - 1), 1 << bits - 1)
    frames = list(itertools.product(values, repeat=outputs))
    beats = [(logit, j == outputs - 1) for frame in frames for j, logit in enumerate(frame)]
    got, cycles = exchange(ArgMax(bits, outputs), beats, len(beats), stall)
    wanted = []
    for frame in frames:
        for j, logit in enumerate(frame):
            so_far = spec.classify(frame if outputs == 1 else (*frame[: j + 1], -99))
            wanted.append(([logit, so_far], j == outputs - 1))
    assert got == wanted
    assert stall or cycles == list(range(len(beats)))
