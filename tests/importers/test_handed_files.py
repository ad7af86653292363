"""Networks of the public zoo: hidden codes and classes of random inputs are the reference runtime's."""

from typing import Any

import numpy as np
import pytest
from networks import handed, needs

from qsim.importers.api import Imported, import_onnx
from qsim.importers.conform import Conformity, conform
from qsim.importers.onnx.runtimes import RUNTIMES

IMAGES = 3000
CODED = {"input_bits": 16, "input_scale": 2.0**-10, "input_signed": True}
FILES: dict[str, tuple[Any, ...]] = {  # options, shape of an image, layers, weight bits, thresholds a neuron
    "TFC_1W1A": ({}, (1, 28, 28), (784, 64, 64, 64, 10), 1, 1),
    "TFC_2W2A": ({}, (1, 28, 28), (784, 64, 64, 64, 10), 2, 2),
    "kwsmlp_w3a3": ({}, (1, 10, 49), (490, 256, 256, 256, 12), 3, 7),
    "qkeras_jettagging": (CODED, (16,), (16, 64, 32, 32, 5), 6, 63),
}


def inputs(name: str, images: int) -> Any:
    """Random real inputs as each file takes them."""
    rng, shape = np.random.default_rng(0), FILES[name][1]
    if name.startswith("TFC"):
        return rng.random((images, *shape), dtype=np.float32)
    if name.startswith("kws"):
        return rng.normal(0, 30, (images, *shape)).astype(np.float32)
    return (rng.integers(-(2**13), 2**13, (images, *shape)) * 2.0**-10).astype(np.float32)


def held_against(imported: Imported, runtime: str, x: Any) -> Any:
    """The comparison on x in the file's own shape."""
    shape = x.shape[1:]

    def run(rows: Any, wanted: Any) -> Any:
        return RUNTIMES[runtime](imported.graph, rows.reshape(len(rows), *shape), wanted)

    return conform(imported.model, imported, x.reshape(len(x), -1), run)


@pytest.mark.parametrize("name", FILES)
def test_codes_and_classes_are_those_of_the_runtime(name: str) -> None:
    options, _, shape, bits, thresholds = FILES[name]
    imported = {
        way: import_onnx(handed(f"{name}.onnx"), thresholds=way, **options) for way in ("probed", "exact")
    }
    model = imported["probed"].model
    assert model.shape == shape
    assert {layer.bits for layer in model.layers} == {bits}
    assert [layer.max_code for layer in model.layers] == [thresholds] * 3 + [0]
    assert imported["probed"].report.differing == (0, 0, 0)
    assert model.digest == imported["exact"].model.digest  # both ways, since no threshold differs
    found = held_against(imported["probed"], "nodes", inputs(name, IMAGES))
    if any(
        imported["probed"].report.sensitive
    ):  # may differ on a processor that adds floats in another order
        assert found.differing[0] <= 2
        assert_at_the_threshold(found)
    else:
        assert found.differing[:3] == (0, 0, 0)
        assert found.classes == 0
    assert found.images == IMAGES


@pytest.mark.parametrize("name", FILES)
def test_the_node_runner_is_the_qonnx_executor(name: str) -> None:
    needs("qonnx")
    imported = import_onnx(handed(f"{name}.onnx"), **FILES[name][0])
    x = inputs(name, 40)
    wanted = [o for node in imported.graph.nodes for o in node.outputs][-20:]
    ours, theirs = (RUNTIMES[r](imported.graph, x, wanted) for r in ("nodes", "qonnx"))
    for tensor in wanted:
        assert np.array_equal(ours[tensor], theirs[tensor]), tensor


def test_a_float_products_rounding_is_found_and_announced() -> None:
    """Sums of floats round: at a threshold that is as near as that, no list of thresholds is always right."""
    imported = import_onnx(handed("kwsmlp_w3a3.onnx"))
    assert 0 < sum(imported.report.sensitive) < 100
    x = np.random.default_rng(14).uniform(-100, 100, (3000, 1, 10, 49)).astype(np.float32)[2700:2730]
    assert_at_the_threshold(held_against(imported, "nodes", x))


def assert_at_the_threshold(found: Conformity) -> None:
    """The first difference, if there is one, is where a sum lies beside the threshold."""
    if found.first is not None:
        assert found.first.threshold is not None
        assert found.first.accumulator - found.first.threshold in (-1, 0)


def test_the_keyword_networks_golden_vector() -> None:
    imported = import_onnx(handed("kwsmlp_w3a3.onnx"))
    x, expected = np.load(handed("kws/input.npy")), np.load(handed("kws/expected_output.npy"))
    codes = imported.reading.input.codes(x.reshape(1, -1))
    assert imported.model.predict(codes).tolist() == expected.tolist()


def test_real_logits_come_from_integers() -> None:
    imported = import_onnx(handed("TFC_2W2A.onnx"))
    x = inputs("TFC_2W2A", 100)
    kept = imported.model.provenance["logits"]
    codes = imported.reading.input.codes(x.reshape(len(x), -1))
    reals = imported.model.logits(codes) * np.array(kept["scale"]) + np.array(kept["offset"])
    output = imported.graph.outputs[0]
    file = RUNTIMES["nodes"](imported.graph, x, [output])[output]
    assert np.abs(reals - file).max() < 1e-5
