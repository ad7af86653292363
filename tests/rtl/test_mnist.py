"""The compiled engine on all of MNIST's test images, every hidden code and logit."""

import numpy as np
import pytest

import qsim
import qsim_rtl
from qsim.robustness.evaluate import matches_spec


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("name", ["mnist-relu-q1", "mnist-relu-q4", "mnist-step-q4", "mnist-sigmoid-q10"])
def test_all_ten_thousand_images(name: str, mnist_test: tuple[np.ndarray, np.ndarray]) -> None:
    codes, _ = mnist_test
    model = qsim.load(f"models/{name}.safetensors")
    assert matches_spec(model, codes[::1000])  # the kernel may stand for the specification here
    found = qsim_rtl.compare(model, codes)
    assert found.equal, found.first
    assert (found.images, found.hidden, found.logits, found.classes) == (10_000, (0,), 0, 0)
