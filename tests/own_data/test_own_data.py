"""Own arrays and files: every format gives the same codes, every mistake one sentence."""

import csv
import gzip
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import qsim
from qsim import InputFormat, QsimError, data
from qsim.cli import main
from qsim.data import Coding, from_arrays, from_file

MODELS = Path(__file__).parent.parent.parent / "models"
JETS = MODELS.parent / "docs/howto/jets.md"
CODES = np.random.default_rng(0).integers(0, 256, (40, 12)).astype(np.uint8)
LABELS = np.arange(40) % 3
ONE_HOT = np.eye(3)[LABELS]


def idx(array: Any) -> bytes:
    header = b"\0\0\x08" + bytes([array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


def npz(folder: Path) -> str:
    np.savez(folder / "d.npz", codes=CODES, labels=LABELS)
    return str(folder / "d.npz")


def npz_one_hot(folder: Path) -> str:
    np.savez(folder / "d.npz", inputs=CODES, labels=ONE_HOT)
    return str(folder / "d.npz")


def npy_pair(folder: Path) -> str:
    np.save(folder / "x.npy", CODES.reshape(40, 3, 4))
    np.save(folder / "y.npy", LABELS)
    return f"{folder / 'x.npy'},{folder / 'y.npy'}"


def npy_beside(folder: Path) -> str:
    np.save(folder / "x.npy", CODES)
    np.save(folder / "x-labels.npy", LABELS)
    return str(folder / "x.npy")


def table(folder: Path, name: str = "d.csv", codes: Any = CODES) -> str:
    with (folder / name).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([f"p{i}" for i in range(5)] + ["Label"] + [f"p{i}" for i in range(5, 12)])
        rows.writerows(
            [*row[:5], label, *row[5:]] for row, label in zip(codes.tolist(), LABELS.tolist(), strict=True)
        )
    return str(folder / name)


def parquet(folder: Path) -> str:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    columns = {f"p{i}": CODES[:, i] for i in range(12)}
    write_table(pyarrow.table({**columns, "label": LABELS}), folder / "d.parquet")
    return str(folder / "d.parquet")


def idx_pair(folder: Path) -> str:
    (folder / "a-images-idx3-ubyte").write_bytes(idx(CODES.reshape(40, 3, 4)))
    (folder / "a-labels-idx1-ubyte").write_bytes(idx(LABELS))
    return str(folder / "a-images-idx3-ubyte")


def idx_gzipped(folder: Path) -> str:
    (folder / "i-idx2.gz").write_bytes(gzip.compress(idx(CODES)))
    (folder / "l-idx1.gz").write_bytes(gzip.compress(idx(LABELS)))
    return f"{folder / 'i-idx2.gz'},{folder / 'l-idx1.gz'}"


ROWS = {"npz": npz, "one-hot": npz_one_hot, "npy pair": npy_pair, "npy beside": npy_beside}
TABLES = {"csv": table, "parquet": parquet, "idx": idx_pair, "idx.gz": idx_gzipped}


@pytest.mark.parametrize("form", [*ROWS, *TABLES])
def test_a_format_gives_the_codes(form: str, tmp_path: Path) -> None:
    spec = {**ROWS, **TABLES}[form](tmp_path)
    dataset = from_file(spec, "all", Coding(bits=8))
    assert np.array_equal(dataset.codes, CODES)
    assert np.array_equal(dataset.labels, LABELS)
    assert dataset.input == InputFormat(8)
    assert dataset.codes_per_unit == 255
    assert dataset.codes.dtype == np.uint8


def test_pictures_by_class(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for part in ("train", "test"):
        for i in range(6):
            place = tmp_path / part / f"class{i % 2}"
            place.mkdir(parents=True, exist_ok=True)
            image.fromarray(CODES[i].reshape(3, 4)).save(place / f"{i}.png")
    test = from_file(str(tmp_path), "test")
    assert np.array_equal(test.codes, CODES[[0, 2, 4, 1, 3, 5]])
    assert test.labels.tolist() == [0, 0, 0, 1, 1, 1]
    image.fromarray(CODES[:4]).save(tmp_path / "test" / "class0" / "x.png")
    with pytest.raises(QsimError, match=r"x.png has .4, 12. pixels; the first picture has .3, 4."):
        from_file(str(tmp_path), "test")


def test_splits_are_drawn_by_seed_or_given(tmp_path: Path) -> None:
    spec = npz(tmp_path)
    train, test = from_file(spec, "train"), from_file(spec, "test")
    assert (len(train.codes), len(test.codes)) == (32, 8)
    together = np.concatenate([train.codes, test.codes])
    assert np.array_equal(np.sort(together, axis=0), np.sort(CODES, axis=0))
    assert np.array_equal(from_file(spec, "test").codes, test.codes)
    assert not np.array_equal(from_file(spec, "test", seed=1).codes, test.codes)
    np.savez(tmp_path / "s.npz", codes_train=CODES[:30], labels_train=LABELS[:30], codes_test=CODES[30:],
             labels_test=LABELS[30:])  # fmt: skip
    assert np.array_equal(from_file(str(tmp_path / "s.npz"), "test").codes, CODES[30:])


def test_floats_become_codes_by_a_scale() -> None:
    reals = np.array([[0.0, 0.126, 0.1249], [1.0, -1.0, 0.99]])
    made = from_arrays(reals, [0, 1], scale=0.25, bits=4)
    assert made.codes.tolist() == [[0, 1, 0], [4, -4, 4]]
    assert made.input == InputFormat(4, signed=True)
    assert made.codes_per_unit == 4
    clipped = from_arrays(reals, [0, 1], scale=0.25, bits=2, clip=True)
    assert clipped.codes.tolist() == [[0, 1, 0], [1, -2, 1]]


def test_names_of_classes_are_numbered_in_order() -> None:
    assert from_arrays(CODES[:3], ["dog", "cat", "dog"]).labels.tolist() == [1, 0, 1]


MISTAKES: dict[str, tuple[Any, str]] = {
    "floats": ((CODES / 255, LABELS), "holds float64 numbers; say how they are coded, x = code . scale"),
    "labels": ((CODES, LABELS[:-1]), "has 39 labels for 40 images; one each is needed"),
    "one-hot": ((CODES, ONE_HOT + 1), "label rows of 3 values that are not one-hot"),
    "negative labels": ((CODES, LABELS - 1), "labels that are no whole numbers from 0"),
    "text": ((np.array([["a"]]), [0]), "holds <U1; numbers are needed"),
    "no images": (
        (CODES[:0], LABELS[:0]),
        r"inputs of shape .0, 12.; .images, inputs., not empty, is needed",
    ),
    "ragged": (([[1, 2], [3]], [0, 1]), "is ragged; arrays are needed"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_wrong_arrays_are_refused(name: str) -> None:
    arrays, sentence = MISTAKES[name]
    with pytest.raises(QsimError, match=sentence):
        from_arrays(*arrays)


def test_wrong_codings_are_refused() -> None:
    reals = np.array([[0.5, np.nan]])
    with pytest.raises(QsimError, match="a number that is not finite"):
        from_arrays(reals, [0], scale=0.1, bits=8)
    with pytest.raises(
        QsimError, match="codes from 0 to 5; 2 unsigned bits hold 0 to 3: more bits, a larger scale or"
    ):
        from_arrays(reals[:, :1].repeat(2, 1) * [0, 1], [0], scale=0.1, bits=2)
    with pytest.raises(QsimError, match="the input scale is 0; a positive finite number is needed"):
        from_arrays(reals, [0], scale=0, bits=8)
    with pytest.raises(QsimError, match="the input bits are 17; 1 to 16 are allowed"):
        from_arrays(reals, [0], scale=1, bits=17)


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "n.npz", pixels=CODES, labels=LABELS)
    np.save(tmp_path / "alone.npy", CODES)
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    for spec, sentence in (
        (str(tmp_path / "none.csv"), "none.csv: no such file"),
        (write(tmp_path / "e.csv", ""), "an empty file; numbers and labels are needed"),
        (write(tmp_path / "h.csv", "a,label\n"), "has a header and no rows"),
        (write(tmp_path / "c.csv", "a,b\n1,2\n"), "has columns a, b; one called 'label' is needed"),
        (write(tmp_path / "w.csv", "a,label\n1,2,3\n"), "line 2: 3 values; the header has 2"),
        (write(tmp_path / "t.csv", "a,label\nx,0\n"), "line 2: 'x' is no number"),
        (write(tmp_path / "z.npz", b"PK\3\4junk"), "z.npz cannot be read"),
        (write(tmp_path / "d.mat", "?"), "an unknown format; .npz, .npy with labels"),
        (write(tmp_path / "q-idx1.idx", b"\1\2"), "has no labels beside it; give the pair"),
        (str(tmp_path / "n.npz"), "holds pixels, labels; an array 'codes' is needed"),
        (str(tmp_path / "alone.npy"), "has no labels beside it .alone-labels.npy.; or give the pair"),
        (f"{tmp_path / 'objects.npy'},{tmp_path / 'alone.npy'}", "cannot be read as an array"),
        (str(tmp_path), "has no folders of pictures; one folder for each class is needed"),
    ):
        with pytest.raises(QsimError, match=sentence):
            from_file(spec, "test")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


def test_train_run_and_attack_on_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes, labels = data.digits("train")
    np.savez(tmp_path / "own.npz", inputs=codes / 16, labels=np.eye(10)[labels])
    spec, model, report = str(tmp_path / "own.npz"), str(tmp_path / "m.safetensors"), tmp_path / "r.json"
    coding = ["--input-scale", "0.0625", "--input-bits", "8"]
    assert run("train", spec, *coding, "--hidden", "16", "--out", model, "--json", str(report)) == 0
    made = json.loads(report.read_text())
    assert made["images"] == len(codes) // 5
    assert made["integer"] > 0.8
    assert run("run", model, *coding, "--json", str(report)) == 0  # on what it was not trained on
    assert json.loads(report.read_text())["integer"] == made["integer"]
    assert run("attack", model, *coding, "--epsilon", "1", "--json", str(report)) == 0
    assert json.loads(report.read_text())["attacked"][0]["step"] == 16
    tested, classes = data.digits("test")
    np.savez(tmp_path / "other.npz", codes=tested, labels=classes)
    assert run("run", model, "--data", str(tmp_path / "other.npz"), "--json", str(report)) == 0
    assert json.loads(report.read_text())["images"] == len(tested)  # all of another file
    expected = np.mean(qsim.load(model).predict(tested) == classes)
    assert json.loads(report.read_text())["integer"] == expected
    capsys.readouterr()
    assert run("run", model, "--data", spec) == 2
    assert "say how they are coded" in capsys.readouterr().err
    np.savez(tmp_path / "narrow.npz", codes=tested[:, :5], labels=classes)
    assert run("run", model, "--data", str(tmp_path / "narrow.npz")) == 2
    assert "has 5 inputs an image; this model takes 64" in capsys.readouterr().err


QUICK = {
    "audit": "audit {m} --epsilon 0.05 --attack fgsm --images 5",
    "certify": "certify {m} --radius 1 --images 2 --out made",
    "conform": "conform {m} --against {m}.onnx --images 5",
    "faults": "faults {m} --sample 2 --images 5 --out made",
    "transfer": "transfer {m} --epsilon 0.05 --attack fgsm --images 5",
}
LONGER = {
    "flips": "flips {m} --budget 1 --crafting 5 --images 5 --seeds 1 --out made",
    "study": "study {m} --images 2 --seeds 1 --out made",
}


@pytest.fixture
def floats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The spiral's model, and its test data as floats in own.npz: x = code / 4096."""
    monkeypatch.chdir(tmp_path)
    codes, labels = data.spiral("test")
    np.savez("own.npz", inputs=codes / 4096, labels=labels)
    model = qsim.load(MODELS / "spiral-step-q2.safetensors")
    model.save("m.safetensors")
    onnx = pytest.importorskip("onnx")
    onnx.save(qsim.to_onnx(model), "m.safetensors.onnx")
    return "m.safetensors"


@pytest.mark.parametrize("command", [*QUICK, *LONGER])
def test_floats_need_a_coding_in_every_command(
    command: str, floats: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = (QUICK | LONGER)[command].format(m=floats).split()
    assert run(*line, "--data", "own.npz") == 2
    assert "say how they are coded" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in LONGER)]
)
def test_floats_with_their_coding_are_the_codes(command: str, floats: str) -> None:
    """The figures are those of the built-in data."""
    line = (QUICK | LONGER)[command].format(m=floats).split()
    coding = ["--input-scale", str(1 / 4096), "--input-bits", "16"]
    assert run(*line, "--data", "own.npz", *coding, "--json", "own.json") == 0
    again = [word.replace("made", "again") for word in line]
    assert run(*again, "--data", "spiral", "--json", "known.json") == 0
    own, known = (json.loads(Path(name).read_text()) for name in ("own.json", "known.json"))
    for figures in (own, known):
        figures.pop("data", None)
        for point in figures.get("bracket", ()):
            del point["median_seconds"], point["largest_seconds"]
    assert own == known


def test_a_folder_of_proofs_is_not_gone_on_with_by_another_coding(
    floats: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [*QUICK["certify"].format(m=floats).split(), "--data", "own.npz", "--input-bits", "16"]
    assert run(*line, "--input-scale", str(1 / 4096)) == 0
    assert run(*line, "--input-scale", str(1 / 2048)) == 2
    assert "run.json holds other settings" in capsys.readouterr().err


def test_training_on_a_dataset_of_arrays() -> None:
    codes, labels = data.digits("train")
    network = qsim.train(from_arrays(codes, labels), bits=4, hidden=8, recipe=qsim.Recipe(epochs=2))
    assert network.codes_per_unit == 255


def test_the_program_for_jets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of docs/howto/jets.md, on made jets: features of very different sizes, classes by name."""
    (program,) = re.findall(r"^```py\n(.*?)^```", JETS.read_text(), re.DOTALL | re.MULTILINE)
    rng = np.random.default_rng(0)
    made = SimpleNamespace(
        data=rng.normal(3, 1, (200, 16)) * 10.0 ** rng.integers(-3, 4, 16),
        target=rng.choice(list("zwtqg"), 200).astype(object),
    )
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda **options: made)
    monkeypatch.chdir(tmp_path)
    exec(program, {})
    train, test = (data.load("jets.npz", split) for split in ("train", "test"))
    assert (len(train.codes), len(test.codes)) == (160, 40)
    assert train.input == test.input == qsim.InputFormat(16, signed=True)
    assert np.abs(train.codes.std(axis=0) - train.codes_per_unit).max() < 1
    assert set(test.labels.tolist()) == set(range(5))


def test_fashion_mnist_is_known_by_its_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSIM_DATA", str(tmp_path))
    monkeypatch.setattr(data, "FASHION_MIRRORS", ())
    with pytest.raises(
        QsimError, match=r"Fashion-MNIST's t10k-images.* is not in .* folder that holds fashion-mnist/"
    ):
        data.load("fashion-mnist", "test")
    place = tmp_path / "fashion-mnist"
    place.mkdir()
    (place / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros((2, 28, 28)))))
    with pytest.raises(QsimError, match="is not Fashion-MNIST's t10k-images-idx3-ubyte: md5 is "):
        data.load("fashion-mnist", "test")
