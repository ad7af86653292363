"""What travels beside the data: where a read belongs, and where a cell is written."""

from __future__ import annotations

from amaranth.hdl import unsigned
from amaranth.lib import data

from ...shape.crossbar import NEAR, CrossbarShape


def place(shape: CrossbarShape) -> data.StructLayout:
    """One read of `pe` columns: its tile, digit, slice, group of columns and image.

    `valid` is 1 where there is a read. `starts_group`, `ends_group` mark the first and the last of a
    group of columns, `ends_frame` the last of the last group; the two ends are 0 where none is. The
    image's number is there where noise needs it.
    """
    flags = {"valid": 1, "starts_group": 1, "ends_group": 1, "ends_frame": 1}
    counters = {"tile": shape.tiles, "digit": shape.digits, "slice": shape.slices, "group": shape.groups}
    counted = {name: range(n) for name, n in counters.items()}
    return data.StructLayout(flags | counted | {"image": unsigned(32 if shape.amplitude_bits else 0)})


def cell_write(shape: CrossbarShape) -> data.StructLayout:
    """One word of one memory of cells, written at the end of each cycle in which `enable` is 1.

    `bank` counts the memories of the first column of a group, those of the second, and so on; none
    may be written while a frame is inside.
    """
    return data.StructLayout(
        {
            "enable": 1,
            "bank": range(shape.pe * -(-shape.simd // NEAR)),
            "address": range(max(2, shape.cell_words)),
            "word": min(NEAR, shape.simd) * shape.cell_bits,
        }
    )
