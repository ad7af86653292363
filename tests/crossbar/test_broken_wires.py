"""Broken wires against a walk along each wire, cell by cell."""

from dataclasses import replace

import numpy as np
import pytest
from examples import random_codes, random_model

from qsim import Model, QsimError, spec
from qsim.crossbar.effects import EFFECTS
from qsim.crossbar.effects.broken_wires import broken_wires
from qsim.crossbar.mapping import map_to_crossbar
from qsim.model.crossbar import Integers, Mapping

MAPPING = Mapping(rows=16, cols=12, cell_bits=2, digit_bits=2)


def mapped(**kind: object) -> Model:
    """Every cell holds something, so that a zero is a cell that is cut off."""
    model = map_to_crossbar(random_model(0, (40, 30, 5), 4), replace(MAPPING, **kind))
    layers = []
    for layer in model.layers:
        assert layer.crossbar is not None
        crossbar = replace(layer.crossbar, cells=layer.crossbar.cells.clip(min=1))
        layers.append(replace(layer, crossbar=crossbar))
    return replace(model, layers=tuple(layers))


def cells(model: Model) -> Integers:
    crossbar = model.layers[0].crossbar
    assert crossbar is not None
    return crossbar.cells


def tiles(array: Integers, width: int) -> list[Integers]:
    return [
        one[i : i + 16, j : j + width]
        for one in array
        for i in range(0, array.shape[1], 16)
        for j in range(0, array.shape[2], width)
    ]


@pytest.mark.parametrize("style", ["offset", "differential"])
def test_a_broken_wire_is_dead_from_one_cell_on(style: str) -> None:
    model = mapped(style=style)
    rows, columns = (broken_wires(model, *rates, seed=4) for rates in ((0.3, 0.0), (0.0, 0.3)))
    broken_rows = broken_columns = wires_across = wires_down = 0
    for row_cut, column_cut, whole in zip(
        tiles(cells(rows), 12), tiles(cells(columns), 12), tiles(cells(model), 12), strict=True
    ):
        for after, before in zip(row_cut, whole, strict=True):  # from the driver on
            alive = (after > 0).tolist()
            assert alive == sorted(alive, reverse=True)
            assert (after[alive] == before[alive]).all()
            broken_rows, wires_across = broken_rows + (not all(alive)), wires_across + 1
        for after in column_cut.T:  # towards the converter, at the last row
            alive = (after > 0).tolist()
            assert alive == sorted(alive)
            broken_columns, wires_down = broken_columns + (not all(alive)), wires_down + 1
    assert abs(broken_rows / wires_across - 0.3) < 4 * (0.21 / wires_across) ** 0.5
    assert abs(broken_columns / wires_down - 0.3) < 4 * (0.21 / wires_down) ** 0.5


def test_breaks_are_nested_and_both_kinds_add_up() -> None:
    model = mapped()
    few, many = broken_wires(model, 0.05, 0.05, seed=1), broken_wires(model, 0.5, 0.5, seed=1)
    assert (cells(many)[cells(few) == 0] == 0).all()
    both = np.minimum(
        cells(broken_wires(model, rows=0.2, seed=2)), cells(broken_wires(model, columns=0.2, seed=2))
    )
    assert (cells(broken_wires(model, 0.2, 0.2, seed=2)) == both).all()
    assert (cells(broken_wires(model)) == cells(model)).all()


def test_the_specification_and_the_kernel_agree_and_the_table_knows_it() -> None:
    model = EFFECTS["broken_wires"].apply(mapped(), rows=0.1, columns=0.1, seed=3)
    codes = random_codes(0, model, 3)
    assert spec.logits(model, codes.tolist()) == model.logits(codes).tolist()
    assert list(EFFECTS).index("stuck") < list(EFFECTS).index("broken_wires") < list(EFFECTS).index("drift")
    with pytest.raises(QsimError, match=r"share of broken rows is 1\.5; 0 to 1 is allowed"):
        broken_wires(mapped(), 1.5)
