"""How weights lie in the cells of memristive tiles and how inputs are driven, as data.

`qsim.spec.geometry` says where things lie; this is what it is asked with.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import QsimError
from ..spec import geometry
from .checks import checked_int

CELL_BITS = 8  # at most
UNIT_BITS = 8
MAX_CELL = (1 << 15) - 1  # largest conductance, in units


@dataclass(frozen=True)
class Mapping:
    """How a layer's weights lie on tiles and how its inputs are driven.

    Parameters
    ----------
    rows, cols : int
        Size of a tile: rows are inputs, columns of cells are read together. A tile has `cols` physical
        columns, those of reference included.
    cell_bits : int
        Bits c of a cell, 1 to 8: its level runs from 0 to 2**c - 1. A q-bit weight takes ceil(q / c) slices.
    digit_bits : int
        Bits d of an input digit, 1 to 16. A b-bit input code is driven in ceil(b / d) digits.
    style : "offset" or "differential"
        offset: a weight's level is its stored code + 2**(q - 1), and each tile's last column is the
        reference that stands for weight 0. differential: a pair of columns a weight, one for each sign.
    unit_bits : int
        A level is 2**unit_bits units of conductance; 0 to 8.

    Raises
    ------
    QsimError
        If a number is outside its range or the style is unknown.
    """

    rows: int = 128
    cols: int = 128
    cell_bits: int = 1
    digit_bits: int = 1
    style: str = "offset"
    unit_bits: int = 6

    def __post_init__(self) -> None:
        checked_int(self.rows, 1, 1 << 16, "rows of a tile")
        checked_int(self.cols, 2, 1 << 15, "columns of a tile")
        checked_int(self.cell_bits, 1, CELL_BITS, "cell bits")
        checked_int(self.digit_bits, 1, 16, "digit bits")
        checked_int(self.unit_bits, 0, UNIT_BITS, "unit bits")
        if self.style not in geometry.STYLES:
            raise QsimError(f"mapping is {self.style!r}; {' or '.join(geometry.STYLES)} is needed")
        if self.top << self.unit_bits > MAX_CELL >> 1:
            raise QsimError(
                f"{self.cell_bits}-bit cells in units of 1/{1 << self.unit_bits} of a level reach "
                f"{self.top << self.unit_bits}; at most {MAX_CELL >> 1} is allowed"
            )

    @property
    def top(self) -> int:
        """The highest level of a cell."""
        return (1 << self.cell_bits) - 1

    @property
    def unit(self) -> int:
        """Units of conductance in a level."""
        return 1 << self.unit_bits

    @property
    def per_tile(self) -> int:
        """Outputs whose columns lie in one tile."""
        return geometry.outputs_per_tile(self.style, self.cols)

    def slices(self, bits: int) -> int:
        """Cells that a weight of `bits` bits takes in one column.

        Parameters
        ----------
        bits : int
            Width of a stored weight.

        Returns
        -------
        int
        """
        return geometry.slices(bits, self.cell_bits)

    def digits(self, low: int, high: int) -> int:
        """Digits in which a code from `low` to `high` is driven.

        Parameters
        ----------
        low, high : int
            The range of the input codes, both ends included.

        Returns
        -------
        int
        """
        return geometry.digits(low, high, self.digit_bits)

    def tiles(self, inputs: int) -> int:
        """Tiles over which the inputs are spread.

        Parameters
        ----------
        inputs : int
            Inputs of the layer.

        Returns
        -------
        int
        """
        return geometry.row_tiles(inputs, self.rows)

    def columns(self, outputs: int) -> int:
        """Physical columns of all tiles side by side.

        Parameters
        ----------
        outputs : int
            Outputs of the layer.

        Returns
        -------
        int
            Columns of reference included.
        """
        return geometry.columns(self.style, self.cols, outputs)

    def pair(self, output: int, outputs: int) -> tuple[int, int]:
        """The physical columns that count for and against an output.

        Parameters
        ----------
        output : int
            0 to `outputs` - 1.
        outputs : int
            Outputs of the layer.

        Returns
        -------
        tuple of int
            The positive and the negative (or reference) column, each from 0.
        """
        return geometry.column_pair(self.style, self.cols, outputs, output)

    def positive_weight(self, grid: str) -> int:
        """How often the positive column counts: twice for offset on the odd grid, else once.

        Parameters
        ----------
        grid : "odd" or "twos_complement"

        Returns
        -------
        int
            1 or 2.
        """
        return geometry.positive_weight(self.style, grid)
