"""Trained networks on lossless tiles: the same integers on every test image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import qsim
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Mapping

MODELS = sorted((Path(__file__).parent.parent.parent / "models").glob("*.safetensors"))
MNIST = [file for file in MODELS if file.stem.startswith("mnist")]
TILES = [
    Mapping(),
    Mapping(rows=64, cols=32, cell_bits=2, digit_bits=2, style="differential"),
    Mapping(rows=200, cols=7, cell_bits=4, digit_bits=4, unit_bits=0),
]


@pytest.mark.slow
@pytest.mark.parametrize("mapping", TILES, ids=["128-1-1", "64-2-2-differential", "200-4-4"])
@pytest.mark.parametrize("file", MNIST, ids=lambda file: file.stem)
def test_all_mnist_models_on_all_test_images(file: Path, mapping: Mapping, mnist_test: Any) -> None:
    model = qsim.load(file)
    ours, theirs = map_to_crossbar(model, mapping).trace(mnist_test[0]), model.trace(mnist_test[0])
    assert (ours.logits == theirs.logits).all()
    assert all((a == b).all() for a, b in zip(ours.hidden, theirs.hidden, strict=True))


@pytest.mark.parametrize("mapping", TILES[1:], ids=["64-2-2-differential", "200-4-4"])
@pytest.mark.parametrize("name", ["digits-step-q1", "digits-sigmoid-q4", "spiral-relu-q8"])
def test_small_models_on_all_test_images(name: str, mapping: Mapping) -> None:
    model = qsim.load(Path(MODELS[0]).with_name(f"{name}.safetensors"))
    codes = qsim.data.load(name.split("-")[0], "test").codes
    assert (map_to_crossbar(model, mapping).logits(codes) == model.logits(codes)).all()
