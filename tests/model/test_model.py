"""The waist: what a model accepts, proves and refuses."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from examples import random_codes, random_model
from hypothesis import given
from hypothesis import strategies as st

from qsim import InputFormat, Layer, Model, QsimError, spec

HIDDEN: dict[str, Any] = {"weights": [[1, -3], [3, 1]], "bias": [0, 1], "bits": 2, "thresholds": [0, 4]}
OUTPUT: dict[str, Any] = {"weights": [[1, 1], [-3, 1]], "bias": [0, 0], "bits": 2}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"weights": [[1, 2], [3, 1]]}, "weight 2 is even; the odd grid has none"),
        ({"weights": [[1, 5], [3, 1]]}, "weight 5 is outside -3 to 3, the 2-bit odd grid"),
        ({"weights": [[1, 2], [3, 1]], "grid": "twos_complement"}, "weight 3 is outside -2 to 1"),
        ({"weights": [1, 3]}, "weights has shape (2,); 2 non-empty dimensions are needed"),
        ({"weights": np.empty((0, 2), int)}, "weights has shape (0, 2)"),
        ({"weights": [[1, 3], [1]]}, "weights is ragged"),
        ({"weights": [[1.0, 3.0], [3.0, 1.0]]}, "weights has type float64; integers"),
        ({"weights": np.full((2, 2), 2**64 - 1, np.uint64)}, "weights has type uint64"),
        ({"bias": [0]}, "1 biases for 2 neurons"),
        ({"bits": 0}, "weights of 0 bits; 1 to 16 are allowed"),
        ({"bits": True}, "weights of True bits"),
        ({"grid": "even"}, "grid is 'even'; one of odd, twos_complement is needed"),
        ({"activation": "gelu"}, "activation is 'gelu'; one of hard_tanh, relu, sigmoid, step, tanh or none"),
        ({"zero_code": -1}, "the code of 0.0 is -1; an integer from 0 to 65535 is needed"),
        ({"codes_per_unit": 0}, "codes_per_unit is 0; a positive finite number is needed"),
        ({"preactivation_gain": float("nan")}, "preactivation_gain is nan"),
        ({"thresholds": [4, 0]}, "thresholds are not in ascending order"),
        ({"thresholds": [[0, 1], [2, 3], [4, 5]]}, "3 rows of thresholds for 2 neurons"),
        ({"thresholds": []}, "thresholds has shape (1, 0)"),
        ({"thresholds": list(range(65536))}, "65536 thresholds a neuron; at most 65535"),
    ],
)
def test_an_inconsistent_layer_is_refused_in_one_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(QsimError) as error:
        Layer(**{**HIDDEN, **change})
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_layers_that_do_not_fit_are_refused() -> None:
    hidden, output = Layer(**HIDDEN), Layer(**OUTPUT)
    wide = Layer([[1, 1, 1]], [0], bits=1)
    for layers, sentence in [
        ((), "no layers"),
        ((output, output), "layer 0 has no thresholds"),
        ((hidden, hidden), "the last layer has thresholds"),
        ((hidden, wide), "layer 1 has 3 inputs; layer 0 has 2 outputs"),
        ((replace(hidden, zero_code=3), output), "layer 0 has 3 as the code of 0.0"),
    ]:
        with pytest.raises(QsimError, match=sentence):
            Model(layers, InputFormat(8))


def test_an_accumulator_that_could_overflow_is_refused() -> None:
    layer = Layer([[1, 1]], [1 << 62], bits=1)
    with pytest.raises(QsimError, match="63 bits are allowed"):
        Model((layer,), InputFormat(8))


@pytest.mark.parametrize(("bits", "signed"), [(0, False), (17, False), (8.0, False), (True, False), (8, 1)])
def test_an_input_format_out_of_range_is_refused(bits: Any, signed: Any) -> None:
    with pytest.raises(QsimError):
        InputFormat(bits, signed)


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        ([[0, 256]], "codes run from 0 to 256; 0 to 255 are allowed"),
        ([[-1, 0]], "codes run from -1 to 0"),
        ([[0.5, 1.0]], "codes have type float64; integers are needed"),
        ([[1, 2, 3]], r"codes have shape \(1, 3\); \(images, 2\) is needed"),
        ([1, 2], r"codes have shape \(2,\)"),
    ],
)
def test_codes_outside_the_input_format_are_refused(codes: Any, sentence: str) -> None:
    model = Model((Layer(**HIDDEN), Layer(**OUTPUT)), InputFormat(8))
    for method in (model.logits, model.predict, model.trace):
        with pytest.raises(QsimError, match=sentence):
            method(codes)


def test_no_images_are_fine() -> None:
    model = random_model(0)
    none = np.empty((0, model.inputs), np.uint8)
    assert model.logits(none).shape == (0, model.outputs)
    assert model.predict(none).shape == (0,)
    assert model.trace(none).hidden[0].shape == (0, 4)


@given(seed=st.integers(0, 2**32), bits=st.integers(1, 10), signed=st.booleans(), data=st.data())
def test_no_partial_sum_in_any_order_leaves_the_proved_bounds(
    seed: int, bits: int, signed: bool, data: st.DataObject
) -> None:
    grid = data.draw(st.sampled_from(["odd", "twos_complement"]))
    model = random_model(seed, (6, 5, 2), bits, form=InputFormat(5, signed), grid=grid)
    rng = np.random.default_rng(seed)
    image = random_codes(seed, model, 4)[data.draw(st.integers(0, 3))]
    codes = image.tolist()
    for layer, (low, high) in zip(model.layers, model.bounds, strict=True):
        for weights, bias in zip(layer.weights.tolist(), layer.bias.tolist(), strict=True):
            terms = [w * x for w, x in zip(weights, codes, strict=True)] + [bias]
            sums = np.cumsum(rng.permutation(terms))
            assert low <= sums.min()
            assert sums.max() <= high
        if layer.thresholds is not None:
            codes = [
                spec.activate(spec.accumulate(w, b, codes), t)
                for w, b, t in zip(
                    layer.weights.tolist(), layer.bias.tolist(), layer.thresholds.tolist(), strict=True
                )
            ]


def test_the_bounds_are_reached_by_the_worst_codes() -> None:
    layer = Layer([[3, -1, 1]], [-2], bits=2)
    model = Model((layer,), InputFormat(4))
    assert model.bounds == ((-2 - 15, 15 * 4),)
    assert spec.logits(model, [[0, 15, 0]]) == [[-17]]


def test_the_digest_names_the_content_and_nothing_else() -> None:
    model = random_model(3)
    same = Model(model.layers, model.input, {"made": "elsewhere"})
    assert same.digest == model.digest
    copies = [Layer(x.weights.astype(np.int16), x.bias, x.bits, x.thresholds) for x in model.layers]
    assert Model(copies, model.input).digest == model.digest
    changed = [*copies[:-1], Layer(copies[-1].weights, copies[-1].bias + 1, copies[-1].bits)]
    assert Model(changed, model.input).digest != model.digest
    assert Model(copies, InputFormat(9)).digest != model.digest


def test_equal_threshold_rows_are_one_row() -> None:
    rows = Layer(**{**HIDDEN, "thresholds": [[0, 4], [0, 4]]})
    row = Layer(**HIDDEN)
    assert rows.shared_thresholds
    assert row.shared_thresholds
    models = [Model((x, Layer(**OUTPUT)), InputFormat(8)) for x in (rows, row)]
    assert models[0].digest == models[1].digest
    assert not Layer(**{**HIDDEN, "thresholds": [[0, 4], [0, 5]]}).shared_thresholds


def test_arrays_are_copied_and_frozen() -> None:
    weights = np.array([[1, -3], [3, 1]])
    layer = Layer(**{**HIDDEN, "weights": weights})
    weights[0, 0] = 3
    assert layer.weights[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0] = 3


@pytest.mark.parametrize("grid", ["odd", "twos_complement"])
@pytest.mark.parametrize("bits", range(1, 11))
def test_stored_codes_have_q_bits_and_give_the_weights_back(bits: int, grid: str) -> None:
    layer = random_model(bits, bits=bits, grid=grid).layers[0]
    assert layer.stored.min() >= -(1 << bits - 1)
    assert layer.stored.max() < 1 << bits - 1
    values = [[spec.weight(s, grid) for s in row] for row in layer.stored.tolist()]
    assert values == layer.weights.tolist()


def test_provenance_must_be_json() -> None:
    with pytest.raises(QsimError, match="provenance cannot be written as JSON"):
        Model((Layer(**OUTPUT),), InputFormat(8), {"made": object()})
