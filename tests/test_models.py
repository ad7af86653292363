"""The committed models: complete, as their cards say, and equal to their spec vectors."""

import re
from pathlib import Path

import numpy as np
import pytest

import qsim
from qsim import spec
from qsim.cli.bench import model_files
from qsim.model import container
from qsim.robustness import evaluate

FOLDER = Path(__file__).parent.parent / "models"
FILES = model_files()
NAMES = [file.stem for file in FILES]


def test_every_promised_model_is_there() -> None:
    wanted = {f"mnist-{a}-q{q}" for a in ("relu", "sigmoid", "step") for q in (1, 2, 4, 8, 10)}
    wanted |= {
        f"{d}-{a}-q{q}" for d in ("digits", "spiral") for a in ("relu", "sigmoid", "step") for q in (1, 4)
    }
    assert wanted <= set(NAMES)
    assert sorted(NAMES) == sorted(p.stem for p in (FOLDER / "cards").iterdir())
    assert sorted(NAMES) == sorted(p.stem for p in (FOLDER / "vectors").iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_kernel_and_spec_give_the_stored_vectors(name: str) -> None:
    model = qsim.load(FOLDER / f"{name}.safetensors")
    header, arrays = container.read(FOLDER / "vectors" / f"{name}.safetensors")
    assert (header["digest"], header["spec"]) == (model.digest, spec.VERSION)
    codes = arrays["codes"]
    trace = model.trace(codes)
    assert np.array_equal(trace.logits, arrays["logits"])
    for i, hidden in enumerate(trace.hidden):
        assert np.array_equal(hidden, arrays[f"hidden.{i}"])
    assert spec.logits(model, codes[-3:]) == arrays["logits"][-3:].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_the_card_states_this_models_digest_and_shape(name: str) -> None:
    model = qsim.load(FOLDER / f"{name}.safetensors")
    card = (FOLDER / "cards" / f"{name}.md").read_text()
    assert f"digest: `{model.digest}`" in card
    assert f"network: {'-'.join(map(str, model.shape))}," in card


def stated_accuracy(name: str) -> tuple[float, float]:
    """Clean accuracy in percent on integers and shadow, from the card."""
    card = (FOLDER / "cards" / f"{name}.md").read_text()
    found = re.search(r"\| clean \| 0 \| ([\d.]+) \| ([\d.]+) \|", card)
    assert found
    return float(found[1]), float(found[2])


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith("mnist")])
def test_the_card_states_the_accuracy(name: str) -> None:
    model = qsim.load(FOLDER / f"{name}.safetensors")
    clean = evaluate.clean(model, qsim.data.load(name.split("-")[0], "test"))
    assert stated_accuracy(name)[0] == pytest.approx(100 * clean.integer, abs=0.005)


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("mnist")])
def test_mnist_accuracy_is_what_the_card_states_and_follows_the_shadow(
    name: str, mnist_test: tuple[np.ndarray, np.ndarray]
) -> None:
    codes, labels = mnist_test
    model = qsim.load(FOLDER / f"{name}.safetensors")
    integer = 100 * float(np.mean(model.predict(codes) == labels))
    stated, shadow = stated_accuracy(name)
    assert stated == pytest.approx(integer, abs=0.005)
    assert abs(integer - shadow) <= 0.3
    least = {"mnist-relu-q4": 97.0, "mnist-sigmoid-q1": 93.0, "mnist-step-q1": 91.0}
    assert integer >= least.get(name, 80.0)


@pytest.mark.parametrize("name", ["mnist-relu-q4", "mnist-sigmoid-q1"])
def test_kernel_and_spec_agree_on_real_images(name: str, mnist_test: tuple[np.ndarray, np.ndarray]) -> None:
    model = qsim.load(FOLDER / f"{name}.safetensors")
    assert evaluate.matches_spec(model, mnist_test[0][::500])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits-relu-q4", "spiral-step-q4", "mnist-relu-q4"])
def test_the_models_can_be_made_again(name: str) -> None:
    data, activation, bits = name.split("-")
    network = qsim.train(data, bits=int(bits[1:]), activation=activation)
    assert qsim.quantize(network).digest == qsim.load(FOLDER / f"{name}.safetensors").digest
