"""Faults in the program that runs on matrix tiles, which emulated tiles must notice: see `planting`."""

import pytest
from planting import Fault, planted

pytestmark = pytest.mark.slow
PROGRAM = "tests/kernel/test_tile_program.py"
FAULTS = [
    Fault(
        "the second tile of images is the first again",
        "qsim.kernel.dense.tiles._block.rows_of",
        "b.add(address, b.mul(second, pitch))",
        "address",
        PROGRAM,
    ),
    Fault(
        "a tile of images is not loaded again where another took its register",
        "qsim.kernel.dense.tiles._block.step",
        "held.get(tile) != i",
        "tile not in held",
        PROGRAM,
    ),
    Fault(
        "weights go on where the tile before ended, whatever the panel's width",
        "qsim.kernel.dense.tiles._block.step",
        "b.mul(groups, stride)",
        "b.mul(groups, ir.Constant(I64, BYTES))",
        PROGRAM,
    ),
    Fault(
        "a row does not end in zeros",
        "qsim.kernel.dense.tile_layer.align",
        "            target[k] = 0",
        "            target[k] = 1",
        PROGRAM,
    ),
    Fault(
        "images that fill no strip are left out",
        "qsim.kernel.dense.tile_layer.strips.on_tiles",
        "range(0, images, STRIP)",
        "range(0, images - rows + 1, STRIP)",
        PROGRAM,
    ),
    Fault(
        "tiles have fifteen rows",
        "qsim.kernel.dense.tiles.shapes",
        "bytes([ROWS] * TILES)",
        "bytes([ROWS - 1] * TILES)",
        PROGRAM,
    ),
]


test_an_untouched_copy_passes, test_a_broken_copy_fails = planted(FAULTS)
