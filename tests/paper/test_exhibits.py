"""Regions, digits and borrowed directions, against the specification and the models themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plans import SAMPLE, TINY

import qsim
from qsim import QsimError
from qsim.data import Dataset
from qsim.model.file import load
from qsim.reproductions.glsvlsi2021.run.tasks import UNROUNDED, Plan, Task

exhibits = pytest.importorskip("qsim.reproductions.glsvlsi2021.tables.networks", exc_type=QsimError)
from qsim.reproductions.glsvlsi2021.run import grid as run  # noqa: E402
from qsim.reproductions.glsvlsi2021.tables import columns as tables  # noqa: E402

WIDTHS = (2, UNROUNDED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Task, Path]]:
    """A small grid on the spirals and its tables."""
    out = tmp_path_factory.mktemp("paper")
    kinds = [Task("spiral", a, q, 0, TINY, hidden=8) for a in ("relu", "step") for q in WIDTHS]
    plan = Plan((*kinds, replace(kinds[0], variant="literal")), (0.0, 0.1), SAMPLE)
    run.run(plan, out, processes=1)
    files = {task: run.model_file(out, task) for task in plan.tasks}
    exhibits.write(out, files)
    return out, files


def test_networks(folder: tuple[Path, dict[Task, Path]]) -> None:
    out, files = folder
    table = tables.read(out / "networks.parquet")
    assert len(table["file"]) == 5
    for i, (task, file) in enumerate(files.items()):
        model = load(file)
        test = qsim.data.load(task.source, "test")
        assert table["file"][i] == file.name
        assert table["digest"][i] == model.digest
        assert table["variant"][i] == task.variant
        assert table["clean_integer"][i] == (model.predict(test.codes) == test.labels).mean()
        assert 1 <= table["best_epoch"][i] <= table["epochs"][i] <= TINY.epochs


def test_regions_are_what_the_specification_says(folder: tuple[Path, dict[Task, Path]]) -> None:
    out, files = folder
    table = tables.read(out / "regions.parquet")
    assert sorted(table["bits"].tolist()) == sorted(WIDTHS * 2)
    models = {load(file).digest: load(file) for file in files.values()}
    rng = np.random.default_rng(0)
    for i, packed in enumerate(table["classes"]):
        height, width = (int(table[name][i]) for name in ("height", "width"))
        classes = np.unpackbits(np.frombuffer(packed, np.uint8), count=height * width).reshape(height, width)
        rows, columns = rng.integers(0, height, 20), rng.integers(0, width, 20)
        x = table["x0"][i] + columns * table["spacing"][i]
        y = table["y0"][i] + rows * table["spacing"][i]
        codes = np.stack([x, y], axis=1).astype(np.int16)
        expected = [int(logits[0] >= 0) for logits in qsim.spec.logits(models[table["digest"][i]], codes)]
        assert classes[rows, columns].tolist() == expected


def test_masking_has_every_attack_and_starts_from_the_clean_accuracy(
    folder: tuple[Path, dict[Task, Path]],
) -> None:
    out, files = folder
    table = tables.read(out / "masking.parquet")
    assert set(table["attack"].tolist()) == {"plain", "unsaturated", "transfer", "random"}
    test = qsim.data.load("spiral", "test")
    for task, file in files.items():
        if task.variant == "base":
            clean = (load(file).predict(test.codes) == test.labels).mean()
            here = (table["activation"] == task.activation) & (table["bits"] == task.bits)
            assert set(table["accuracy"][here & (table["epsilon"] == 0)].tolist()) == {clean}
    own = table["bits"] == UNROUNDED  # its own directions are those that the others borrow
    for activation in ("relu", "step"):
        at = own & (table["activation"] == activation)
        np.testing.assert_array_equal(
            table["accuracy"][at & (table["attack"] == "unsaturated")],
            table["accuracy"][at & (table["attack"] == "transfer")],
        )


def test_digits_are_what_each_width_says_of_them() -> None:
    codes, labels = qsim.data.digits("test")
    data = Dataset("digits", codes, labels, qsim.data.PIXELS, 255)
    recipe = qsim.Recipe(epochs=2)
    models = {
        ("relu", bits, 0): qsim.quantize(qsim.train("digits", bits=bits, hidden=8, recipe=recipe))
        for bits in (1, 3)
    }
    table: list[dict[str, Any]] = list(exhibits.examples(exhibits.Trained(models, data)))
    assert [(r["bits"], r["label"]) for r in table] == [(b, d) for b in (1, 3) for d in range(10)]
    for row in table:
        pixels, signs = np.frombuffer(row["pixels"], np.uint8), np.frombuffer(row["signs"], np.int8)
        assert labels[row["image"]] == row["label"]
        assert (codes[row["image"]] == pixels).all()
        for step, epsilon, says in zip(row["steps"], row["epsilons"], row["says"], strict=True):
            attacked = qsim.fgsm(models["relu", row["bits"], 0], pixels[None], [row["label"]], epsilon)
            assert (attacked == (pixels.astype(int) + step * signs.astype(int)).clip(0, 255)).all()
            assert says == [int(models["relu", bits, 0].predict(attacked)[0]) for bits in row["says_bits"]]
