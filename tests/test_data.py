"""Data sets: found, downloaded, verified, and refused where they are damaged."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsim import InputFormat, QsimError, data


def idx(array: np.ndarray[Any, Any]) -> bytes:
    """An IDX file of unsigned bytes."""
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
LABELS = np.array([7, 2, 1, 0, 9], np.uint8)
FILES = {"t10k-images-idx3-ubyte": idx(IMAGES), "t10k-labels-idx1-ubyte": idx(LABELS)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, and a tiny stand-in for MNIST whose checksums are the expected ones."""
    monkeypatch.setenv("QSIM_DATA", str(tmp_path))
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setattr(data, "MNIST_SHA256", sums)
    monkeypatch.setattr(data, "MIRRORS", ())
    (tmp_path / "mnist").mkdir()
    return tmp_path / "mnist"


def put(folder: Path, zipped: bool) -> None:
    for name, content in FILES.items():
        (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(content) if zipped else content)


@pytest.mark.parametrize("zipped", [True, False])
def test_mnist_is_read_from_the_data_folder(folder: Path, zipped: bool) -> None:
    put(folder, zipped)
    codes, labels = data.mnist("test")
    assert codes.dtype == np.uint8
    assert codes.tolist() == IMAGES.reshape(5, 784).tolist()
    assert labels.tolist() == LABELS.tolist()


def test_the_real_mnist(mnist_test: tuple[Any, Any]) -> None:
    codes, labels = mnist_test
    assert (codes.shape, codes.dtype) == ((10000, 784), np.uint8)
    assert (labels.shape, labels.dtype) == ((10000,), np.int64)
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (FILES["t10k-images-idx3-ubyte"][:-1], "has 3935 bytes uncompressed; its header announces 3936"),
        (FILES["t10k-images-idx3-ubyte"] + b"x", "has 3937 bytes uncompressed; its header announces 3936"),
        (FILES["t10k-images-idx3-ubyte"][:10], "has 10 bytes; an IDX header alone has 16"),
        (idx(LABELS)[:8] + bytes(8), "begins with 0x00000801; IDX 0x00000803 is needed"),
        (idx(IMAGES[:, :27]), r"holds items of shape (27, 28); (28, 28) is needed"),
        (idx(IMAGES ^ 1), "is not MNIST's t10k-images-idx3-ubyte: sha256"),
    ],
)
def test_a_damaged_file_is_named_with_what_was_found(folder: Path, content: bytes, sentence: str) -> None:
    put(folder, False)
    (folder / "t10k-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(QsimError) as error:
        data.mnist("test")
    assert sentence in str(error.value)
    assert str(folder / "t10k-images-idx3-ubyte") in str(error.value)


def test_a_label_out_of_range_is_located(folder: Path) -> None:
    put(folder, False)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.array([1, 2, 10, 3, 4], np.uint8)))
    with pytest.raises(QsimError, match="holds label 10 at index 2; 0 to 9 are allowed"):
        data.mnist("test")


