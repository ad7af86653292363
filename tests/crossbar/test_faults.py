"""Fault lists: written, read and replayed; refused where they do not belong."""

from pathlib import Path

import pytest
from examples import random_model

from qsim import Model, QsimError
from qsim.crossbar import effects as devices
from qsim.crossbar import faults as device_faults
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Mapping


def mapped(seed: int = 0, rows: int = 8) -> Model:
    return map_to_crossbar(random_model(seed, (20, 9, 3), 4), Mapping(rows=rows, cols=6))


def test_a_list_gives_the_same_cells(tmp_path: Path) -> None:
    model = mapped()
    after = devices.stuck(model, 0.1, 0.1, seed=2)
    path = tmp_path / "faults.csv"
    device_faults.write(device_faults.differences(model, after), path)
    again = device_faults.apply_faults(model, device_faults.read(path))
    for expected, found in zip(after.layers, again.layers, strict=True):
        assert (expected.crossbar.cells == found.crossbar.cells).all()  # type: ignore[union-attr]
    assert again.layers[0].crossbar.history[-1]["effect"] == "fault list"  # type: ignore[union-attr]


def test_a_list_may_be_empty(tmp_path: Path) -> None:
    device_faults.write(device_faults.differences(mapped(), mapped()), tmp_path / "f")
    again = device_faults.apply_faults(mapped(), device_faults.read(tmp_path / "f"))
    assert (again.layers[0].crossbar.cells == mapped().layers[0].crossbar.cells).all()  # type: ignore[union-attr]


def test_lists_of_other_networks_and_tiles_are_refused() -> None:
    faults = device_faults.differences(mapped(), devices.stuck(mapped(), 0.1))
    with pytest.raises(QsimError, match=r"^the faults are of network .{12}; this one is .{12}$"):
        device_faults.apply_faults(mapped(seed=1), faults)
    with pytest.raises(QsimError, match=r"^the faults are of a mapping with rows = 8; this one has 7$"):
        device_faults.apply_faults(mapped(rows=7), faults)
    with pytest.raises(QsimError, match="map it first"):
        device_faults.apply_faults(random_model(0, (20, 9, 3), 4), faults)
    with pytest.raises(QsimError, match="one network on the same tiles"):
        device_faults.differences(mapped(rows=7), mapped())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0,4,0,0,0", r"slice, input, column \[4, 0, 0\] of layer 0; there is no such cell"),
        ("2,0,0,0,0", r"of layer 2; there is no such cell"),
        ("0,0,0,0,40000", "a conductance of 40000 units; 0 to 32767 are allowed"),
        ("0,0,0,low,0", "line 3 is '0,0,0,low,0'; five integers are needed"),
        ("0,0,0", "line 3 is '0,0,0'; five integers are needed"),
    ],
)
def test_lines_that_cannot_be_are_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "faults.csv"
    device_faults.write(device_faults.differences(mapped(), mapped()), path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(QsimError, match=message):
        device_faults.apply_faults(mapped(), device_faults.read(path))


def test_files_that_are_no_lists_are_refused(tmp_path: Path) -> None:
    for content, message in (
        (b"", "line 1 is not"),
        (b"# []\n", "line 1 is not"),
        (b'# {"network": "", "mapping": {}}\nlayer\n', "line 2 is not layer,slice"),
        (b"\xff\xfe", "not a text file"),
    ):
        (tmp_path / "f").write_bytes(content)
        with pytest.raises(QsimError, match=message):
            device_faults.read(tmp_path / "f")
    with pytest.raises(QsimError, match="cannot be read: No such file"):
        device_faults.read(tmp_path / "none")
