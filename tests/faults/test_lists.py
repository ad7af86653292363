"""Fault lists: written, read and replayed; refused where they do not belong."""

from pathlib import Path

import numpy as np
import pytest
from examples import random_model

from qsim import Mapping, Model, QsimError
from qsim.crossbar import effects as devices
from qsim.crossbar.mapping import map_to_crossbar
from qsim.faults import lists
from qsim.faults.draw import draw
from qsim.faults.lists import apply_faults, differences, of_model, read, write

IDEAL = random_model(0, (20, 9, 3), 4)
VERSION_1 = '# {{"network": "{}", "mapping": {}}}\nlayer,slice,input,column,conductance\n'


def mapped(seed: int = 0, rows: int = 8) -> Model:
    return map_to_crossbar(random_model(seed, (20, 9, 3), 4), Mapping(rows=rows, cols=6))


def test_a_list_gives_the_same_cells(tmp_path: Path) -> None:
    model = mapped()
    after = devices.stuck(model, 0.1, 0.1, seed=2)
    path = tmp_path / "faults.csv"
    write(differences(model, after), path)
    again = apply_faults(model, read(path))
    for expected, found in zip(after.layers, again.layers, strict=True):
        assert (expected.crossbar.cells == found.crossbar.cells).all()  # type: ignore[union-attr]
    assert again.layers[0].crossbar.history[-1]["effect"] == "fault list"  # type: ignore[union-attr]


@pytest.mark.parametrize("model", [IDEAL, mapped()], ids=["ideal", "mapped"])
def test_a_list_of_all_kinds_comes_back(model: Model, tmp_path: Path) -> None:
    kinds = [
        "bias-bit",
        "threshold-bit",
        *(["weight-bit"] if model is IDEAL else ["cell-bit", "converter-bit"]),
    ]
    faults = draw(model, kinds, 0.05, seed=3)
    write(faults, tmp_path / "f")
    again = read(tmp_path / "f")
    assert len(again) == len(faults) > 20
    assert all(np.array_equal(again.tables[name], table) for name, table in faults.tables.items())
    assert apply_faults(model, again).digest == apply_faults(model, faults).digest


def test_a_list_may_be_empty(tmp_path: Path) -> None:
    write(differences(mapped(), mapped()), tmp_path / "f")
    assert apply_faults(mapped(), read(tmp_path / "f")).digest == mapped().digest


def test_lists_of_version_1_are_read(tmp_path: Path) -> None:
    model = mapped()
    faults = differences(model, devices.stuck(model, 0.1, 0.1, seed=2))
    mapping = str(faults.mapping).replace("'", '"')
    rows = "".join(",".join(map(str, row)) + "\n" for row in faults.tables["cell"].tolist())
    (tmp_path / "f").write_text(VERSION_1.format(faults.network, mapping) + rows)
    found = read(tmp_path / "f")
    assert np.array_equal(found.tables["cell"], faults.tables["cell"])
    assert apply_faults(model, found).digest == apply_faults(model, faults).digest


def test_lists_of_other_networks_and_tiles_are_refused() -> None:
    faults = differences(mapped(), devices.stuck(mapped(), 0.1))
    with pytest.raises(QsimError, match=r"^the faults are of network .{12}; this one is .{12}$"):
        apply_faults(mapped(seed=1), faults)
    with pytest.raises(QsimError, match=r"^the faults are of a mapping with rows = 8; this one has 7$"):
        apply_faults(mapped(rows=7), faults)
    with pytest.raises(QsimError, match="map it first"):
        apply_faults(IDEAL, faults)
    with pytest.raises(QsimError, match="the faults are of a model of ideal layers; this one is on a cross"):
        apply_faults(mapped(), draw(IDEAL, ["weight-bit"], 0.1))
    for pair in ((mapped(rows=7), mapped()), (IDEAL, IDEAL)):
        with pytest.raises(QsimError, match="one network on the same tiles"):
            differences(*pair)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cell,0,4 0 0,0", r"slice, input, column \[4, 0, 0\] of layer 0; there is no such cell"),
        ("cell,2,0 0 0,0", r"of layer 2; there is no such cell"),
        ("cell,0,0 0 0,40000", "a conductance of 40000 units; 0 to 32767 are allowed"),
        (
            "cell,0,0 0 low,0",
            "line 3 is 'cell,0,0 0 low,0'; cell needs layer, slice input column and conductance",
        ),
        ("cell,0,0 0,0", "line 3 is 'cell,0,0 0,0'; cell needs layer,"),
        ("moon,0,0 0,0", "line 3 is 'moon,0,0 0,0'; a kind"),
        ("0,0,0,0,0", "line 3 is '0,0,0,0,0'; a kind"),
        ("weight-bit,0,0 0,0", r"neuron, input \[0, 0\] of layer 0; there is no such weight"),
        ("bias-bit,0,9,0", r"neuron \[9\] of layer 0; there is no such bias"),
        ("bias-bit,0,-1,0", r"neuron \[-1\] of layer 0; there is no such bias"),
        ("bias-bit,0,0,99", "the faults name a bit 99; 0 to"),
        (f"bias-bit,0,{1 << 70},0", "a number of more than 63 bits"),
        ("threshold-bit,1,0 0,0", r"row, rank \[0, 0\] of layer 1; there is no such threshold"),
        ("bias-bit,0,3,1\nbias-bit,0,3,1", r"the faults name layers.0.bias\[3\] twice; once is allowed"),
        ("cell,0,0 1 2,1\ncell,0,0 1 2,5", r"the faults name layers.0.cells\[0,1,2\] twice"),
    ],
)
def test_lines_that_cannot_be_are_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "faults.csv"
    write(differences(mapped(), mapped()), path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(QsimError, match=message):
        apply_faults(mapped(), read(path))


def test_files_that_are_no_lists_are_refused(tmp_path: Path) -> None:
    for content, message in (
        (b"", "line 1 is not"),
        (b"# []\n", "line 1 is not"),
        (b'# {"network": "", "mapping": {}}\nlayer\n', "line 2 is not layer,slice"),
        (
            b'# {"version": 2, "network": "", "mapping": null}\nlayer\n',
            "line 2 is not kind,layer,place,value",
        ),
        (b'# {"version": 3, "network": "", "mapping": {}}\n', "a fault list of version 3; 1 and 2 are known"),
        (b"\xff\xfe", "not a text file"),
    ):
        (tmp_path / "f").write_bytes(content)
        with pytest.raises(QsimError, match=message):
            read(tmp_path / "f")
    with pytest.raises(QsimError, match="cannot be read: No such file"):
        read(tmp_path / "none")


def test_a_fault_more_is_noticed() -> None:
    """What the tests above compare is not always equal."""
    faults = draw(IDEAL, ["bias-bit"], 0.05, seed=1)
    fewer = of_model(IDEAL, {"bias-bit": faults.tables["bias-bit"][1:]})
    assert apply_faults(IDEAL, faults).digest != apply_faults(IDEAL, fewer).digest
    assert lists.network_digest(mapped()) == IDEAL.digest
