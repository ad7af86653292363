"""TFLite int8 networks against LiteRT's reference kernels: no code and no output differs."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from networks import needs
from tflite_files import SHAPE, network

from qsim import QsimError
from qsim.cli import main
from qsim.importers.api import import_tflite, runtime
from qsim.importers.conform import conform, random_inputs
from qsim.importers.tflite.rounding import ROUNDINGS, multiplier


@pytest.fixture(autouse=True)
def litert() -> None:
    for module in ("tflite", "ai_edge_litert"):
        needs(module)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "net.tflite"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("per_channel", [True, False])
def test_every_code_is_litert_s(per_channel: bool, relu: bool, tmp_path: Path) -> None:
    path = written(tmp_path, network(per_channel=per_channel, relu=relu))
    imported = import_tflite(path)
    assert imported.model.shape == (*SHAPE, SHAPE[-1])
    assert imported.report.differing == (0, 0, 0)
    run, _ = runtime(imported)
    found = conform(imported.model, imported, random_inputs(imported, 500, 0), run)
    assert found.equal, found.first
    assert found.values == (8_000, 6_000, 4_000, 4_000)


def test_rounding_twice_is_another_network(tmp_path: Path) -> None:
    path = written(tmp_path, network())
    once, twice = import_tflite(path), import_tflite(path, rounding="double")
    run, _ = runtime(twice)
    assert not conform(twice.model, twice, random_inputs(twice, 1500, 0), run).equal
    assert once.model.provenance["level"] == "single rounding"


def test_roundings_by_hand() -> None:
    q, shift = multiplier(0.25)
    assert (q, shift) == (1 << 30, -1)
    acc = np.array([-6, -2, 2, 6])  # quarters: -1.5, -0.5, 0.5, 1.5
    assert ROUNDINGS["single"](acc, q, shift).tolist() == [-1, 0, 1, 2]
    assert ROUNDINGS["double"](acc, q, shift).tolist() == [-2, -1, 1, 2]


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    content = network()
    for changed, sentence in (
        (b"no network", "not a TFLite file; its identifier is"),
        (content[:40], "a damaged TFLite file"),
        (content[:8] + b"\xff" * 60, "a damaged TFLite file"),
    ):
        with pytest.raises(QsimError, match=sentence):
            import_tflite(written(tmp_path, changed))
    with pytest.raises(QsimError, match="rounding is 'thrice'; double or single is needed"):
        import_tflite(written(tmp_path, content), rounding="thrice")
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        with suppress(QsimError):
            import_tflite(written(tmp_path, bytes(damaged)))


def test_import_and_conform(tmp_path: Path) -> None:
    path, model = written(tmp_path, network()), str(tmp_path / "m.safetensors")
    for command in (
        ["import", str(path), "--out", model],
        ["conform", model, "--against", str(path), "--images", "50"],
    ):
        with pytest.raises(SystemExit) as stop:
            main(command)
        assert not stop.value.code
