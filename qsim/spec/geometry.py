"""Where things lie on the tiles of a crossbar, in plain integers: the one definition.

A tile has `rows` rows (inputs) and `cols` physical columns. In the `offset` style an output takes one
column and each tile's last used column is the reference that stands for weight 0; in the `differential`
style an output takes two neighbouring columns, one for each sign.
"""

from __future__ import annotations

STYLES = ("offset", "differential")


def ceil_div(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


def code_range(bits: int, signed: bool) -> tuple[int, int]:
    """The smallest and the largest input code of `bits` bits."""
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def slices(weight_bits: int, cell_bits: int) -> int:
    """Cells that a weight takes in one column."""
    return ceil_div(weight_bits, cell_bits)


def signed_width(low: int, high: int) -> int:
    """The least two's complement width that holds low to high."""
    return max(high, ~low, 0).bit_length() + 1


def digits(low: int, high: int, digit_bits: int) -> int:
    """Digits in which a code from `low` to `high` is driven, at least one."""
    return max(1, ceil_div((high - low).bit_length(), digit_bits))


def row_tiles(inputs: int, rows: int) -> int:
    """Tiles over which the inputs are spread."""
    return ceil_div(inputs, rows)


def outputs_per_tile(style: str, cols: int) -> int:
    """Outputs whose columns lie in one tile."""
    return cols - 1 if style == "offset" else cols // 2


def columns(style: str, cols: int, outputs: int) -> int:
    """Used physical columns of all tiles side by side."""
    if style == "differential":
        return 2 * outputs
    return outputs + ceil_div(outputs, outputs_per_tile(style, cols))


def column_pair(style: str, cols: int, outputs: int, output: int) -> tuple[int, int]:
    """The physical columns that count for and against an output.

    offset: outputs fill a tile's columns, its reference is the last one. differential: 2j and 2j + 1.
    """
    if style == "differential":
        return 2 * output, 2 * output + 1
    tile = output // outputs_per_tile(style, cols)
    return output + tile, min((tile + 1) * cols, columns(style, cols, outputs)) - 1


def positive_weight(style: str, grid: str) -> int:
    """How often the positive column counts: twice for offset on the odd grid, else once."""
    return 2 if style == "offset" and grid == "odd" else 1
