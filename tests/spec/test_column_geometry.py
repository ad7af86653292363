"""Where things lie on the tiles of a crossbar, against tables worked by hand."""

import numpy as np
import pytest

from qsim import Adc, Crossbar, InputFormat, Layer, Mapping, Model, spec
from qsim.spec import geometry

# style, columns of a tile, outputs: (column for, column against) of each output, used columns in all.
# R is a reference, | the edge of a tile.
PAIRS = [
    ("offset", 3, 2, [(0, 2), (1, 2)], 3),  # 0 1 R
    ("offset", 3, 3, [(0, 2), (1, 2), (3, 4)], 5),  # 0 1 R | 2 R
    ("offset", 3, 5, [(0, 2), (1, 2), (3, 5), (4, 5), (6, 7)], 8),  # 0 1 R | 2 3 R | 4 R
    ("offset", 4, 6, [(0, 3), (1, 3), (2, 3), (4, 7), (5, 7), (6, 7)], 8),  # 0 1 2 R | 3 4 5 R
    ("offset", 2, 3, [(0, 1), (2, 3), (4, 5)], 6),  # 0 R | 1 R | 2 R
    ("differential", 4, 2, [(0, 1), (2, 3)], 4),  # 0+ 0- 1+ 1-
    ("differential", 4, 3, [(0, 1), (2, 3), (4, 5)], 6),  # 0+ 0- 1+ 1- | 2+ 2-
    ("differential", 2, 3, [(0, 1), (2, 3), (4, 5)], 6),  # 0+ 0- | 1+ 1- | 2+ 2-
]


@pytest.mark.parametrize(("style", "cols", "outputs", "pairs", "columns"), PAIRS)
def test_columns_by_hand(
    style: str, cols: int, outputs: int, pairs: list[tuple[int, int]], columns: int
) -> None:
    assert [geometry.column_pair(style, cols, outputs, j) for j in range(outputs)] == pairs
    assert geometry.columns(style, cols, outputs) == columns


@pytest.mark.parametrize(
    ("style", "cols", "outputs"),
    [("offset", 2, 1), ("offset", 3, 2), ("offset", 8, 7), ("differential", 2, 1), ("differential", 5, 2)],
)
def test_outputs_of_a_tile_by_hand(style: str, cols: int, outputs: int) -> None:
    assert geometry.outputs_per_tile(style, cols) == outputs


@pytest.mark.parametrize(
    ("low", "high", "digit_bits", "digits"),
    [(0, 255, 1, 8), (0, 255, 3, 3), (0, 255, 8, 1), (-128, 127, 4, 2), (-8, 7, 3, 2), (0, 1, 4, 1)],
)
def test_digits_by_hand(low: int, high: int, digit_bits: int, digits: int) -> None:
    assert geometry.digits(low, high, digit_bits) == digits


@pytest.mark.parametrize(
    ("weight_bits", "cell_bits", "slices"), [(1, 1, 1), (4, 1, 4), (4, 3, 2), (5, 3, 2), (8, 2, 4), (3, 4, 1)]
)
def test_slices_by_hand(weight_bits: int, cell_bits: int, slices: int) -> None:
    assert geometry.slices(weight_bits, cell_bits) == slices


@pytest.mark.parametrize(
    ("inputs", "rows", "tiles"), [(784, 128, 7), (128, 128, 1), (129, 128, 2), (3, 4, 1)]
)
def test_row_tiles_by_hand(inputs: int, rows: int, tiles: int) -> None:
    assert geometry.row_tiles(inputs, rows) == tiles


@pytest.mark.parametrize(
    ("style", "grid", "times"),
    [("offset", "odd", 2), ("offset", "twos_complement", 1), ("differential", "odd", 1),
     ("differential", "twos_complement", 1)],
)  # fmt: skip
def test_how_often_the_positive_column_counts(style: str, grid: str, times: int) -> None:
    assert geometry.positive_weight(style, grid) == times


def layer(mapping: Mapping, cells: list[list[int]], bias: list[int], grid: str) -> Model:
    """One layer of 2-bit weights whose cells (inputs, columns) are given; converters lose nothing."""
    inputs, outputs = len(cells), len(bias)
    weights = np.ones((outputs, inputs), int)
    crossbar = Crossbar(mapping, np.array([cells]), Adc(range(1, 64), base=[0], step=[1]))
    return Model((Layer(weights, bias, 2, grid=grid, crossbar=crossbar),), InputFormat(2))


def test_offset_over_two_column_tiles_and_two_row_tiles_by_hand() -> None:
    """Each column tile has a reference of its own, here with cells that differ as after defects."""
    mapping = Mapping(rows=2, cols=3, cell_bits=2, digit_bits=1, style="offset", unit_bits=0)
    cells = [  # 0  1  R | 2  R
        [3, 0, 2, 1, 1],
        [2, 1, 2, 3, 0],  # the second row tile begins below
        [1, 3, 1, 0, 3],
    ]
    # x = (3, 1, 2). Column sums: 0: 9+2+2 = 13, 1: 0+1+6 = 7, R: 6+2+2 = 10, 2: 3+3+0 = 6, R: 3+0+6 = 9
    assert spec.logits(layer(mapping, cells, [0, 0, 0], "twos_complement"), [(3, 1, 2)]) == [[3, -3, -3]]
    # on the odd grid, the column counts twice: 26-10, 14-10, 12-9
    assert spec.logits(layer(mapping, cells, [0, 1, 0], "odd"), [(3, 1, 2)]) == [[16, 5, 3]]


def test_differential_over_two_column_tiles_by_hand() -> None:
    mapping = Mapping(rows=4, cols=4, cell_bits=2, digit_bits=2, style="differential", unit_bits=0)
    cells = [  # 0+ 0- 1+ 1- | 2+ 2-
        [3, 1, 0, 2, 1, 0],
        [0, 2, 1, 0, 3, 3],
    ]
    # x = (2, 3): 0: 6 - (2 + 6) = -2, 1: 3 - 4 = -1, 2: 2 + 9 - 9 = 2
    assert spec.logits(layer(mapping, cells, [0, 0, 10], "twos_complement"), [(2, 3)]) == [[-2, -1, 12]]
