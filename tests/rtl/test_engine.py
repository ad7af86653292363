"""The whole engine against the specification, compiled: one compilation a shape."""

import contextlib
from dataclasses import dataclass, replace

import numpy as np
import pytest
from examples import expected, random_codes, random_model

from qsim import InputFormat, Model, QsimError, spec
from qsim_rtl import Simulator


@dataclass(frozen=True)
class Case:
    sizes: tuple[int, ...]
    bits: tuple[int, ...]
    levels: tuple[int, ...]
    pe: tuple[int, ...]
    simd: tuple[int, ...]
    options: tuple = ()

    def model(self):
        return random_model(len(self.sizes), self.sizes, self.bits, self.levels, **dict(self.options))


OWN = (("per_neuron", True),)
TWOS = (("grid", "twos_complement"),)


def form(bits, signed=False):
    return (("form", InputFormat(bits, signed)),)


CASES = [
    Case((1, 1), (1,), (), (1,), (1,), form(1)),
    Case((7, 1), (3,), (), (1,), (4,), form(8, True)),
    Case((5, 9), (10,), (), (4,), (5,), TWOS + form(16, True)),
    Case((6, 7, 3), (2, 1), (17,), (4, 2), (4, 5), OWN + form(1, True)),
    Case((9, 5, 4), (1, 1), (1,), (2, 3), (1, 2)),
    Case((5, 7, 3), (4, 4), (255,), (2, 2), (2, 2)),
    Case((11, 6, 5), (8, 8), (255,), (6, 1), (3, 4), OWN),
    Case((2, 8, 2), (6, 3), (3,), (3, 2), (2, 1), form(16, True)),
    Case((13, 1, 6), (5, 2), (2,), (1, 4), (6, 1), TWOS),
    Case((4, 12, 1), (9, 7), (17,), (12, 1), (4, 12), TWOS + OWN + form(3)),
    Case((12, 3, 10), (2, 10), (3,), (1, 10), (1, 3)),
    Case((3, 4, 5, 6), (3, 2, 1), (1, 255), (2, 5, 4), (3, 4, 2), OWN),
    Case((10, 9, 8, 2), (1, 4, 16), (17, 2), (5, 8, 2), (7, 2, 3), TWOS),
    Case((8, 6, 6, 6, 3), (4, 3, 2, 1), (3, 1, 17), (1, 2, 3, 3), (8, 1, 2, 6)),
    Case((1, 5, 1, 5, 2), (2, 2, 2, 2), (2, 255, 1), (5, 1, 2, 2), (1, 5, 1, 4), OWN + form(4, True)),
]


def classes(logits):
    """The class beside each logit of a frame."""
    if len(logits) == 1:
        return [spec.classify(logits)]
    return [0, *(spec.classify(logits[: j + 1]) for j in range(1, len(logits)))]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(map(str, case.sizes)))
def simulator(request):
    case = request.param
    return Simulator(case.model(), case.pe, case.simd, optimize=0)


@pytest.mark.parametrize("stall", [0.0, 0.3, 0.8])
def test_every_integer_is_the_specifications(simulator, stall):
    codes = random_codes(3, simulator.model, 60)
    wanted = expected(simulator.model, codes)
    result = simulator.run(codes, stall, seed=11)
    for found, hidden in zip(result.hidden, wanted.hidden, strict=True):
        assert np.array_equal(found, hidden)
    assert np.array_equal(result.logits, wanted.logits)
    assert np.array_equal(result.classes, wanted.classes)


def test_an_accumulator_that_is_one_off_would_be_seen(simulator):
    """Models of the same shape whose first thresholds lie at and just above an image's accumulators."""
    original = simulator.model
    first, *others = original.layers
    if first.thresholds is None:
        pytest.skip("the logits are the accumulators")
    codes = random_codes(9, original, 6)
    alone = Model((replace(first, thresholds=None),), original.input)
    for row in spec.logits(alone, codes.tolist()):
        for above in (0, 1):
            own = np.array(row[:1] if first.shared_thresholds else row) + above
            thresholds = np.repeat(own[:, None], first.thresholds.shape[1], axis=1)
            model = Model((replace(first, thresholds=thresholds), *others), original.input)
            wanted = expected(model, codes)
            simulator.load(model)
            assert np.array_equal(simulator.run(codes).hidden[0], wanted.hidden[0])
    simulator.load(original)


def test_weights_and_thresholds_in_every_place(simulator):
    """Models of the same shape: neurons and inputs change their places, so that each meets every lane."""
    original = simulator.model
    codes = random_codes(12, original, 12)
    for places in range(1, max(original.shape)):
        model = Model([rolled(layer, places) for layer in original.layers], original.input)
        simulator.load(model)
        result, wanted = simulator.run(codes), expected(model, codes)
        assert all(map(np.array_equal, result.hidden, wanted.hidden))
        assert np.array_equal(result.logits, wanted.logits)
    simulator.load(original)


def rolled(layer, places):
    """The layer with its inputs moved on by `places`, and its neurons by one more."""
    thresholds = layer.thresholds
    if thresholds is not None and not layer.shared_thresholds:
        thresholds = np.roll(thresholds, places + 1, 0)
    return replace(
        layer,
        weights=np.roll(layer.weights, (places + 1, places), (0, 1)),
        bias=np.roll(layer.bias, places + 1),
        thresholds=thresholds,
    )


