"""Make the models of this folder, with their cards and spec vectors: `python models/make.py`.

Every model is trained by `qsim.train` with seed 0 and frozen by `qsim.quantize`. For each one, this
writes `NAME.safetensors`, `cards/NAME.md` and `vectors/NAME.safetensors`: spec integers of a few test
images, against which every other engine is tested. Models trained for certificates also get some of those:
`certificates/NAME.zip`, for `qsim certify --check` once it is unpacked.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

import qsim
from qsim.certification.ladder import Certifier
from qsim.cli import main as main_of_qsim
from qsim.model import container
from qsim.model.model import Model
from qsim.robustness import evaluate
from qsim.shadow.certified import IntervalRecipe
from qsim.shadow.train import RECIPES, Recipe

FOLDER = Path(__file__).parent
BITS = {"mnist": (1, 2, 4, 8, 10), "digits": (1, 2, 4, 8), "spiral": (1, 2, 4, 8)}
EPSILONS = (0.01, 0.05, 0.1, 0.2)
RADII = (3, 13, 26)  # at which certified models are judged
CERTIFICATES = {"radius": 13, "images": 100}  # those that are written down
VECTORS = 12  # images: the first test images, then the extremes of the input format


@dataclass(frozen=True)
class Certified:
    """A model trained for certificates, 784-256-10."""

    bits: int
    radius: int
    grid: str
    activation: str
    recipe: IntervalRecipe


@dataclass(frozen=True)
class Sparse:
    """A model pruned for the unrolled engine: 4 bits, ReLU."""

    data: str
    hidden: int
    sparsity: float
    hidden_bits: int


SPARSE_MODELS = {
    "mnist-sparse-q4": Sparse("mnist", 100, 0.97, 5),
    "digits-sparse-q4": Sparse("digits", 50, 0.9, 4),
}

SIGNED, SPARSE = "odd", "twos_complement"  # few bits need a 0 among their weights
CERTIFIED = {
    "mnist-certified-q1": Certified(
        1, 16, SPARSE, "sigmoid", IntervalRecipe(epochs=20, ramp=0.8, gain=1.0, spread=4.0)
    ),
    "mnist-certified-q2": Certified(
        2, 13, SPARSE, "relu", IntervalRecipe(epochs=20, ramp=0.8, gain=0.25, spread=4.0)
    ),
    "mnist-certified-q4": Certified(
        4, 24, SPARSE, "relu", IntervalRecipe(epochs=24, ramp=0.85, gain=0.125, spread=3.0, nominal=0.25)
    ),
    "mnist-certified-q8": Certified(8, 26, SIGNED, "relu", IntervalRecipe(epochs=20)),
}


def name_of(data: str, activation: str, bits: int) -> str:
    return f"{data}-{activation}-q{bits}"


def make(data: str, activation: str, bits: int) -> None:
    """Train, freeze and describe one model."""
    recipe = RECIPES.get(data, Recipe())
    network = qsim.train(data, bits=bits, activation=activation, hidden=100, seed=0, recipe=recipe)
    provenance = {"data": data, "hidden": [100], "seed": 0, "recipe": asdict(recipe)}
    model = qsim.quantize(network, provenance=provenance)
    name = name_of(data, activation, bits)
    model.save(FOLDER / f"{name}.safetensors")
    write_vectors(name, model, data)
    write_card(name, model, data)


def make_sparse(name: str, wanted: Sparse) -> None:
    """Train with pruning, freeze and describe one model."""
    recipe = replace(RECIPES.get(wanted.data, Recipe()), sparsity=wanted.sparsity)
    network = qsim.train(wanted.data, grid=SPARSE, hidden=wanted.hidden, seed=0, recipe=recipe)
    provenance = {"data": wanted.data, "hidden": [wanted.hidden], "seed": 0, "recipe": asdict(recipe)}
    model = qsim.quantize(network, hidden_bits=wanted.hidden_bits, provenance=provenance)
    model.save(FOLDER / f"{name}.safetensors")
    write_vectors(name, model, wanted.data)
    write_card(name, model, wanted.data)
    add_zeros(FOLDER / "cards" / f"{name}.md", model)


def add_zeros(card: Path, model: Model) -> None:
    """Add to a card how many weights are left."""
    left = (f"{np.count_nonzero(layer.weights):,} of {layer.weights.size:,}" for layer in model.layers)
    with container.replacing(card) as temporary:
        temporary.write_text(
            f"{card.read_text()}\nWeights that are not zero, layer by layer: {', '.join(left)}.\n"
        )


def make_certified(name: str, wanted: Certified) -> None:
    """Train for certificates, freeze and describe one model."""
    settings = {one.name: getattr(wanted, one.name) for one in fields(wanted)}
    network = qsim.train_certified("mnist", hidden=256, seed=0, **settings)
    provenance = {"data": "mnist", "hidden": [256], "seed": 0, "radius": wanted.radius}
    provenance["recipe"] = asdict(wanted.recipe)
    model = qsim.quantize(network, provenance=provenance)
    model.save(FOLDER / f"{name}.safetensors")
    write_vectors(name, model, "mnist")
    write_card(name, model, "mnist")
    add_certified(FOLDER / "cards" / f"{name}.md", model)
    write_certificates(name)


def write_certificates(name: str) -> None:
    """Certificates and witnesses of the first test images, in one file."""
    with tempfile.TemporaryDirectory() as folder:
        options = [word for key, value in CERTIFICATES.items() for word in (f"--{key}", str(value))]
        try:
            main_of_qsim(["certify", str(FOLDER / f"{name}.safetensors"), *options, "--out", folder])
        except SystemExit as end:
            if end.code:
                raise
        (FOLDER / "certificates").mkdir(exist_ok=True)
        with (
            container.replacing(FOLDER / "certificates" / f"{name}.zip") as temporary,
            ZipFile(temporary, "w", ZIP_DEFLATED) as archive,
        ):
            for file in sorted(Path(folder, name).rglob("*.json*")):
                entry = ZipInfo(file.relative_to(folder).as_posix())  # of one date, so always the same bytes
                archive.writestr(entry, file.read_bytes(), ZIP_DEFLATED)


def add_certified(card: Path, model: Model) -> None:
    """Add to a card which share of the test images interval bounds certify."""
    certifier, (codes, labels) = Certifier(model), qsim.data.mnist("test")
    lines = [card.read_text(), "| radius (LSB) | certified by intervals, % of 10,000 |", "|---|---|"]
    for radius in RADII:
        pairs = zip(codes.astype(np.int64), labels.tolist(), strict=True)
        share = np.mean([certifier.by_intervals(image, label, radius) for image, label in pairs])
        lines.append(f"| {radius} | {100 * share:.2f} |")
    with container.replacing(card) as temporary:
        temporary.write_text("\n".join([*lines, ""]))


def write_vectors(name: str, model: Model, data: str) -> None:
    """Input codes and what the spec makes of them: hidden codes and logits."""
    codes = qsim.data.load(data, "test").codes[: VECTORS - 2]
    ends = np.repeat([[model.input.low], [model.input.high]], model.inputs, axis=1)
    codes = np.concatenate([codes, ends]).astype(np.int64)
    hidden, logits = zip(*qsim.spec.trace(model, codes), strict=True)
    arrays = {f"hidden.{i}": np.array(layer) for i, layer in enumerate(zip(*hidden, strict=True))}
    header = {"model": name, "digest": model.digest, "spec": qsim.spec.VERSION}
    path = FOLDER / "vectors" / f"{name}.safetensors"
    container.write(path, header, {"codes": codes, "logits": np.array(logits), **arrays})


def write_card(name: str, model: Model, data: str) -> None:
    """What it is, how it was made, what it scores."""
    test = qsim.data.load(data, "test")
    clean = evaluate.clean(model, test)
    assert clean.shadow is not None
    rows = [("clean", 0, clean.integer, clean.shadow)]
    attacked = evaluate.attacked(model, test, EPSILONS)
    rows += [(f"{a.epsilon:g}", a.step, a.integer, a.shadow) for a in attacked]
    first, last = model.layers[0], model.layers[-1]
    lines = [
        f"# {name}",
        "",
        f"- digest: `{model.digest}`",
        f"- network: {'-'.join(map(str, model.shape))}, {first.activation}, {first.bits}-bit weights on the "
        f"{first.grid} grid, {model.input.bits}-bit {'signed' if model.input.signed else 'unsigned'} inputs, "
        f"hidden codes 0…{first.max_code}, 1.0 = {last.codes_per_unit:g}",
        f"- made by: `python models/make.py {name}` (data {data}, seed 0, {model.provenance['recipe']})",
        f"- accumulators: {', '.join(f'{low}…{high}' for low, high in model.bounds)}",
        f"- images without any gradient: {100 * attacked[0].zero_gradients:.2f} %",
        "",
        f"| FGSM ε | step (LSB) | integers, % of {clean.images:,} | float shadow, % |",
        "|---|---|---|---|",
        *(f"| {e} | {step} | {100 * i:.2f} | {100 * s:.2f} |" for e, step, i, s in rows),
        "",
    ]
    with container.replacing(FOLDER / "cards" / f"{name}.md") as temporary:
        temporary.write_text("\n".join(lines))


def main(names: list[str]) -> None:
    """Make the named models, or all."""
    for data, widths in BITS.items():
        for activation in ("relu", "sigmoid", "step"):
            for bits in widths:
                name = name_of(data, activation, bits)
                if not names or name in names:
                    print(name, flush=True)
                    make(data, activation, bits)
    for name, wanted in CERTIFIED.items():
        if not names or name in names:
            print(name, flush=True)
            make_certified(name, wanted)
    for name, sparse in SPARSE_MODELS.items():
        if not names or name in names:
            print(name, flush=True)
            make_sparse(name, sparse)


if __name__ == "__main__":
    main(sys.argv[1:])
