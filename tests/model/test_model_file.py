"""The model file: exact round trips, and refusal of everything that is not one."""

import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from examples import random_codes, random_model
from hypothesis import given
from hypothesis import strategies as st

import qsim
from qsim import InputFormat, Layer, Model, QsimError
from qsim.model import container


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.safetensors"
    random_model(1, (6, 5, 4, 3), per_neuron=True).save(file)
    return file


@given(
    seed=st.integers(0, 2**32),
    bits=st.integers(1, 16),
    depth=st.integers(1, 4),
    per_neuron=st.booleans(),
    signed=st.booleans(),
    grid=st.sampled_from(["odd", "twos_complement"]),
)
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    bits: int,
    depth: int,
    per_neuron: bool,
    signed: bool,
    grid: str,
) -> None:
    shape = tuple(np.random.default_rng(seed).integers(1, 9, depth + 1).tolist())
    model = random_model(seed, shape, bits, grid=grid, form=InputFormat(9, signed), per_neuron=per_neuron)
    file = tmp_path_factory.mktemp("models") / "a.safetensors"
    model.save(file)
    loaded = qsim.load(file)
    assert loaded.digest == model.digest
    assert loaded.description() == model.description()
    codes = random_codes(seed, model, 3)
    assert loaded.logits(codes).tolist() == model.logits(codes).tolist()


def test_saving_twice_gives_the_same_bytes_and_keeps_provenance(tmp_path: Path) -> None:
    model = Model(random_model(1).layers, InputFormat(8), {"data": "mnist", "seed": 3, "note": "ε → 0"})
    files = [tmp_path / name for name in "ab"]
    for file in files:
        model.save(file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert qsim.load(files[0]).provenance == model.provenance


def test_every_truncation_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for length in [*range(64), *range(64, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(QsimError):
            qsim.load(path)


def test_every_flipped_bit_is_refused(path: Path) -> None:
    """One bit of each byte in turn: nothing slips through, and nothing but QsimError comes out."""
    content = path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(QsimError) as error:
            qsim.load(path)
        assert "\n" not in str(error.value)


def test_trailing_bytes_are_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(QsimError):
        qsim.load(path)


def reseal(path: Path, **changes: Any) -> None:
    """Rewrite the file with changed header entries and a checksum that fits them."""
    header, tensors = container.read(path)
    container.write(path, {**header, **changes}, tensors)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": 2}, "written for format version 2; this qsim reads version 1"),
        ({"spec": 99}, "written for spec version 99; this qsim reads version 1"),
        ({"format": None}, "written for format version None"),
        ({"digest": "0" * 64}, "its digest is not that of its content"),
        ({"layers": []}, "a model of no layers"),
        ({"layers": 3}, "its header lacks or misnames something"),
        ({"layers": [{}]}, "its header lacks or misnames something"),
        ({"input": {"bits": 8}}, "its header states other formats or accumulator bounds"),
        ({"input": {"bits": 99, "signed": False}}, "input codes of 99 bits"),
        ({"input": {"width": 8}}, "its header lacks or misnames something"),
    ],
)
def test_a_sealed_but_wrong_header_is_refused(path: Path, changes: dict[str, Any], sentence: str) -> None:
    reseal(path, **changes)
    with pytest.raises(QsimError) as error:
        qsim.load(path)
    assert sentence in str(error.value)
    assert str(error.value).startswith(str(path))


def test_a_layer_of_a_later_kind_is_named(path: Path) -> None:
    header, _ = container.read(path)
    layers = [{**layer, "kind": "optical"} for layer in header["layers"]]
    reseal(path, layers=layers)
    with pytest.raises(QsimError, match="layer 0 is of kind 'optical';"):
        qsim.load(path)


def test_accumulator_bounds_that_are_not_the_weights_own_are_refused(path: Path) -> None:
    header, _ = container.read(path)
    header["layers"][0]["accumulator"][1] -= 1
    reseal(path, layers=header["layers"])
    with pytest.raises(QsimError, match="other formats or accumulator bounds"):
        qsim.load(path)


def test_an_array_that_belongs_to_no_layer_is_refused(path: Path) -> None:
    header, tensors = container.read(path)
    container.write(path, header, {**tensors, "payload": np.arange(3)})
    with pytest.raises(QsimError, match="arrays that belong to no layer: payload"):
        qsim.load(path)


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("executed",)


def hostile_files() -> dict[str, bytes]:
    nested = "[" * 100_000
    huge = json.dumps({"w": {"dtype": "I64", "shape": [2**62], "data_offsets": [0, 2**62]}}).encode()
    array = {"w": np.zeros((2, 2), np.int8)}
    return {
        "empty": b"",
        "text": b"hello, I am a model",
        "pickle": pickle.dumps(Bomb()),
        "header longer than the file": struct.pack("<Q", 2**63) + b"{}",
        "array longer than the file": struct.pack("<Q", len(huge)) + huge,
        "no qsim header": safetensors.numpy.save(array),
        "header not JSON": safetensors.numpy.save(array, {"qsim": "{"}),
        "header nested too deep": safetensors.numpy.save(array, {"qsim": nested}),
        "header not an object": safetensors.numpy.save(array, {"qsim": "[1]"}),
        "header without checksum": safetensors.numpy.save(array, {"qsim": "{}"}),
        "float arrays": safetensors.numpy.save({"w": np.full((2, 2), np.nan)}, {"qsim": '{"checksum": ""}'}),
    }


@pytest.mark.parametrize("name", hostile_files())
def test_a_hostile_file_is_refused_in_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(hostile_files()[name])
    with pytest.raises(QsimError) as error:
        qsim.load(file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)
    assert not Path("executed").exists()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for place, sentence in (
        (tmp_path / "none", "no such file"),
        (tmp_path, "a folder; a model file is needed"),
    ):
        with pytest.raises(QsimError, match=sentence):
            qsim.load(place)


def test_nothing_is_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model.safetensors"
    random_model(1).save(file)
    before = file.read_bytes()

    def full_disk(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(QsimError, match="cannot be written: No space left on device"):
        random_model(2).save(file)
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == [file.name]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(QsimError, match="cannot be written"):
        random_model(1).save(tmp_path / "file" / "model.safetensors")


def test_a_stranger_can_read_the_file_without_qsim(path: Path) -> None:
    model = qsim.load(path)
    with safetensors.safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["qsim"])
        weights = file.get_tensor("layers.0.weights")
    assert weights.tolist() == model.layers[0].weights.tolist()
    assert header["digest"] == model.digest


def test_the_narrowest_types_are_stored(tmp_path: Path) -> None:
    layer = Layer([[127, -127]], [40_000], bits=7)
    file = tmp_path / "a.safetensors"
    Model((layer,), InputFormat(8)).save(file)
    arrays = safetensors.numpy.load_file(file)
    assert {name: str(a.dtype) for name, a in arrays.items()} == {
        "layers.0.weights": "int8",
        "layers.0.bias": "int32",
    }
