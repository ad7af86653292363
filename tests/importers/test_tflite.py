"""TFLite int8 networks against their runtimes: no code and no output differs, at rounding's edges too."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from networks import needs
from tflite_files import SHAPE, File, dense, network

from qsim import QsimError
from qsim.cli import main
from qsim.importers.api import Imported, import_tflite, runtime
from qsim.importers.conform import conform, random_inputs
from qsim.importers.tflite.kernels import KERNELS, multiplier
from qsim.importers.tflite.reader import read
from qsim.importers.tflite.runtime import tapped

LEVELS = tuple(KERNELS)
REAL = Path(__file__).parent / "files"


@pytest.fixture(autouse=True)
def litert() -> None:
    for module in ("tflite", "ai_edge_litert", "tflite_micro"):
        needs(module)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "net.tflite"
    path.write_bytes(content)
    return path


def equal(imported: Imported, images: int = 300) -> None:
    run, _ = runtime(imported)
    found = conform(imported.model, imported, random_inputs(imported, images, 0), run)
    assert found.equal, found.first
    assert all(found.values)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("per_channel", [True, False])
def test_every_code_is_the_runtime_s(per_channel: bool, relu: bool, level: str, tmp_path: Path) -> None:
    path = written(tmp_path, network(per_channel=per_channel, relu=relu))
    imported = import_tflite(path, level=level)
    assert imported.model.shape == (*SHAPE, SHAPE[-1])
    assert imported.report.differing == (0, 0, 0)
    assert imported.model.provenance["level"] == level
    equal(imported)


def edges(powers: bool, per_channel: bool, seed: int, outputs: int = 256) -> tuple[bytes, int]:
    """A layer of nothing but biases, each near the edge between two codes; a later layer sees them all."""
    rng = np.random.default_rng(seed)
    scales = rng.uniform(1e-7, 2e-7, outputs if per_channel else 1)
    if powers:  # of two: accumulators lie on edges exactly
        scales = 2.0 ** -rng.integers(2, 9, len(scales))
    scales = scales.astype(np.float32)
    data, result = (0.0625, 0.125) if powers else np.float32(rng.uniform(0.01, 0.1, 2)).tolist()
    reals = np.broadcast_to(data * scales.astype(float) / result, outputs)
    near = rng.integers(-2, 3, outputs) if powers else rng.integers(-40, 41, outputs)
    bias = np.rint((rng.integers(-120, 120, outputs) + 0.5) / reals) + near
    bias = bias.clip(1000 - 2**31, 2**31 - 1000).astype(np.int32)
    file = File()
    entry = file.tensor("x", (1, 1), "INT8", data)
    weights = file.tensor("w", (outputs, 1), "INT8", scales, 0, np.zeros((outputs, 1), np.int8))
    names = [entry, weights, file.tensor("b", (outputs,), "INT32", data * scales, 0, bias)]
    made = file.tensor("y", (1, outputs), "INT8", result, int(rng.integers(-20, 20)))
    return file.content(entry, file.operator("FULLY_CONNECTED", names, made, 4)), made


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("powers", [True, False])
def test_the_edges_of_rounding(powers: bool, per_channel: bool, level: str, tmp_path: Path) -> None:
    """Where another rounding, or one bit less of a scale, would give another code."""
    others = 0
    for seed in range(4):
        content, made = edges(powers, per_channel, seed)
        theirs = tapped(content, [made], level)(np.zeros(1))[0]
        codes = {}
        for name in LEVELS:
            reading, _ = read(written(tmp_path, content), name)
            value = np.zeros((1, 256))
            for step in reading.stages[0].steps:
                value = step.run(value)
            codes[name] = value[0]
        assert np.array_equal(codes[level], theirs)
        others += sum(int((codes[name] != theirs).sum()) for name in LEVELS if name != level)
    assert others > 10


@pytest.mark.parametrize("level", LEVELS)
def test_thresholds_are_where_the_kernels_step(level: str, tmp_path: Path) -> None:
    """Bisection against every accumulator of a small layer."""
    reading, _ = read(written(tmp_path, network(per_channel=True, relu=False)), level)
    _, quantizer, _ = reading.stages[1].steps
    for j in range(3):
        acc = np.arange(-60_000, 60_001)
        codes = quantizer.run(np.repeat(acc[:, None], SHAPE[2], 1))[:, j]
        for k in (1, 100, 128, 200, 255):
            place, inclusive = quantizer.begins(k, j)
            assert inclusive
            assert np.array_equal(codes >= k - 128, acc >= place)


@pytest.mark.parametrize("level", LEVELS)
def test_real_inputs_become_the_codes_of_the_file_s_quantizer(level: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for _ in range(6):
        scale, zero, inputs = np.float32(rng.uniform(0.001, 0.2)), int(rng.integers(-128, 128)), 2000
        file = File()
        entry = file.tensor("x", (1, inputs), "FLOAT32")
        coded = file.operator("QUANTIZE", [entry], file.tensor("q", (1, inputs), "INT8", scale, zero))
        weights = file.tensor("w", (2, inputs), "INT8", 0.01, 0, np.ones((2, inputs), np.int8))
        made = file.tensor("y", (1, 2), "INT8", 1.0)
        content = file.content(entry, file.operator("FULLY_CONNECTED", [coded, weights, -1], made, 4))
        edge = ((rng.integers(-140, 140, inputs) + 0.5) * scale).astype(np.float32)
        x = (edge.view(np.int32) + rng.integers(-2, 3, inputs).astype(np.int32)).view(np.float32)
        reading, _ = read(written(tmp_path, content), level)
        assert np.array_equal(reading.input.codes(x[None])[0], tapped(content, [coded], level)(x)[0])


def with_activation(kind: str, scale: float, zero: int) -> bytes:
    """A layer, an operator on its codes, a layer."""
    file = File()
    entry = file.tensor("x", (1, 8), "INT8", 0.05, -3)
    hidden = dense(file, entry)
    made = file.operator(kind, [hidden], file.tensor("h", (1, 6), "INT8", scale, zero))
    return file.content(entry, dense(file, made, outputs=4, seed=1))


def with_ends(kind: str, low: int) -> bytes:
    """Codes of another type, or real numbers, outside; a flattened picture; a softmax."""
    file = File()
    scale = None if kind == "FLOAT32" else 0.05
    entry = file.tensor("x", (1, 2, 4), kind, scale, -3 - low)
    inside = file.operator("QUANTIZE", [entry], file.tensor("q", (1, 2, 4), "INT8", 0.05, -3))
    begin, end, one = (file.tensor(f"c{v}", (1,), "INT32", data=np.int32([v])) for v in (0, 1, 1))
    shape = file.operator("SHAPE", [inside], file.tensor("s", (3,), "INT32"), outType=2)
    batch = file.operator(
        "STRIDED_SLICE", [shape, begin, end, one], file.tensor("n", (), "INT32"), shrinkAxisMask=1
    )
    rest = file.tensor("r", (), "INT32", data=np.int32([8]))
    packed = file.operator("PACK", [batch, rest], file.tensor("p", (2,), "INT32"), valuesCount=2)
    flat = file.operator("RESHAPE", [inside, packed], file.tensor("f", (1, 8), "INT8", 0.05, -3))
    logits = dense(file, dense(file, flat, zero=-128, fused=3), outputs=4, seed=1)
    ended = file.operator("SOFTMAX", [logits], file.tensor("o", (1, 4), "INT8", 1 / 256, -128), beta=1.0)
    outside = file.tensor("z", (1, 4), kind, None if scale is None else 1 / 256, -128 - low)
    last = "DEQUANTIZE" if kind == "FLOAT32" else "QUANTIZE"
    return file.content(entry, file.operator(last, [ended], outside))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("kind", "scale", "zero"),
    [("LOGISTIC", 1 / 256, -128), ("TANH", 1 / 128, 0), ("RELU", 0.03, -128), ("QUANTIZE", 0.11, 9)],
)
def test_operators_on_codes(kind: str, scale: float, zero: int, level: str, tmp_path: Path) -> None:
    equal(import_tflite(written(tmp_path, with_activation(kind, scale, zero)), level=level))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("kind", "low"), [("FLOAT32", 0), ("UINT8", -128)])
def test_other_types_outside(kind: str, low: int, level: str, tmp_path: Path) -> None:
    imported = import_tflite(written(tmp_path, with_ends(kind, low)), level=level)
    assert imported.model.shape == (8, 6, 4, 4)
    assert imported.model.input.signed is (kind == "FLOAT32")
    equal(imported)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["digits", "digits-tanh"])
def test_files_of_tensorflow(name: str, level: str) -> None:
    """Converted by TensorFlow 2.21 (docs/howto/from-tensorflow.md), with a Flatten and a softmax."""
    imported = import_tflite(REAL / f"{name}.tflite", level=level)
    assert imported.model.shape == (64, 32, 10, 10)
    equal(imported, 500)


def test_roundings_by_hand() -> None:
    acc, quarter = np.array([-6, -2, 2, 6]), np.float32(0.25)  # -1.5, -0.5, 0.5, 1.5
    found = {n: k.apply(acc, k.factor(quarter, np.float32(1), np.float32(1))) for n, k in KERNELS.items()}
    assert multiplier(0.25) == (1 << 30, -1)
    assert found["reference"].tolist() == [-2, -1, 1, 2]
    assert found["xnnpack"].tolist() == [-2, 0, 0, 2]
    assert found["micro"].tolist() == [-2, -1, 1, 2]


def test_damaged_files_end_in_a_sentence(tmp_path: Path) -> None:
    content = network((6, 5, 4))
    for changed, sentence in (
        (b"no network", "not a TFLite file; its identifier is"),
        (content[:40], "a damaged TFLite file"),
        (content[:8] + b"\xff" * 60, "a damaged TFLite file"),
    ):
        with pytest.raises(QsimError, match=sentence):
            import_tflite(written(tmp_path, changed))
    with pytest.raises(QsimError, match="level is 'all'; reference, xnnpack, micro are allowed"):
        import_tflite(written(tmp_path, content), level="all")
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        with suppress(QsimError):
            import_tflite(written(tmp_path, bytes(damaged)))


def test_import_and_conform(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, model = written(tmp_path, edges(True, True, 0, 16)[0]), str(tmp_path / "m.safetensors")
    for command, status in (
        (["import", str(path), "--level", "xnnpack", "--out", model], 0),
        (["conform", model, "--against", str(path), "--images", "5"], 0),
        (["conform", model, "--against", str(path), "--images", "5", "--runtime", "reference"], 1),
        (["import", str(path), "--input-bits", "4", "--out", model], 2),
    ):
        with pytest.raises(SystemExit) as stop:
            main(command)
        assert (stop.value.code or 0) == status
    assert "input_bits given; a .tflite file says itself how inputs are coded" in capsys.readouterr().err
