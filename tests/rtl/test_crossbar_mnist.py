"""A trained network on imperfect tiles: every column code, hidden code and logit of the compiled engine."""

import numpy as np
import pytest
from crossbar_models import column_codes, mnist_on_tiles
from examples import expected

import qsim
import qsim_rtl
from qsim.kernel.crossbar import executor

pytestmark = pytest.mark.usefixtures("compiler")


def compared(mnist_test: tuple[np.ndarray, np.ndarray], adc_bits: int, images: int) -> qsim_rtl.Comparison:
    codes = mnist_test[0][:images]
    model = mnist_on_tiles(qsim.load("models/mnist-relu-q4.safetensors"), adc_bits)
    kernel_may_stand_for_the_specification(model, codes[:1])
    assert len(set(model.predict(codes).tolist())) > 5  # the tiles still tell classes apart
    return qsim_rtl.compare(model, codes)


def kernel_may_stand_for_the_specification(model: qsim.Model, codes: np.ndarray) -> None:
    found = executor.column_codes(model, codes)
    for reads, wanted in zip(found, column_codes(model, codes.astype(int)), strict=True):
        assert np.array_equal(reads, wanted)
    assert np.array_equal(model.logits(codes), expected(model, codes.astype(int)).logits)


def test_some_images(mnist_test: tuple[np.ndarray, np.ndarray]) -> None:
    found = compared(mnist_test, 6, 40)
    assert found.equal, found.first
    assert (found.images, found.columns, found.hidden, found.logits) == (40, (0, 0), (0,), 0)


@pytest.mark.slow  # about a minute a converter
@pytest.mark.parametrize("adc_bits", [5, 6, 8])
def test_a_thousand_images(adc_bits: int, mnist_test: tuple[np.ndarray, np.ndarray]) -> None:
    found = compared(mnist_test, adc_bits, 1000)
    assert found.equal, found.first
    assert (found.images, found.columns, found.hidden, found.logits) == (1000, (0, 0), (0,), 0)