@pytest.mark.parametrize("cut", [1, 30, 1000])
def test_a_gzip_file_cut_short_is_named(folder: Path, cut: int) -> None:
    put(folder, True)
    file = folder / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-cut])
    with pytest.raises(QsimError, match=r"t10k-images-idx3-ubyte.gz cannot be read"):
        data.mnist("test")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on loopback and the folder that it serves."""
    served = tmp_path / "served"
    served.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=served)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", served
        server.shutdown()
        thread.join()


def test_what_is_missing_is_downloaded_from_the_first_mirror_that_has_it(
    folder: Path, mirror: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, served = mirror
    put(served, True)
    monkeypatch.setattr(data, "MIRRORS", (url + "nothing-here/", url))
    codes, _ = data.mnist("test")
    assert codes.tolist() == IMAGES.reshape(5, 784).tolist()
    assert sorted(p.name for p in folder.iterdir()) == [f"{name}.gz" for name in sorted(FILES)]
    put(served, False)
    for file in served.iterdir():
        file.unlink()
    assert data.mnist("test")[1].tolist() == LABELS.tolist()  # from the folder, the mirror is empty


def test_fashion_mnist_is_downloaded_too(
    folder: Path, mirror: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the checksums of the gzipped files; of another file it is not kept."""
    url, served = mirror
    put(served, True)
    monkeypatch.setattr(data, "FASHION_MIRRORS", (url,))
    with pytest.raises(QsimError, match=r"could not be downloaded .*is not Fashion-MNIST's.*md5 is "):
        data.load("fashion-mnist", "test")
    place = folder.parent / "fashion-mnist"
    assert list(place.iterdir()) == []
    made = {name: hashlib.md5((served / f"{name}.gz").read_bytes()).hexdigest() for name in FILES}
    monkeypatch.setattr(data, "FASHION_MD5", made)
    assert data.load("fashion-mnist", "test").codes.tolist() == IMAGES.reshape(5, 784).tolist()
    assert sorted(p.name for p in place.iterdir()) == [f"{name}.gz" for name in sorted(FILES)]


def test_a_wrong_download_is_not_kept(
    folder: Path, mirror: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, served = mirror
    for name in FILES:
        (served / f"{name}.gz").write_bytes(gzip.compress(b"an error page"))
    monkeypatch.setattr(data, "MIRRORS", (url,))
    with pytest.raises(QsimError, match=r"could not be downloaded .*is not MNIST's"):
        data.mnist("test")
    assert list(folder.iterdir()) == []


def test_without_file_and_mirror_the_way_out_is_named(folder: Path) -> None:
    with pytest.raises(QsimError, match="set QSIM_DATA to a folder that holds mnist/"):
        data.mnist("test")


def test_the_default_folder_is_a_per_user_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QSIM_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert data.folder() == Path("/somewhere/qsim/data")


def test_digits_need_no_file() -> None:
    train, test = data.load("digits", "train"), data.load("digits", "test")
    assert (train.codes.shape, test.codes.shape) == ((1437, 64), (360, 64))
    assert set(np.unique(train.codes)) <= {int(v * 255 / 16 + 0.5) for v in range(17)}
    assert train.codes.max() == 255
    rows = {row.tobytes() for row in train.codes}
    assert not any(row.tobytes() in rows for row in test.codes)


@pytest.mark.parametrize(("name", "t_max", "sigma"), [("spiral", 10, 0.03), ("spiral-literal", 100, 0.1732)])
def test_spirals_are_those_of_equation_15(name: str, t_max: float, sigma: float) -> None:
    dataset = data.load(name, "train")
    assert dataset.codes.shape == (400, 2)
    assert np.bincount(dataset.labels).tolist() == [200, 200]
    assert dataset.input == InputFormat(16, signed=True)
    x, y = dataset.codes.T / dataset.codes_per_unit
    radius = np.hypot(x, y)
    assert 0.095 * t_max < radius.max() < 0.1 * t_max + 4 * sigma
    # on an arm the angle follows from the radius: x + iy = +-0.1 t exp(it)
    t = np.linspace(0, t_max, 20001)
    for label, sign in ((0, 1), (1, -1)):
        arm = sign * 0.1 * t * np.exp(1j * t)
        points = (x + 1j * y)[dataset.labels == label]
        off = np.abs(points[:, None] - arm[None]).min(axis=1)
        assert off.max() < 4.5 * sigma
    assert not np.array_equal(dataset.codes, data.load(name, "test").codes)
    assert np.array_equal(dataset.codes, data.load(name, "train").codes)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(QsimError, match="data set 'cifar' is unknown; mnist, digits"):
        data.load("cifar", "test")
    with pytest.raises(QsimError, match="split is 'validation'"):
        data.load("digits", "validation")
    with pytest.raises(QsimError, match="turns is 'long'"):
        data.spiral("test", "long")
