"""Networks that TensorFlow converts, against all three runtimes; `nox -s tensorflow` runs this.

The first is the program of docs/howto/from-tensorflow.md.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qsim
from qsim.importers.api import import_tflite, runtime
from qsim.importers.conform import conform, random_inputs
from qsim.importers.tflite.kernels import KERNELS
from qsim.importers.tflite.runtime import RUNTIMES

tf = pytest.importorskip("tensorflow", reason="tensorflow is not installed; `nox -s tensorflow` brings it")

PAGE = Path(__file__).parent.parent.parent / "docs/howto/from-tensorflow.md"
VALUES = 200_000
pytestmark = pytest.mark.filterwarnings("ignore")  # of TensorFlow


def converted(network: Any, data: Any, **options: Any) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[None]] for row in data[:100])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    for name, value in options.items():
        setattr(converter, name, value)
    return bytes(converter.convert())


def page() -> bytes:
    (program,) = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    exec(program, {})
    return Path("digits.tflite").read_bytes()


def tanh() -> bytes:
    """Normalised in between; real inputs and outputs are int8 here."""
    tf.keras.utils.set_random_seed(1)
    layers = tf.keras.layers
    network = tf.keras.Sequential(
        [
            tf.keras.Input((64,)),
            layers.Dense(24),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Dense(10),
        ]
    )
    codes, labels = qsim.data.digits("train")
    x = (codes / 255).astype(np.float32)
    network.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(x, labels, epochs=3, verbose=0)
    return converted(network, x, inference_input_type=tf.int8, inference_output_type=tf.int8)


def autoencoder() -> bytes:
    """The shape of MLPerf Tiny's anomaly detector, on made spectra, with one scale for each tensor."""
    tf.keras.utils.set_random_seed(2)
    layers, rng = tf.keras.layers, np.random.default_rng(0)
    entry = x = tf.keras.Input((640,))
    for width in (*[128] * 4, 8, *[128] * 4):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(width)(x)))
    network = tf.keras.Model(entry, layers.Dense(640)(x))
    parts = np.tanh(rng.normal(size=(1500, 6)) @ rng.normal(size=(6, 640)) / 2)
    spectra = (20 * parts - 30 + rng.normal(size=parts.shape)).astype(np.float32)
    network.compile("adam", "mse")
    network.fit(spectra, spectra, epochs=3, batch_size=128, verbose=0)
    return converted(network, spectra, _experimental_disable_per_channel_quantization_for_dense_layers=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("tensorflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for make in (page, tanh, autoencoder):
            (place / f"{make.__name__}.tflite").write_bytes(make())
        yield place


@pytest.mark.parametrize("level", tuple(KERNELS))
@pytest.mark.parametrize("name", ["page", "tanh", "autoencoder"])
def test_no_output_differs(name: str, level: str, folder: Path) -> None:
    imported = import_tflite(folder / f"{name}.tflite", level=level)
    model = imported.model
    x = random_inputs(imported, -(-VALUES // model.classes), 0)
    run, _ = runtime(imported)
    found = conform(model, imported, x, run)
    assert found.equal, found.first
    assert found.values[-1] >= VALUES
    if name == "tanh":  # the file as it is, no tensor within made an output
        whole = RUNTIMES[level](imported.graph.content)
        theirs = np.stack([whole(row)[0] for row in imported.reading.input.codes(x[:2000])])
        assert np.array_equal(model.logits(imported.reading.input.codes(x[:2000])), theirs)


def test_the_integers_are_right_as_often(folder: Path) -> None:
    model = import_tflite(folder / "page.tflite").model
    codes, labels = qsim.data.digits("test")
    inside = model.provenance["input"]["places"]
    coded = np.searchsorted(np.array(inside), codes / 255, side="right") - 128
    assert (model.predict(coded.astype(np.int8)) == labels).mean() > 0.93
