"""The exported bench: wrong arithmetic and wrong protocol in `qsim.v` fail it, one edit at a time."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from icarus import compiled, played
from random_models import random_model

from qsim import InputFormat, Layer, Model, load
from qsim.spec import dense as spec
from qsim_rtl.export import folder as export
from qsim_rtl.export.probe import probe
from qsim_rtl.export.testbench import vectors
from qsim_rtl.shape.loadable import Loadable

ROOT = Path(__file__).parent.parent.parent
DIGITS = load(ROOT / "models/digits-relu-q4.safetensors")
EDITS = {  # the block, what stands there, what takes its place
    "a tie goes to the later class": ("engine_argmax", r"> (\$signed\(best\))", r">= \1"),
    "a threshold that is met is not passed": ("engine_threshold0", r"<= (\$signed\(acc0)", r"< \1"),
    "a short frame is not reported": ("engine_layer0_buffer", r"(?<=short_frame <= )(?!1'h0)\w+", "1'h0"),
    "a long frame is not reported": ("engine_layer0_buffer", r"(?<=long_frame <= )(?!1'h0)\w+", "1'h0"),
    "a partial write is whole": ("lite", r"(?<=strobes <= )(?!4'h0)\w+", "4'hf"),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The engine of the digits with the vectors that every export has."""
    folder = tmp_path_factory.mktemp("digits")
    export.write(DIGITS, folder, simd=8)
    return folder


def edited(text: str, block: str, pattern: str, new: str) -> str:
    """The Verilog with the first such place of a block changed."""
    start = re.search(rf"^module qsim_{block}\(", text, re.MULTILINE).start()
    changed, count = re.subn(pattern, new, text[start:], count=1)
    assert count == 1
    return text[:start] + changed


def test_the_bench_passes_on_what_was_exported(exported, tmp_path):
    passed, log = played(compiled(exported, tmp_path / "bench.vvp"), exported)
    assert passed, log


@pytest.mark.parametrize("edit", EDITS)
def test_a_planted_edit_fails_the_bench(edit, exported, tmp_path):
    shutil.copy(exported / "testbench.v", tmp_path)
    (tmp_path / "qsim.v").write_text(edited((exported / "qsim.v").read_text(), *EDITS[edit]))
    passed, log = played(compiled(tmp_path, tmp_path / "bench.vvp"), exported)
    assert not passed
    assert "FAIL" in log


@pytest.mark.parametrize(
    ("reset", "forgotten"),
    [(r"begun_5 <= 1'h0", "begun_5 <= begun_5"), (r" more <= 1'h0", " more <= more")],
)
def test_digits_that_outlive_a_reset_fail_the_bench(reset, forgotten, tmp_path):
    model = random_model((7, 5, 3), (3, 2), [6], per_neuron=True, seed=8)
    export.write(model, tmp_path, vectors=40, style="unrolled", interval=18)
    verilog = (tmp_path / "qsim.v").read_text()
    assert played(compiled(tmp_path, tmp_path / "bench.vvp"), tmp_path)[0]
    (tmp_path / "qsim.v").write_text(edited(verilog, "engine_layer0", reset, forgotten))
    assert not played(compiled(tmp_path, tmp_path / "bench.vvp"), tmp_path)[0]


def hidden(model: Model, codes: np.ndarray) -> np.ndarray:
    """The first layer's accumulators (N, neurons), by the specification."""
    first = model.layers[0]
    return np.array(
        [
            [
                spec.accumulate(w, b, image)
                for w, b in zip(first.weights.tolist(), first.bias.tolist(), strict=True)
            ]
            for image in codes.tolist()
        ]
    )


@pytest.mark.parametrize(
    ("model", "bits"),
    [
        (DIGITS, None),
        (DIGITS, 8),
        (random_model((7, 9, 3), (3, 2), [6], per_neuron=True, seed=3), 4),
        (random_model((7, 9, 5), (1, 1), [1], seed=4), None),
    ],
)
def test_the_probe_meets_thresholds_limits_and_ties(model, bits):
    shape = Loadable.of(model, 2, 3, bits)
    codes = vectors(model, 8)
    made = probe(model, shape, codes)
    assert made.digest != model.digest
    accs, thresholds = hidden(made, codes), made.layers[0].thresholds
    middle = thresholds[:, thresholds.shape[1] // 2]
    assert (accs == middle).any()
    assert (accs == middle - 1).any()
    widest = 1 << shape.engine.layers[0].accumulator_bits - 2
    assert accs.max() >= widest
    assert accs.min() < -widest
    logits = made.logits(codes)
    assert (logits[:, 0] == logits[:, 1]).any() or model.outputs < 5
    top = logits.max(axis=1)
    assert ((logits[:, -1] == top) & (logits[:, -2] == top)).any()


def test_the_probe_of_one_output_has_an_accumulator_of_zero():
    model = Model([Layer([[3, -1, 1]], [-2], 2)], InputFormat(5, signed=True))
    codes = vectors(model, 8)
    assert 0 in probe(model, Loadable.of(model), codes).logits(codes)
