"""The parts of attacks against their definitions: losses, margins, gradients, ramps, random numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from attacked_models import deep, digits, images

from qsim import InputFormat, Layer, Model
from qsim.attacks import square_l2
from qsim.attacks.apgd import checkpoints
from qsim.attacks.draws import image_keys, random_integers, stream_keys
from qsim.attacks.lattice_moves import MOVES
from qsim.attacks.losses import LOSSES
from qsim.attacks.norms import NORMS, Points, ball_of
from qsim.attacks.problem import class_logits, doubled_margins
from qsim.attacks.ramps import Ramps
from qsim.attacks.surrogate import Surrogate
from qsim.shadow.network import of_model, to_real, unsaturated_input_gradient


@pytest.mark.parametrize("targeted", [False, True], ids=["untargeted", "targeted"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_has_the_derivative_that_it_says(loss: str, targeted: bool) -> None:
    rng = np.random.default_rng(3)
    logits, labels = rng.normal(size=(20, 5)), rng.integers(0, 5, 20)
    targets = (labels + 1) % 5 if targeted else None
    slopes = LOSSES[loss](logits, labels, targets)[1]
    numeric = np.empty_like(logits)
    for c in range(5):
        step = np.zeros(5)
        step[c] = 1e-2 if loss == "ce" else 1e-6
        ends = [LOSSES[loss](logits + s * step, labels, targets)[0] for s in (1, -1)]
        numeric[:, c] = (ends[0] - ends[1]) / (2 * step[c])
    if loss == "unsaturated":  # its value is only the margin
        ce = LOSSES["ce"](logits, labels, targets)[1]
        factor = (ce * slopes).sum(1) / (slopes * slopes).sum(1)
        assert (factor > 0).all()
        np.testing.assert_allclose(slopes * factor[:, None], ce, atol=1e-5)
    else:
        np.testing.assert_allclose(slopes, numeric, atol=1e-4 if loss != "ce" else 1e-3)


def test_saturation_hides_cross_entropy_alone() -> None:
    logits, labels = np.array([[300.0, 0, -5, 1]]), np.array([0])
    assert not LOSSES["ce"](logits, labels, None)[1].any()
    for loss in ("unsaturated", "margin", "dlr"):
        assert LOSSES[loss](logits, labels, None)[1].any()


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_margin_is_negative_exactly_where_the_hardware_errs(outputs: int) -> None:
    rng = np.random.default_rng(0)
    layer = Layer(2 * rng.integers(-1, 1, (outputs, 3)) + 1, np.zeros(outputs, int), bits=1)
    model = Model((layer,), InputFormat(2))
    codes = np.stack(np.meshgrid(*[np.arange(4)] * 3), -1).reshape(-1, 3)
    logits, classes = class_logits(model, codes), model.predict(codes)
    for aim in range(model.classes):
        aims = np.full(len(codes), aim)
        assert ((doubled_margins(logits, aims, None) < 0) == (classes != aim)).all()
        other = (aims + 1) % model.classes
        assert ((doubled_margins(logits, other, aims) < 0) == (classes == aim)).all()


@pytest.mark.parametrize("activation", ["step", "sigmoid", "relu"])
@pytest.mark.parametrize("depth", [1, 2])
def test_the_gradient_is_the_shadow_s(activation: str, depth: int) -> None:
    """Of fine hidden codes, with the loss at the integers' logits; exact but for 16 bits of its flow."""
    model, (codes, labels) = (digits(activation, 4) if depth == 1 else deep(activation)), images(25)
    network, last = of_model(model, np.float64), model.layers[-1]
    real = class_logits(model, codes) / (last.weight_denominator * last.codes_per_unit)
    _, by_logits = LOSSES["unsaturated"](real, labels, None)
    found = Surrogate(model, 1.0).gradient(codes.astype(model.input.dtype), by_logits).astype(float)
    if depth == 1:
        wanted = unsaturated_input_gradient(network, to_real(codes, 255, np.float64), labels)
    else:
        wanted = _by_hand(model, codes, by_logits)
    for row, other in zip(found, wanted, strict=True):
        if np.linalg.norm(row) and np.linalg.norm(other):
            cosine = row @ other / np.linalg.norm(row) / np.linalg.norm(other)
            assert cosine > (0.95 if depth == 1 else 0.9999)


