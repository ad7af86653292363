"""An imported network gives the same integers in specification, kernel, RTL and on tiles."""

import numpy as np
import pytest
from examples import expected, random_codes
from networks import handed, mixed

import qsim
from qsim import Model
from qsim.crossbar.mapping import map_to_crossbar
from qsim_rtl import Simulator, compare


def imported() -> Model:
    return qsim.from_onnx(mixed())


def test_the_kernel_is_the_specification() -> None:
    model = imported()
    assert -1 in {s for layer in model.layers for s in np.sign(layer.weights).flat}
    codes = random_codes(0, model, 300)
    wanted, found = expected(model, codes), model.trace(codes)
    assert all(np.array_equal(a, b) for a, b in zip(found.hidden, wanted.hidden, strict=True))
    assert np.array_equal(found.logits, wanted.logits)


def test_the_rtl_is_the_kernel(compiler: list[str]) -> None:
    model = imported()
    result = Simulator(model, 2, 2, optimize=0).run(random_codes(0, model, 60))
    trace = model.trace(random_codes(0, model, 60))
    assert np.array_equal(result.logits, trace.logits)
    for ours, theirs in zip(result.hidden, trace.hidden, strict=True):
        assert np.array_equal(ours, theirs)


def test_it_goes_on_tiles_without_a_change() -> None:
    model = imported()
    codes = random_codes(1, model, 100)
    assert np.array_equal(
        map_to_crossbar(model, qsim.Mapping(rows=4, cols=8)).logits(codes), model.logits(codes)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["TFC_1W1A", "TFC_2W2A", "kwsmlp_w3a3", "qkeras_jettagging"])
def test_handed_networks_in_rtl(name: str, compiler: list[str]) -> None:
    coded = {"input_bits": 16, "input_scale": 2.0**-10, "input_signed": True} if "jet" in name else {}
    model = qsim.from_onnx(handed(f"{name}.onnx"), **coded)  # type: ignore[arg-type]
    assert compare(model, random_codes(0, model, 100)).equal