def test_the_class_so_far_goes_with_every_logit(simulator):
    codes = random_codes(8, simulator.model, 60)
    data, last = simulator.beats(codes)
    outcome = simulator.send(data.reshape(last.size, -1), last.ravel())
    wanted = [so_far for row in expected(simulator.model, codes).logits.tolist() for so_far in classes(row)]
    assert outcome.classes.tolist() == wanted


def test_a_tie_goes_to_the_first_class_and_a_logit_of_zero_to_the_second(simulator):
    """A model of the same shape: equal logits; or, of one output, an image's is 0."""
    original = simulator.model
    *hidden, last = original.layers
    codes = random_codes(5, original, 12)
    for tied in biased(last, expected(original, codes).logits) if last.outputs == 1 else [repeated(original)]:
        model = Model([*hidden, tied], original.input)
        with contextlib.suppress(QsimError):  # a bias that needs a wider accumulator
            simulator.load(model)
            break
    wanted = expected(model, codes)
    assert np.array_equal(simulator.run(codes).classes, wanted.classes)
    assert last.outputs > 1 or (wanted.logits == 0).any()
    assert last.outputs < 3 or (wanted.classes == 0).any()
    simulator.load(original)


def biased(layer, logits):
    """The layer with a bias that makes one of its logits 0, the smallest first."""
    return [replace(layer, bias=layer.bias - logit) for logit in sorted(logits.ravel(), key=abs)]


def repeated(model):
    """The last layer with one neuron many times; its extremes are those of the layer, as it had them."""
    last = model.layers[-1]
    high = last.bias + last.weights.clip(min=0).sum(1) * largest(model)
    low = last.bias + last.weights.clip(max=0).sum(1) * largest(model)
    order = [high.argmax()] * (last.outputs - 1) + [low.argmin()]
    return replace(last, weights=last.weights[order], bias=last.bias[order])


def largest(model):
    """Of the codes that enter the last layer."""
    return model.layers[-2].max_code if len(model.layers) > 1 else max(-model.input.low, model.input.high)


def test_timing_is_what_the_shape_states(simulator):
    data, last = simulator.beats(random_codes(0, simulator.model, 40))
    timing = simulator.shape.timing()
    assert simulator.send(data[0], last[0]).finished.tolist() == [timing.latency]
    finished = simulator.send(data.reshape(last.size, -1), last.ravel()).finished
    assert np.diff(finished)[-12:].tolist() == [timing.interval] * 12


def test_refused_frames_give_no_result_and_disturb_none(simulator):
    rng = np.random.default_rng(4)
    model, due = simulator.model, simulator.shape.layers[0].beats
    codes = random_codes(5, model, 80)
    data, _ = simulator.beats(codes)
    lengths = np.where(rng.random(80) < 0.5, due, rng.integers(1, 2 * due + 2, 80))
    frames = zip(data, lengths, strict=True)
    beats = np.concatenate([np.resize(frame, (length, frame.shape[1])) for frame, length in frames])
    last = np.zeros(len(beats), np.uint8)
    last[np.cumsum(lengths) - 1] = 1
    wanted = expected(model, codes[lengths == due])
    for stall in (0.0, 0.4):
        outcome = simulator.send(beats, last, stall, seed=6)
        assert np.array_equal(outcome.logits, wanted.logits.ravel())
        assert np.array_equal(outcome.classes[model.outputs - 1 :: model.outputs], wanted.classes)
        assert len(outcome.finished) == np.count_nonzero(lengths == due)
        assert (outcome.short, outcome.long) == (np.sum(lengths < due), np.sum(lengths > due))
        assert outcome.unstable == 0


def test_surplus_lanes_are_ignored(simulator):
    layer = simulator.shape.layers[0]
    surplus = layer.beats * layer.simd - layer.inputs
    if not surplus:
        pytest.skip("every lane of the last beat is in use")
    codes = random_codes(0, simulator.model, 6)
    data, last = simulator.beats(codes)
    used = (layer.simd - surplus) * layer.code_bits
    ones = np.array([(~((1 << used) - 1) >> 32 * i) & 0xFFFFFFFF for i in range(data.shape[2])], np.uint32)
    data[:, -1] |= ones
    outcome = simulator.send(data.reshape(last.size, -1), last.ravel())
    assert np.array_equal(outcome.logits, expected(simulator.model, codes).logits.ravel())


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_a_reset_at_any_moment_leaves_nothing_behind(simulator, stall):
    codes = random_codes(7, simulator.model, 4)
    data, last = simulator.beats(codes)
    flat, ends = data.reshape(last.size, -1), last.ravel().copy()
    ends[-simulator.shape.layers[0].beats - 1] = 0  # the last two frames become a long one
    wanted = expected(simulator.model, codes)
    timing = simulator.shape.timing()
    for cycles in range(1, timing.latency + 3 * timing.interval + 4):
        simulator.send(flat, ends, stall, seed=cycles, cycles=cycles)
        outcome = simulator.send(flat, last.ravel())
        assert np.array_equal(outcome.logits, wanted.logits.ravel())
        assert np.array_equal(
            outcome.classes[simulator.model.outputs - 1 :: simulator.model.outputs], wanted.classes
        )
        assert [codes.tolist() for codes in outcome.hidden] == [h.ravel().tolist() for h in wanted.hidden]
        assert (len(outcome.finished), outcome.short, outcome.long, outcome.unstable) == (4, 0, 0, 0)