def _by_hand(model: Model, codes: np.ndarray, by_logits: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Backward through the layers in float64, slopes taken at the integers' own hidden sums."""
    network, flow, inputs = of_model(model, np.float64), by_logits, codes
    slopes = []
    for layer in model.layers[:-1]:
        bare = replace(layer, thresholds=None, activation=None)
        form = InputFormat(8)
        z = Model((bare,), form).logits(inputs) / (layer.weight_denominator * layer.codes_per_unit)
        s = 1 / (1 + np.exp(-z))
        slopes.append((z > 0).astype(float) if network.activation == "relu" else s * (1 - s))
        inputs = model.trace(codes).hidden[len(slopes) - 1]
    for weights, slope in zip(reversed(network.weights[1:]), reversed(slopes), strict=True):
        flow = (flow @ weights.T) * slope
    return flow @ network.weights[0].T


def test_what_surrogates_keep_is_the_model_s_own() -> None:
    """One made again, with another model's or with other weights in between, gives the same integers."""
    codes, labels = images(25)
    real = class_logits(digits("relu", 4), codes).astype(np.float64)
    _, by_logits = LOSSES["margin"](real, labels, None)

    def gradient(model: Model, weights: Model | None = None) -> bytes:
        network = None if weights is None else of_model(weights)
        return Surrogate(model, 3, 1.0, network).gradient(codes, by_logits).tobytes()

    one, other = digits("relu", 4), digits("relu", 8)
    plain, crossed = gradient(one), gradient(one, other)
    assert plain not in (crossed, gradient(other))
    assert (gradient(one), gradient(one, other)) == (plain, crossed)
    assert gradient(replace(one)) == plain  # a model that was never seen


def test_matched_slopes_are_as_wide_as_the_reach() -> None:
    model = digits("step", 2)
    network = of_model(model)
    (width,) = Surrogate(model, 13, 1.5).widths
    assert width is not None
    np.testing.assert_allclose(width, 1.5 * 13 / 255 * np.linalg.norm(network.weights[0], axis=0), rtol=1e-5)


@pytest.mark.parametrize("activation", ["step", "relu"])
def test_ramps_without_reach_are_the_margin(activation: str) -> None:
    """Of a step its two ends exactly; of a ReLU to the precision of whole slopes."""
    model, (codes, labels) = digits(activation, 2), images(60)
    last = model.layers[1].weights
    rivals = (labels + 1) % 10
    roles = (last[labels] - last[rivals]).astype(float)
    ramps = Ramps.of(model, roles, 0.0)
    heights = (ramps.sums(codes) - ramps.starts >> ramps.shift).clip(0, ramps.widths)
    total = (heights * ramps.slopes.astype(np.int64)).sum(1)
    logits = model.logits(codes)
    rows = np.arange(60)
    margins = logits[rows, labels] - logits[rows, rivals]
    still = model.layers[1].bias[labels] - model.layers[1].bias[rivals]
    biggest = np.abs(roles).max(1)
    top = {"step": 1, "relu": model.layers[0].max_code}[activation]
    unit = 1 << 30 - model.layers[0].outputs.bit_length()
    found = total / unit * biggest * top
    np.testing.assert_allclose(found, margins - still, atol=0.1 if activation == "step" else 0.1 * top)


def test_sums_are_the_accumulators() -> None:
    model, (codes, _) = digits("sigmoid", 4), images(20)
    ramps = Ramps.of(model, np.ones((20, model.layers[0].outputs)), 3.0)
    bare = replace(model.layers[0], thresholds=None, activation=None)
    assert (ramps.sums(codes) == Model((bare,), model.input).logits(codes)).all()


@pytest.mark.parametrize("norm", list(NORMS))
def test_moves_of_the_lattice_attack_lower_the_sum_of_ramps_and_keep_the_sums(norm: str) -> None:
    model, (codes, labels) = digits("sigmoid", 4), images(20)
    ball = ball_of(model, norm, {"inf": 0.05, "2": 0.6, "0": 4}[norm])
    keys = image_keys(codes, labels, 3)
    last = model.layers[1].weights
    ramps = Ramps.of(model, (last[labels] - last[(labels + 1) % 10]).astype(float), 3 * ball.typical)
    moved = ball.snapped(Points(codes, ball.start(codes, keys)), np.arange(20))

    def height(sums: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        ramp = (sums.astype(np.int64) - ramps.starts >> ramps.shift).clip(0, ramps.widths)
        return (ramp * ramps.slopes).sum(axis=1)

    sums, before = ramps.sums(moved), height(ramps.sums(moved))
    shared = ramps.weights, ramps.starts, ramps.widths, ramps.shift
    limits = ball.limit, ball.form.low, ball.form.high
    MOVES[norm](codes, moved, sums, keys, shared, ramps.slopes, limits)
    assert ball.holds(codes, moved).all()
    assert (sums == ramps.sums(moved)).all()
    after = height(sums)
    assert (after <= before).all()
    assert (after < before).mean() > 0.9


def test_a_window_of_square_is_paid_for_by_the_others() -> None:
    """In a Euclidean ball: the candidate is on the rim, and changes in no input but those of two windows."""
    model, (codes, labels) = digits("relu", 2), images(30)
    ball = ball_of(model, "2", 0.3)
    codes = np.full_like(codes, 128)  # so far from the ends of the format that nothing is clipped
    keys = image_keys(codes, labels, 1)
    kept = square_l2.start(ball, codes, keys, (8, 8))
    moved = square_l2.change(ball, codes, kept, keys, (1, 3), (8, 8))
    for candidate in (kept, moved):
        assert ball.holds(codes, candidate).all()
        assert (ball.distance(codes, candidate) > 0.97 * ball.radius).all()
    far = np.abs(moved.astype(int) - kept) > 1  # more than rounding
    assert far.any(axis=1).all()
    assert (far.sum(axis=1) <= 2 * 9).all()


def test_an_image_s_numbers_are_its_own() -> None:
    codes, labels = images(12)
    keys = image_keys(codes, labels, 1)
    assert len(set(keys.tolist())) == 12
    assert (image_keys(codes[3:5], labels[3:5], 1) == keys[3:5]).all()
    assert (image_keys(codes, labels, 2) != keys).all()
    assert (image_keys(codes, (labels + 1) % 10, 1) != keys).all()
    assert (stream_keys(keys, 0) != stream_keys(keys, 1)).all()


def test_numbers_are_uniform() -> None:
    codes, labels = images(50)
    drawn = random_integers(image_keys(codes, labels, 0), 2000, -2, 2)
    shares = np.bincount(drawn.ravel() + 2, minlength=5) / drawn.size
    np.testing.assert_allclose(shares, 0.2, atol=0.01)
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < 0.1


def test_checkpoints_come_ever_closer() -> None:
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
